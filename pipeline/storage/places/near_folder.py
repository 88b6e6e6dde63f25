"""A run at an address as a folder of this machine: its tables are there, its archives only while they are read.

For commands that go over all of a run. Archives (tars of shards, blobs of fetch) have their names and sizes, and no
bytes: whoever read one by mistake would find zeros, which no digest fits. `present` brings one, and takes it away
again.
"""

from __future__ import annotations

import shutil
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import storage_error
from pipeline.storage.places.copies import digest_of, give
from pipeline.storage.places.machine_copies import copied
from pipeline.storage.places.remote_path import RemotePath
from pipeline.storage.places.scratch import lasting_folder
from pipeline.storage.stores.store import Entry, name_problem

LARGE = ("shards/*.tar", "fetch/blobs/*.bin")
"""Files whose bytes are there only while they are read."""
UNREAD = ("fetch/journal/*", ".lease/*")
"""Files that nobody reads of a finished run."""


class NearFolder:
    """The folder of one state of a run; removed when this process ends."""

    def __init__(self, remote: RemotePath, entries: dict[str, Entry]) -> None:
        self._remote, self._lock = remote, threading.Lock()
        self.path = lasting_folder()
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
        for name, entry in entries.items():
            if name_problem(name):
                raise StorageError(f"the name {name!r} leads out of its folder", str(remote), "files below the address")
            if is_large(name):
                self._hollow(self.path / name, entry.size or 0)
            elif not _matches(name, UNREAD):
                give(copied(remote / name, entry), self.path / name)

    def _hollow(self, path: Path, size: int) -> None:
        """Write a file of a size without bytes, which takes no room."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(size)
        except OSError as error:
            raise storage_error(error, path) from error

    @contextmanager
    def present(self, path: Path) -> Iterator[Path]:
        """Yield the file with its bytes, for the length of the block; one at a time.

        Raises StoreError when it cannot be read, StorageError when it cannot be written here.
        """
        name = path.relative_to(self.path).as_posix()
        if not is_large(name) or not path.exists():
            yield path
            return
        with self._lock:
            file, size = self._remote / name, path.stat().st_size
            file.store.get(file.key, path)
            try:
                yield path
            finally:
                path.unlink()
                self._hollow(path, size)


_LAST: dict[str, tuple[str, NearFolder]] = {}
"""The folder of each run that this process asked for last, with what tells the state that it is of."""


def near_folder(remote: RemotePath, without: str = "") -> NearFolder:
    """Return the folder of a run at an address as its files are now; `without`: a folder in it that is left out.

    Raises FileNotFoundError when there are none, StoreError when they cannot be read, StorageError when a name leads
    out of the folder or this disk cannot be written.
    """
    entries = {
        name: each for name, each in remote.listing().items() if not (without and name.startswith(f"{without}/"))
    }
    if not entries:
        raise FileNotFoundError(2, "No such file or directory", str(remote))
    state = digest_of("\n".join(f"{name}\0{entry.size}\0{entry.version}" for name, entry in entries.items()))
    known = _LAST.get(str(remote))
    if known is None or known[0] != state:
        known = _LAST[str(remote)] = state, NearFolder(remote, entries)
    return known[1]


def is_large(name: str) -> bool:
    """Return whether a file of a run is an archive.

    >>> is_large("shards/demo-train-000000.tar"), is_large("shards/parts/demo-train-000000.tar.parquet")
    (True, False)
    """
    return _matches(name, LARGE)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) and name.count("/") == pattern.count("/") for pattern in patterns)
