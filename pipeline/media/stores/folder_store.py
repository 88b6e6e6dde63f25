"""Media that lie beside the release: a folder of files, a zip or tar, or a folder of such parts.

They are read under the same caps as the network; nothing is ever unpacked.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.media.stores.media_store import MediaStore, Take, path_problem, read_parts, too_large
from pipeline.media.stores.tar_part import TarPart
from pipeline.media.stores.zip_part import ZipPart
from pipeline.model.errors import SourceError
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome
from pipeline.storage.stores import LocalStore, StoreError
from pipeline.storage.zip_directory import ENCRYPTED

_CHUNK = 1 << 20
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class FolderStore(MediaStore):
    """Media that lie beside the release: a folder, its zip or tar parts, or both.

    Files are looked up first, then members of the parts. Members are found by their exact name, else by the one
    member whose name ends with '/' + path: BIOSCAN zips put everything below 'bioscan5m/images/'. Two members of a zip
    with one name are none, and cost this one medium; of a tar's the last counts. Memory: the index of each part, about
    0.4 kB per member.
    """

    def __init__(self, folder: Path | None, archives: tuple[Path, ...]) -> None:
        self._folder = folder
        self._root = folder.resolve() if folder is not None else None
        self._files = LocalStore(self._root) if self._root is not None else None
        self._zips: list[ZipPart | TarPart] = []
        self._by_name: dict[str, list[tuple[int, str]]] | None = None
        try:
            for path in archives:
                self._zips.append(TarPart(path) if _is_tar(path) else ZipPart(path))
        except SourceError:
            self.close()
            raise

    def listing_digest(self) -> str:
        """Return a SHA-256 of what the store lists: names and sizes, the CRC-32 of zip members, times of tar members.

        Each image's own SHA-256 is taken when it is read. Files of a folder that change in place, size and all, are
        not noticed.
        """
        lines = []
        if self._folder is not None:
            for path in self._folder.rglob("*"):
                if path.is_file() and not path.name.startswith("."):
                    lines.append(f"{path.relative_to(self._folder).as_posix()}\t{path.stat().st_size}")
        for archive in self._zips:
            lines += archive.listing()
        return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()

    def close(self) -> None:
        """Close every archive of the store."""
        for archive in self._zips:
            archive.close()

    def read(self, relative_path: str, max_bytes: int, take: Take | None = None) -> Fetched:
        """Return the bytes of one medium by its path inside the store ('/' between parts).

        Outcomes: MISSING_FILE (absent, ambiguous, twice in a zip, outside the store, not a regular file), TOO_LARGE,
        EMPTY, CORRUPT (a damaged or encrypted member), UNSUPPORTED_FORMAT (a zip method other than stored or deflate).
        """
        reason = path_problem(relative_path)
        if reason:
            return Fetched(Outcome.MISSING_FILE, detail=reason)
        name = PurePosixPath(relative_path).as_posix()
        answer = self._read_file(name, max_bytes, take)
        if answer is not None:
            return answer
        found = self._find(name)
        if len(found) == 1:
            index, member = found[0]
            return _read_member(self._zips[index], member, max_bytes, take)
        if found:
            some = ", ".join(_address(self._zips[index], member) for index, member in found[:3])
            return Fetched(Outcome.MISSING_FILE, detail=f"{len(found)} members end with this path: {some}")
        return Fetched(Outcome.MISSING_FILE, detail="no such file in the store")

    def _read_file(self, name: str, max_bytes: int, take: Take | None) -> Fetched | None:
        """Read a file of the folder; None when there is none of this name."""
        if self._folder is None or self._root is None or self._files is None:
            return None
        try:
            path = (self._folder / name).resolve()
            state = path.stat()
        except (OSError, RuntimeError, ValueError):  # absent, too long a name, or a circle of links
            return None
        if not path.is_relative_to(self._root):
            return Fetched(Outcome.MISSING_FILE, final_url=name, detail="a link leads out of the store")
        if not stat.S_ISREG(state.st_mode):
            return Fetched(Outcome.MISSING_FILE, final_url=name, detail="not a regular file")
        if state.st_size > max_bytes:
            return too_large(name, state.st_size, max_bytes)
        try:
            with closing(self._files.stream(path.relative_to(self._root).as_posix())) as parts:
                return read_parts(parts, name, max_bytes, take)
        except StoreError as error:
            return Fetched(Outcome.MISSING_FILE, final_url=name, detail=f"cannot be read: {error.reason}")

    def _find(self, name: str) -> list[tuple[int, str]]:
        """Return the (archive, member) pairs that a path may mean: the exact ones, else those that end with it."""
        exact = [(index, name) for index, archive in enumerate(self._zips) if name in archive.NameToInfo]
        if exact or not self._zips:
            return exact
        if self._by_name is None:
            by_name: dict[str, list[tuple[int, str]]] = {}
            for index, archive in enumerate(self._zips):
                for member in archive.NameToInfo:
                    by_name.setdefault(member.rpartition("/")[2], []).append((index, member))
            self._by_name = by_name  # assigned whole, so that another thread never sees half of it
        tail = "/" + name
        return [pair for pair in self._by_name.get(name.rpartition("/")[2], ()) if pair[1].endswith(tail)]


def _is_tar(path: Path) -> bool:
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz")) and path.is_file()


def _read_member(archive: ZipPart | TarPart, member: str, max_bytes: int, take: Take | None = None) -> Fetched:
    if isinstance(archive, TarPart):
        address = _address(archive, member)
        size = archive.NameToInfo[member].size
        if size > max_bytes:
            return too_large(address, size, max_bytes)
        with archive.open(member) as part:
            return read_parts(_parts(part), address, max_bytes, take)
    info = archive.NameToInfo[member]
    address = _address(archive, member)
    if member in archive.repeated:
        detail = f"{archive.repeated[member]} members of this name in one zip"
        return Fetched(Outcome.MISSING_FILE, final_url=address, detail=detail)
    if info.flags & ENCRYPTED:
        return Fetched(Outcome.CORRUPT, final_url=address, detail="the zip member is encrypted")
    if info.method not in _METHODS:
        detail = f"zip method {info.method}, only stored and deflate are read"
        return Fetched(Outcome.UNSUPPORTED_FORMAT, final_url=address, detail=detail)
    if info.size > max_bytes:
        return too_large(address, info.size, max_bytes)
    try:
        with archive.open(info) as stream:
            return read_parts(_parts(stream), address, max_bytes, take)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        return Fetched(Outcome.CORRUPT, final_url=address, detail=f"the zip member is damaged: {error}"[:300])


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(_CHUNK), b"")


def _address(archive: ZipPart | TarPart, member: str) -> str:
    return f"{Path(archive.filename).name}!{member}"
