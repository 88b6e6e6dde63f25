"""Media stores: a folder of files, a zip or tar, or a folder of such parts, read under the same caps as the network.

Paths come from a release's tables, so they are foreign input: one that would leave the store finds nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, ClassVar, Self

from pipeline.media.stores.tar_part import TarPart
from pipeline.media.stores.zip_part import ZipPart
from pipeline.model.errors import SourceError
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome
from pipeline.storage.zip_directory import ENCRYPTED

Take = Callable[[int], object]
"""Told how many bytes of a body have been read, part by part; may wait before it returns."""
_CHUNK = 1 << 20
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class Store(ABC):
    """Media that somebody holds; a context manager. Reading from several threads is safe."""

    remote: ClassVar[bool] = False
    """Whether a read waits for a network, so that several at a time are worth while."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what the store holds open."""
        return

    @abstractmethod
    def listing_digest(self) -> str:
        """Return a SHA-256 of what the store lists, which tells a change without reading millions of images."""

    @abstractmethod
    def read(self, relative_path: str, max_bytes: int, take: Take | None = None) -> Fetched:
        """Return the bytes of one medium by its path inside the store ('/' between parts), or why there are none.

        `take` is told of the bytes as they are read.
        """


class LocalStore(Store):
    """Media that lie beside the release: a folder, its zip or tar parts, or both.

    Files are looked up first, then members of the parts. Members are found by their exact name, else by the one
    member whose name ends with '/' + path: BIOSCAN zips put everything below 'bioscan5m/images/'. Two members of a zip
    with one name are none, and cost this one medium; of a tar's the last counts. Memory: the index of each part, about
    0.4 kB per member.
    """

    def __init__(self, folder: Path | None, archives: tuple[Path, ...]) -> None:
        self._folder = folder
        self._root = folder.resolve() if folder is not None else None
        self._zips: list[ZipPart | TarPart] = []
        self._by_name: dict[str, list[tuple[int, str]]] | None = None
        try:
            for path in archives:
                self._zips.append(TarPart(path) if _is_tar(path) else ZipPart(path))
        except SourceError:
            self.close()
            raise

    def listing_digest(self) -> str:
        """Return a SHA-256 of what the store lists: names and sizes, and the CRC-32 of zip members, times of tar
        members.

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
        if self._folder is None or self._root is None:
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
            return _too_large(name, state.st_size, max_bytes)
        try:
            with path.open("rb") as file:
                return read_stream(file, name, max_bytes, take)
        except OSError as error:
            return Fetched(Outcome.MISSING_FILE, final_url=name, detail=f"cannot be read: {error.strerror}")

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


def open_store(path: Path | str) -> Store:
    """Open a media store: a folder, a zip or tar, a folder of such parts, or an address that fsspec understands.

    Raises SourceError when the path does not exist, or a part cannot be read. A compressed tar has no index and would
    be read from its start for every image, so it is refused.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_store(folder) as store:
    ...     _ = Path(folder, "a.txt").write_bytes(b"abc")
    ...     store.read("a.txt", 100).data, store.read("../a.txt", 100).outcome.code
    (b'abc', 'missing_file')
    """
    if "://" in str(path):
        from pipeline.media.stores.remote_store import RemoteStore

        return RemoteStore(str(path))
    path = Path(path)
    if path.is_dir():
        files = sorted(entry for entry in path.iterdir() if entry.is_file())
        return LocalStore(path, tuple(part for part in files if part.suffix.lower() in (".zip", ".tar")))
    if path.is_file():
        return LocalStore(None, (path,))
    raise SourceError(
        "the media store does not exist",
        where=os.fspath(path),
        expected="a folder of images, a zip or tar, a folder of zips or tars, or an address such as s3://bucket/folder",
        remedy="correct `media` of the source, or leave it out to fetch from URLs",
    )


def path_problem(path: str) -> str:
    """Return why a path cannot be a path inside the store; empty when it can."""
    if not path or "\0" in path:
        return "an empty path, or one with a null character"
    if "\\" in path:
        return "a backslash in the path"
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or (len(parts[0]) == 2 and parts[0][1] == ":"):
        return "the path leads out of the store"
    return ""


def _read_member(archive: ZipPart | TarPart, member: str, max_bytes: int, take: Take | None = None) -> Fetched:
    if isinstance(archive, TarPart):
        address = _address(archive, member)
        size = archive.NameToInfo[member].size
        if size > max_bytes:
            return _too_large(address, size, max_bytes)
        with archive.open(member) as part:
            return read_stream(part, address, max_bytes, take)
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
        return _too_large(address, info.size, max_bytes)
    try:
        with archive.open(info) as stream:
            return read_stream(stream, address, max_bytes, take)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        return Fetched(Outcome.CORRUPT, final_url=address, detail=f"the zip member is damaged: {error}"[:300])


def read_stream(stream: IO[bytes], address: str, max_bytes: int, take: Take | None = None) -> Fetched:
    """Read a stream to its end, whatever size was declared for it; `take` is told of each part."""
    body = bytearray()
    while chunk := stream.read(_CHUNK):
        if take is not None:
            take(len(chunk))
        body += chunk
        if len(body) > max_bytes:
            return _too_large(address, len(body), max_bytes)
    if not body:
        return Fetched(Outcome.EMPTY, final_url=address, detail="a file of 0 bytes")
    return Fetched(None, data=bytes(body), final_url=address, attempts=1)


def _too_large(address: str, size: int, max_bytes: int) -> Fetched:
    return Fetched(Outcome.TOO_LARGE, final_url=address, detail=f"{size} bytes or more, {max_bytes} allowed")


def _address(archive: ZipPart | TarPart, member: str) -> str:
    return f"{Path(archive.filename).name}!{member}"
