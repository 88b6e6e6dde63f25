"""One zip of a media store: its index, taken once, and its members by offset. Nothing is ever unpacked to a file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import IO

from pipeline.model.errors import SourceError
from pipeline.storage.zip_directory import OpenZip, ZipDirectory, ZipEntry, member_path

MAX_MEMBERS = 100_000_000


class ZipPart:
    """A zip, indexed by the paths of its members; safe to read from threads.

    Of several members with one path none is read: readers differ in which of them they take. Raises SourceError when
    the zip cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.filename = os.fspath(path)
        self.NameToInfo: dict[str, ZipEntry] = {}  # named as in zipfile.ZipFile
        self.repeated: dict[str, int] = {}
        """Paths that several members have, and how many."""
        try:
            self._directory = ZipDirectory(path, MAX_MEMBERS)
            self._zip = OpenZip(self._directory)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise SourceError(
                f"the media store cannot be read: {error}",
                where=self.filename,
                expected="a whole zip archive",
                remedy="download it again, or unpack it and name the folder",
            ) from error
        for entry in self._directory.entries:
            name = member_path(entry.name)
            if not entry.is_folder and self.NameToInfo.setdefault(name, entry) is not entry:
                self.repeated[name] = self.repeated.get(name, 1) + 1

    def close(self) -> None:
        """Close the zip."""
        self._zip.close()

    def listing(self) -> list[str]:
        """Return name, size and CRC-32 of every member, as lines."""
        return [f"{m.name}\t{m.size}\t{m.crc:08x}" for m in self._directory.entries if not m.is_folder]

    def open(self, entry: ZipEntry) -> IO[bytes]:
        """Return one member as a stream; raises what OpenZip.open does."""
        return self._zip.open(entry)
