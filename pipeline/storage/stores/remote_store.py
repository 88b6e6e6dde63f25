"""Any place that fsspec knows as a store: object stores (s3://, gs://, az://), memory://, sftp:// and the rest."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

from pipeline.storage.files.failures import FailureKind, failure_code, failure_kind, failures
from pipeline.storage.files.file_systems import file_system
from pipeline.storage.stores.memory import Memory
from pipeline.storage.stores.patience import patiently
from pipeline.storage.stores.stated import SUMMED, md5_of, stated_entry
from pipeline.storage.stores.store import CHUNK, Entry, Span, Store
from pipeline.storage.stores.store_error import StoreError, cut_error, short_error, store_error, too_large_error

_FLAT = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"})
"""Stores without folders, where making one would make a bucket of whatever name was typed."""
_S3 = frozenset({"s3", "s3a"})
_BARE_CODES = ("400", "403")
"""What S3 clients make of an answer without a body."""
"""Those whose client takes a way with fewer requests, where it is told how."""
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
        self.memory = Memory()
        self.guard: Callable[[], None] | None = None
        """What is called before anything is written or deleted, and raises where this process may not any more."""
        scheme = self.where.partition("://")[0]
        self._flat, self._s3 = scheme in _FLAT, scheme in _S3

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
        if limit is None:
            data = self.memory.read(name)
            if data is None:
                data = self._whole_file(name)
                self.memory.was_read(name, data)
            return data
        with self._file(name, "read") as (fs, path):
            try:
                data = bytes(fs.cat_file(path, start=0, end=limit + 1))
            except failures() as error:
                if failure_kind(error) is not FailureKind.SHORT:
                    raise
                data = b""  # an empty object has no range at all
        if len(data) > limit:
            raise too_large_error(limit, self._named(name))
        return data

    def _whole_file(self, name: str) -> bytes:
        with self._file(name, "read") as (fs, path):
            # s3fs asks for the size first, so as to read the parts of a large file at the same time.
            return bytes(fs.cat_file(path, max_concurrency=1) if self._s3 else fs.cat_file(path))

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

    @patiently
    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file; what breaks off is read again from its beginning."""
        return super().digest(name)

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

    def entry(self, name: str) -> Entry | None:
        """Return size and version of a file."""
        known = self.memory.entry(name)
        return self._looked_at(name)[0] if known is None else known

    @patiently
    def _looked_at(self, name: str) -> tuple[Entry | None, bool]:
        """Return a file, and whether there is a folder of that name."""
        with self._file(name, "read") as (fs, path):
            fs.invalidate_cache(path)
            try:
                info = fs.info(path)
            except failures() as error:
                if failure_kind(error) is FailureKind.MISSING:
                    return None, False
                raise
            folder = info.get("type") == "directory"
            return (None, True) if folder else (stated_entry(name, info), False)

    def there(self, name: str) -> bool:
        """Return whether there is a file of that name, or a folder that holds one."""
        if self.memory.entry(name) is not None:
            return True
        file, folder = self._looked_at(name)
        return file is not None or (folder and self.holds(name))

    def holds(self, folder: str) -> bool:
        """Return whether any file lies in a folder; of S3, no more than two names of it are listed."""
        known = self.memory.listing(folder)
        if known is not None:
            return bool(known)
        return bool(self._find(folder, most=2) if self._s3 else self.listing(folder))

    def few(self, below: str, most: int) -> dict[str, Entry] | None:
        """Return what `listing` does, where S3 has fewer than `most` files."""
        found = self._find(below, most) if self._s3 else {}
        return found if 0 < len(found) < most else None

    def listing(self, below: str = "") -> dict[str, Entry]:
        """Return every file below the address; the empty objects that stand for folders are none."""
        found = self.memory.listing(below)
        if found is None:
            found = self._find(below)
            self.memory.listed(below, found)
        return found

    @patiently
    def _find(self, below: str, most: int | None = None) -> dict[str, Entry]:
        """Return the files below a folder, or, of S3, no more than `most`."""
        with self._file(below, "listed") as (fs, folder):
            fs.invalidate_cache()
            try:
                if self._s3 and "/" in folder:
                    # Asked for by its beginning, a folder without files costs no questions whether it is a file.
                    parent, _, last = folder.rpartition("/")
                    infos = fs.find(parent, detail=True, prefix=f"{last}/", max_items=most)
                else:
                    infos = fs.find(folder, detail=True)
            except failures() as error:
                if failure_kind(error) is FailureKind.MISSING:
                    return {}
                raise
            except KeyError as error:  # a page that says that others follow, and not where
                if not self._s3 or error.args != ("NextContinuationToken",):
                    raise
                raise cut_error(self._named(below)) from error
        found = {}
        for path, info in infos.items():
            name = path[len(self._root) :].removeprefix("/")
            if name != below and not name.endswith("/") and info.get("type") != "directory":
                found[name] = stated_entry(name, info)
        return found

    @patiently
    def write(self, name: str, data: bytes) -> None:
        """Write a small file."""
        with self._written(name) as (fs, path):
            fs.pipe_file(path, data)
        self.memory.wrote(name, len(data), data)

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
        self.memory.wrote(name, len(data), data)
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
        size = source.stat().st_size
        if self.memory.keeps(size):
            self.memory.wrote(name, size, source.read_bytes())
        else:
            self.memory.wrote(name, size, md5=md5_of(source) if size <= SUMMED else "")

    @patiently
    def delete(self, name: str) -> None:
        """Delete a file."""
        if self.guard is not None:
            self.guard()
        self.memory.deleted(name)
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
            raise store_error(self._worded(name, error), self._named(name), done) from error

    def _worded(self, name: str, error: BaseException) -> BaseException:
        """Return a failure with the store's word for it: an answer to HEAD has no body and so no reason, GET's has."""
        if not self._s3 or failure_code(error) not in _BARE_CODES:
            return error
        try:
            self._connect().cat_file(self._path(name), start=0, end=1)
        except failures() as told:
            return error if failure_code(told) in ("", *_BARE_CODES) else told
        return error

    @contextmanager
    def _written(self, name: str) -> Iterator[tuple[Any, str]]:
        """Yield the file system and the path of a file that will be written, whose folder is there."""
        if self.guard is not None:
            self.guard()
        with self._file(name, "written", itself=False) as (fs, path):
            folder = path.rpartition("/")[0]
            if folder not in self._folders and not self._flat:
                fs.makedirs(folder, exist_ok=True)
                self._folders.add(folder)
            yield fs, path
