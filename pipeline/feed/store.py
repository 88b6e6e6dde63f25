"""Where shards lie: a folder of this machine, read by position, or any address that fsspec knows, read by ranges."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

from pipeline.model.errors import FeedError
from pipeline.storage.file_systems import failures, file_system, reason

_OPEN_FILES = 128


class Span(NamedTuple):
    """Bytes `start` to `end` (excluded) of a file."""

    name: str
    start: int
    end: int
    key: str = ""
    """Sample that lies there, or begins there; said in errors."""


class Store(Protocol):
    """A folder of shards. A store survives pickling and forking; it opens what it needs again."""

    where: str

    def read(self, name: str) -> bytes:
        """Return a whole (small) file; raises FeedError when it cannot be read."""

    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span, in order; raises FeedError when one cannot be read or is short."""


def open_store(where: str | os.PathLike[str]) -> Store:
    """Return the store of a local folder, or of an address with a scheme such as 's3://bucket/shards'.

    Raises FeedError when the folder does not exist, StorageError when fsspec cannot open the address.

    >>> open_store("/nowhere/shards")
    Traceback (most recent call last):
        ...
    pipeline.model.errors.FeedError: no such folder of shards
      where:  /nowhere/shards
    """
    text = os.fspath(where)
    if "://" in text:
        return RemoteStore(text)
    if not Path(text).is_dir():
        raise FeedError("no such folder of shards", text)
    return LocalStore(Path(text))


class LocalStore:
    """Reads by position (pread), keeping a bounded number of files open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.where = str(self._folder)
        self._reset()

    def _reset(self) -> None:
        self._open: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"_folder": self._folder, "where": self.where}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def __del__(self) -> None:
        while getattr(self, "_open", None):
            os.close(self._open.popitem()[1])

    def read(self, name: str) -> bytes:
        """Return a whole file."""
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise _unreadable(f"{self.where}/{name}", error) from error

    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span."""
        found = []
        # The lock keeps a file from being closed between its opening and its reading by another thread.
        with self._lock:
            for span in wanted:
                try:
                    data = os.pread(self._handle(span.name), span.end - span.start, span.start)
                except OSError as error:
                    raise _unreadable(f"{self.where}/{span.name}", error) from error
                found.append(_whole(data, span, self.where))
        return found

    def _handle(self, name: str) -> int:
        handle = self._open.pop(name, None)
        if handle is None:
            handle = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
        self._open[name] = handle
        if len(self._open) > _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        return handle


class RemoteStore:
    """Reads ranges through fsspec, those of one call at the same time where the file system can."""

    def __init__(self, address: str) -> None:
        self.where = address.rstrip("/")
        self._fs: Any = None
        self._pid = 0
        self._connect()

    def __getstate__(self) -> dict[str, Any]:
        return {"where": self.where}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.where, self._fs, self._pid = state["where"], None, 0

    def _connect(self) -> tuple[Any, str]:
        """Return file system and root; a forked process gets a connection of its own."""
        if self._fs is None or self._pid != os.getpid():
            self._fs, self._root = file_system(self.where, fresh=bool(self._pid))
            self._pid = os.getpid()
        return self._fs, self._root

    def read(self, name: str) -> bytes:
        """Return a whole file."""
        fs, root = self._connect()
        try:
            return bytes(fs.cat_file(f"{root}/{name}"))
        except failures() as error:
            raise _unreadable(f"{self.where}/{name}", error) from error

    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span."""
        fs, root = self._connect()
        paths = [f"{root}/{span.name}" for span in wanted]
        try:
            found = fs.cat_ranges(paths, [s.start for s in wanted], [s.end for s in wanted], on_error="raise")
        except failures() as error:
            raise _unreadable(self.where, error) from error
        return [_whole(bytes(data), span, self.where) for data, span in zip(found, wanted, strict=True)]


def _whole(data: bytes, span: Span, where: str) -> bytes:
    if len(data) != span.end - span.start:
        raise FeedError(
            f"the shard ends early: {len(data)} of {span.end - span.start} bytes",
            f"{where}/{span.name}, byte {span.start}" + (f", key {span.key}" if span.key else ""),
            "the shard that the manifest was written with",
            "find out what is wrong: biomill verify RUN",
        )
    return data


def _unreadable(where: str, error: BaseException) -> FeedError:
    return FeedError(f"the file cannot be read: {reason(error)}", where, "a file beside the shards")
