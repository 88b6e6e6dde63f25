"""One tar of a media store: its index, taken once, and its members by offset. Nothing is ever unpacked."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.model.errors import SourceError


@dataclass(frozen=True, slots=True)
class TarMember:
    """Where a regular file of a tar lies."""

    offset: int
    size: int
    mtime: float


class TarPart:
    """An uncompressed tar, indexed; links, devices and folders in it are not members. Safe to read from threads.

    Of members with one name the last counts, as tar itself has it. Raises SourceError when the tar cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.filename = os.fspath(path)
        self.NameToInfo: dict[str, TarMember] = {}  # named as in zipfile.ZipFile, beside which it is used
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    if member.isreg() and not member.issparse():
                        name = member.name.removeprefix("./")
                        self.NameToInfo[name] = TarMember(member.offset_data, member.size, member.mtime)
                    # tarfile remembers every header, which for a million members is a gigabyte.
                    vars(tar)["members"].clear()
            end = path.stat().st_size
            self._handle = os.open(path, os.O_RDONLY)
        except (tarfile.TarError, OSError, ValueError) as error:
            raise SourceError(
                f"the media store cannot be read: {error}",
                where=self.filename,
                expected="a whole, uncompressed tar",
                remedy="download it again; unpack a compressed one (gunzip), so that single images can be read",
            ) from error
        if any(member.offset + member.size > end for member in self.NameToInfo.values()):
            self.close()
            raise SourceError(
                "the media store breaks off within its last member",
                where=self.filename,
                expected="a whole, uncompressed tar",
                remedy="download it again",
            )

    def close(self) -> None:
        """Close the tar."""
        os.close(self._handle)

    def listing(self) -> list[str]:
        """Return name, size and time of every member, as lines."""
        return [f"{name}\t{m.size}\t{m.mtime}" for name, m in self.NameToInfo.items()]

    def open(self, member: str) -> IO[bytes]:
        """Return one member as a stream."""
        info = self.NameToInfo[member]
        return io.BytesIO(os.pread(self._handle, info.size, info.offset))
