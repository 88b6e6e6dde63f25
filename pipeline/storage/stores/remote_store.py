"""Any place that fsspec knows as a store: object stores (s3://, gs://, az://), memory://, sftp:// and the rest."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

from pipeline.storage.files.failures import FailureKind, failure_kind, failures
from pipeline.storage.files.file_systems import file_system
from pipeline.storage.stores.patience import patiently
from pipeline.storage.stores.store import CHUNK, Entry, Span, Store
from pipeline.storage.stores.store_error import StoreError, short_error, store_error, too_large_error

_VERSION_KEYS = ("ETag", "etag", "md5", "generation", "LastModified", "mtime", "created")
_FLAT = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"})
"""Stores without folders, where making one would make a bucket of whatever name was typed."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # of the disk that is copied to, never of a store


class RemoteStore(Store):
    """Reads and writes through fsspec; the ranges of one call at the same time where the file system can.

    Raises StorageError when fsspec cannot open the address; nothing is asked of the store before it is used.

    >>> store = RemoteStore("memory://doctest/shards/")
    >>> store.write("a b/#1?.txt", b"0123456789")
    >>> store.where, store.spans([Span("a b/#1?.txt", 2, 5)]), sorted(store.listing())
    ('memory://doctest/shards', [b'234'], ['a b/#1?.txt'])
    """

    def __init__(self, address: str, patience: float = 0.0) -> None:
        """`patience`: seconds in which a store that is busy or cannot be reached is asked again."""
        scheme, _, rest = address.partition("://")
        self.__setstate__({"where": f"{scheme}://{rest.rstrip('/')}", "patience": patience})
        self._connect()

    def __getstate__(self) -> dict[str, Any]:
        return {"where": self.where, "patience": self.patience}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.where, self.patience = state["where"], state["patience"]
        self._fs: Any = None
        self._root = ""
        self._pid = 0
        self._folders: set[str] = set()

    @property
    def _flat(self) -> bool:
        return self.where.partition("://")[0] in _FLAT

    @property
    def file_system(self) -> Any:
        """fsspec's file system of this process, for what reads through it itself (DuckDB)."""
        return self._connect()

    def _connect(self) -> Any:
        """Return the file system; a forked process gets a connection of its own."""
        if self._fs is None or self._pid != os.getpid():
            self._fs, self._root = file_system(self.where, fresh=bool(self._pid))
            self._pid = os.getpid()
        return self._fs

    @patiently
    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return a whole file."""
        with self._file(name, "read") as (fs, path):
            if limit is None:
                return bytes(fs.cat_file(path))
            try:
                data = bytes(fs.cat_file(path, start=0, end=limit + 1))
            except failures() as error:
                if failure_kind(error) is not FailureKind.SHORT:
                    raise
                data = b""  # an empty object has no range at all
        if len(data) > limit:
            raise too_large_error(limit, self._named(name))
        return data

    @patiently
    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span."""
        fs = self._connect()
        for span in wanted:
            self.check_name(span.name)
        asked = [span for span in wanted if span.end > span.start]  # no request can ask for no byte
        paths = [self._path(span.name) for span in asked]
        try:
            # With "raise" some versions of fsspec hand out the exceptions as if they were bytes.
            got = fs.cat_ranges(paths, [s.start for s in asked], [s.end for s in asked], on_error="return")
        except failures() as error:
            raise store_error(error, self.where) from error
        found = iter([self._whole(data, span) for data, span in zip(got, asked, strict=True)])
        return [next(found) if span.end > span.start else b"" for span in wanted]

    def _whole(self, data: Any, span: Span) -> bytes:
        """Return the bytes of a span, or raise what came in their place."""
        size = span.end - span.start
        if isinstance(data, BaseException):
            if not isinstance(data, failures()):
                raise data
            if failure_kind(data) is FailureKind.SHORT:
                raise short_error(0, size, span.within(self.where)) from data
            raise store_error(data, self._named(span.name)) from data
        if len(data) != size:
            raise short_error(len(data), size, span.within(self.where))
        return bytes(data)

    def stream(self, name: str, chunk: int | None = None) -> Generator[bytes, None, None]:
        """Yield a file's bytes; a body that ends before the size that was stated raises StoreError."""
        seen, size = 0, None
        with self._file(name, "read") as (fs, path):
            fs.invalidate_cache(path)  # a size out of an earlier listing would cut a file that has grown
            with fs.open(path, "rb", **({"block_size": chunk} if chunk else {})) as file:
                size = getattr(file, "size", None)
                while part := file.read(chunk or CHUNK):
                    seen += len(part)
                    yield part
        if isinstance(size, int) and seen < size:
            raise short_error(seen, size, self._named(name))

    @patiently
    def _copy_to(self, name: str, path: Path) -> None:
        try:
            with self._file(name, "read") as (fs, source):
                fs.get_file(source, str(path))
        except StoreError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
                raise error.__cause__ from None
            raise

    @patiently
    def entry(self, name: str) -> Entry | None:
        """Return size and version of a file."""
        with self._file(name, "read") as (fs, path):
            fs.invalidate_cache(path)
            try:
                info = fs.info(path)
            except failures() as error:
                if failure_kind(error) is FailureKind.MISSING:
                    return None
                raise
            return None if info.get("type") == "directory" else _entry(name, info)

    @patiently
    def listing(self, below: str = "") -> dict[str, Entry]:
        """Return every file below the address; the empty objects that stand for folders are none."""
        with self._file(below, "listed") as (fs, folder):
            fs.invalidate_cache()
            try:
                infos = fs.find(folder, detail=True)
            except failures() as error:
                if failure_kind(error) is FailureKind.MISSING:
                    return {}
                raise
        found = {}
        for path, info in infos.items():
            name = path[len(self._root) :].removeprefix("/")
            if name != below and not name.endswith("/") and info.get("type") != "directory":
                found[name] = _entry(name, info)
        return found

    @patiently
    def write(self, name: str, data: bytes) -> None:
        """Write a small file."""
        with self._written(name) as (fs, path):
            fs.pipe_file(path, data)

    @patiently
    def create(self, name: str, data: bytes) -> bool:
        """Write a small file unless there is one of that name, by a conditional request where the store knows one."""
        with self._written(name) as (fs, path):
            try:
                fs.pipe_file(path, data, mode="create")
            except (NotImplementedError, TypeError, ValueError):  # a file system that knows no such request
                if fs.exists(path):
                    return False
                fs.pipe_file(path, data)
            except failures() as error:
                if failure_kind(error) is FailureKind.EXISTS:
                    return False
                raise
        return True

    @patiently
    def modified(self, name: str) -> float:
        """Return when a file was written, as the store says."""
        with self._file(name, "read") as (fs, path):
            fs.invalidate_cache(path)
            try:
                when = fs.modified(path)
            except NotImplementedError as error:
                raise StoreError("the store does not say when a file was written", self._named(name)) from error
        return float((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())

    @patiently
    def put(self, name: str, source: Path) -> None:
        """Copy a file of this machine to the store."""
        with self._written(name) as (fs, path):
            fs.put_file(str(source), path)

    @patiently
    def delete(self, name: str) -> None:
        """Delete a file."""
        with self._file(name, "deleted", itself=False) as (fs, path):
            try:
                fs.rm_file(path)
            except failures() as error:
                if failure_kind(error) is not FailureKind.MISSING:
                    raise

    def _named(self, name: str) -> str:
        return f"{self.where}/{name}" if name else self.where

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _file(self, name: str, done: str, itself: bool = True) -> Iterator[tuple[Any, str]]:
        """Yield the file system and a name's path of it; what the client raises is a StoreError."""
        self.check_name(name, itself)
        fs = self._connect()
        try:
            yield fs, self._path(name)
        except failures() as error:
            raise store_error(error, self._named(name), done) from error

    @contextmanager
    def _written(self, name: str) -> Iterator[tuple[Any, str]]:
        """Yield the file system and the path of a file that will be written, whose folder is there."""
        with self._file(name, "written", itself=False) as (fs, path):
            folder = path.rpartition("/")[0]
            if folder not in self._folders and not self._flat:
                fs.makedirs(folder, exist_ok=True)
                self._folders.add(folder)
            yield fs, path


def _entry(name: str, info: dict[str, Any]) -> Entry:
    version = ", ".join(f"{key} {info[key]}" for key in _VERSION_KEYS if info.get(key))
    size = info.get("size")
    return Entry(name, None if size is None else int(size), version)
