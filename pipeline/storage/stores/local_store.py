"""A folder of this machine as a store: read by position, written under temporary names that are renamed."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakSet

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, atomic_path
from pipeline.storage.stores.store import CHUNK, Entry, Span, Store
from pipeline.storage.stores.store_error import StoreError, short_error, store_error, too_large_error

_OPEN_FILES = 128
_STORES: WeakSet[LocalStore] = WeakSet()


class LocalStore(Store):
    """Reads by position (pread), keeping a bounded number of files open.

    The folder need not be there yet. Links are followed; temporary names of writers are not listed. `where`: an address
    ('file:///data') that the folder was given by.

    >>> import tempfile
    >>> store = LocalStore(Path(tempfile.mkdtemp()))
    >>> store.write("a/b #1.txt", b"0123456789")
    >>> store.spans([Span("a/b #1.txt", 2, 5)]), sorted(store.listing()), store.entry("a/b #1.txt").size
    ([b'234'], ['a/b #1.txt'], 10)
    """

    def __init__(self, folder: Path, where: str = "") -> None:
        self.folder = folder.absolute()
        self.where = where or str(self.folder)
        self._reset()

    def _reset(self) -> None:
        self._open: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()
        _STORES.add(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "where": self.where}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def __del__(self) -> None:
        while getattr(self, "_open", None):
            os.close(self._open.popitem()[1])

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return a whole file."""
        with self._path(name, "read") as path, path.open("rb") as file:
            data = file.read() if limit is None else file.read(limit + 1)
        if limit is not None and len(data) > limit:
            raise too_large_error(limit, self._named(name))
        return data

    def spans(self, wanted: Sequence[Span]) -> list[bytes]:
        """Return the bytes of every span."""
        found = []
        # The lock keeps a file from being closed between its opening and its reading by another thread.
        with self._lock:
            for span in wanted:
                size = span.end - span.start
                try:
                    data = os.pread(self._handle(span.name), size, span.start)
                except OSError as error:
                    raise store_error(error, self._named(span.name)) from error
                if len(data) != size:
                    raise short_error(len(data), size, span.within(self.where))
                found.append(data)
        return found

    def _handle(self, name: str) -> int:
        handle = self._open.pop(name, None)
        if handle is None:
            self.check_name(name)
            handle = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
        self._open[name] = handle
        if len(self._open) > _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        return handle

    def stream(self, name: str, chunk: int | None = None) -> Generator[bytes, None, None]:
        """Yield a file's bytes."""
        with self._path(name, "read") as path, path.open("rb") as file:
            while part := file.read(chunk or CHUNK):
                yield part

    def _copy_to(self, name: str, path: Path) -> None:
        with self._path(name, "read") as source:
            file = source.open("rb")
        with file, path.open("wb") as copy:
            shutil.copyfileobj(file, copy, CHUNK)

    def entry(self, name: str) -> Entry | None:
        """Return size and version (times) of a regular file."""
        with self._path(name, "read") as path:
            try:
                return _entry(name, path)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def listing(self, below: str = "") -> dict[str, Entry]:
        """Return every regular file below the folder; circles of links are not followed."""
        found, seen = {}, set()
        with self._path(below, "listed") as top:
            for folder, folders, files in os.walk(top, onerror=_unless_missing, followlinks=True):
                state = Path(folder).stat()
                if (state.st_dev, state.st_ino) in seen:
                    folders.clear()
                    continue
                seen.add((state.st_dev, state.st_ino))
                for file in files:
                    path = Path(folder, file)
                    if not file.startswith(TEMPORARY_PREFIX):
                        name = path.relative_to(self.folder).as_posix()
                        try:
                            entry = _entry(name, path)
                        except FileNotFoundError:  # deleted since, or a link to nothing
                            continue
                        if entry is not None:
                            found[name] = entry
        return found

    def write(self, name: str, data: bytes) -> None:
        """Write a small file."""
        with self._path(name, "written", itself=False) as path, atomic_path(path) as temporary:
            temporary.write_bytes(data)
        self._forget(name)

    def create(self, name: str, data: bytes) -> bool:
        """Write a small file unless there is one of that name."""
        with self._path(name, "written", itself=False) as path:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{path.name}")
            try:
                with temporary.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(temporary, path)  # unlike a rename, it replaces nothing
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
        self._forget(name)
        return True

    def modified(self, name: str) -> float:
        """Return the time of a file's last change."""
        with self._path(name, "read") as path:
            return path.stat().st_mtime

    def put(self, name: str, source: Path) -> None:
        """Copy a file into the folder."""
        with self._path(name, "written", itself=False) as path, atomic_path(path) as temporary:
            shutil.copyfile(source, temporary)
        self._forget(name)

    def delete(self, name: str) -> None:
        """Delete a file."""
        with self._path(name, "deleted", itself=False) as path:
            path.unlink(missing_ok=True)
        self._forget(name)

    def _forget(self, name: str) -> None:
        """Close a file that is no longer the one of its name."""
        with self._lock:
            handle = self._open.pop(name, None)
            if handle is not None:
                os.close(handle)

    def _named(self, name: str) -> str:
        return f"{self.where}/{name}" if name else self.where

    @contextmanager
    def _path(self, name: str, done: str, itself: bool = True) -> Iterator[Path]:
        """Yield the path of a name; what fails with it is a StoreError."""
        self.check_name(name, itself)
        try:
            yield self.folder / name
        except StoreError:
            raise
        except OSError as error:
            raise store_error(error, self._named(name), done) from error
        except StorageError as error:  # of atomic_path, which has told an OSError already
            raise store_error(error.__cause__ or error, self._named(name), done) from error


def _entry(name: str, path: Path) -> Entry | None:
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        return None
    return Entry(name, state.st_size, f"mtime {state.st_mtime}, created {state.st_ctime}")


def _unless_missing(error: OSError) -> None:
    """Raise what a walk met; a folder that is not there, or is a file, holds nothing."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def _unlock() -> None:
    for store in list(_STORES):
        store._lock = Lock()


# Another thread may hold a lock when the process is forked; in the child nobody would ever give it back.
os.register_at_fork(after_in_child=_unlock)
