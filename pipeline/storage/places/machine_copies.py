"""Copies of remote files on this machine: each is downloaded once, and shared by all processes of the machine.

What is mapped into memory or read over and over (arrays of hashes, a taxonomy's index, a database) must lie on a disk.
A copy is named by its address and the version that the store states, so a file that was written anew is another copy.
All lie in one folder of the machine's cache (`pipeline.storage.files.cache`), of which the oldest are removed when they
come to more than `BIOMILL_CACHE_GB` gigabytes (64 unless it says). A copy that is open stays
readable when it is removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import atomic_path, storage_error
from pipeline.storage.files.cache import cache_folder, cache_limit
from pipeline.storage.places.place import Place
from pipeline.storage.places.remote_path import RemotePath
from pipeline.storage.stores.store import Entry, name_problem

_YOUNG_SECONDS = 600.0
"""A copy that was used so lately is kept: a process may be about to open it."""
_LOCKS = ".locks"
_WHOLE = ".whole"
"""Beside the copies of a folder, once all are there."""


def copies_folder() -> Path:
    """Return the folder of the machine's copies; made when the first copy is.

    >>> copies_folder().name
    'places'
    """
    return cache_folder() / "places"


def inputs_folder(root: Place) -> Path:
    """Return the folder for copies of a run's remote inputs: in its own; of one at an address, in the machine's.

    What is in it is not removed for other copies: a run reads its inputs again and again.
    """
    if isinstance(root, Path):
        return root / "inputs"
    return cache_folder() / "inputs" / _digest(str(root))


def driver_folder(stage: Place, digest: str) -> Path:
    """Return the folder for what the driver alone reads of a stage: its own; of one at an address, one of this machine.

    `digest`: of what the stage is made from, so that nothing is taken for that of another input.
    """
    if isinstance(stage, Path):
        return stage
    return cache_folder() / "stages" / _digest(f"{stage}\0{digest}")


def local(path: Place) -> Path:
    """Return the file on this machine: itself, or a copy of its present version.

    Raises FileNotFoundError when it is not there, StoreError when it cannot be read, StorageError when the copy cannot
    be written.
    """
    if isinstance(path, Path):
        return path
    return _copied(path, _entry(path))


def local_folder(path: Place, without: str = "") -> Path:
    """Return the folder on this machine: itself, or one with copies of all files of it as they are now.

    `without`: a folder in it that is left out. Raises FileNotFoundError when it holds nothing; else as `local`.
    """
    if isinstance(path, Path):
        return path
    entries = {name: each for name, each in path.listing().items() if not (without and name.startswith(f"{without}/"))}
    if not entries:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    versions = "\n".join(f"{name}\0{entry.size}\0{entry.version}" for name, entry in entries.items())
    home = copies_folder() / _digest(f"{path}\0{versions}")
    whole = home / _WHOLE
    with _locked(home.name):
        if not whole.exists():
            make_room(sum(entry.size or 0 for entry in entries.values()))
            for name in entries:
                if name_problem(name):
                    raise StorageError(
                        f"the name {name!r} leads out of its folder", str(path), "files below the address"
                    )
                path.store.get((path / name).key, home / name)
            whole.touch()
    _used(home)
    return home


def near(folder: RemotePath, pattern: str, most: int) -> list[Place]:
    """Return the files in a folder whose names match a pattern, in order, by one listing of it.

    Those of at most `most` bytes are copies on this machine: what is opened again and again costs less so.
    """
    found: list[Place] = []
    for name, entry in folder.listing().items():
        if "/" not in name and fnmatchcase(name, pattern):
            found.append(_near(folder / name, entry, most))
    return found


def near_file(path: Place, most: int) -> Place:
    """Return a file, or, of one at an address of at most `most` bytes, a copy; raises FileNotFoundError for none."""
    if isinstance(path, Path):
        return path
    return _near(path, _entry(path), most)


def _near(path: RemotePath, entry: Entry, most: int) -> Place:
    return _copied(path, entry) if entry.size is not None and entry.size <= most else path


def _entry(path: RemotePath) -> Entry:
    entry = path.entry()
    if entry is None:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return entry


def _copied(path: RemotePath, entry: Entry) -> Path:
    home = copies_folder() / _digest(f"{path}\0{entry.size}\0{entry.version}")
    copy = home / (path.name or "file")
    if not copy.exists():
        with _locked(home.name):
            if not copy.exists():
                make_room(entry.size or 0)
                path.store.get(path.key, copy)
    _used(home)
    return copy


def kept_copy(key: str, name: str, size: int, fill: Callable[[Path], None]) -> Path:
    """Return the machine's copy `name` of a file that `key` names, which `fill` writes where it is not there whole.

    `key`: a name of its own for every content. `size`: bytes of the file; what a power failure cut is made again.
    Raises StorageError when the copy cannot be written, and what `fill` raises.
    """
    home = copies_folder() / key
    copy = home / name
    if _size(copy) != size:
        with _locked(home.name):
            if _size(copy) != size:
                make_room(size)
                with _writing(copy), atomic_path(copy, durable=False) as temporary:
                    fill(temporary)
    _used(home)
    return copy


def kept_folder(key: str, name: str, size: int, fill: Callable[[Path], None]) -> Path:
    """Return the machine's copy `name` of a folder that `key` names; else as `kept_copy`. `size`: of all its files."""
    home = copies_folder() / key
    whole = home / _WHOLE
    if not whole.exists():
        with _locked(home.name):
            if not whole.exists():
                make_room(size)
                with _writing(home):
                    shutil.rmtree(home, ignore_errors=True)  # what a killed process began
                    (home / name).mkdir(parents=True)
                    fill(home / name)
                    whole.touch()
    _used(home)
    return home / name


@contextmanager
def _writing(where: Path) -> Iterator[None]:
    """Raise what this machine's disk fails of as a StorageError."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, where) from error


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _used(home: Path) -> None:
    with suppress(OSError):  # removed by another process since; whoever holds it open keeps it
        os.utime(home)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Let one process of the machine copy a file, while others wait for it."""
    folder = copies_folder() / _LOCKS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / name[:2], os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(
            f"the machine's copies cannot be written: {error.strerror}",
            str(folder),
            remedy="set BIOMILL_CACHE to a folder of a disk with room",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_room(size: int) -> None:
    """Remove the copies that were used longest ago, until `size` bytes more are within what the machine may hold."""
    most = cache_limit()
    homes = [home for home in copies_folder().iterdir() if home.name != _LOCKS] if copies_folder().exists() else []
    held = {home: _held(home) for home in homes}
    total = sum(size for _, size in held.values()) + size
    for home, (used, each) in sorted(held.items(), key=lambda item: item[1]):
        if total <= most or time.time() - used < _YOUNG_SECONDS:
            return
        with suppress(OSError):
            (home / _WHOLE).unlink()  # first, so that nobody takes for whole what is being removed
        for file in sorted(home.rglob("*"), reverse=True):
            with suppress(OSError):
                file.rmdir() if file.is_dir() else file.unlink()
        with suppress(OSError):
            home.rmdir()
        total -= each


def _held(home: Path) -> tuple[float, int]:
    """Return when a copy was used last, and its bytes."""
    try:
        return home.stat().st_mtime, sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    except FileNotFoundError:
        return 0.0, 0
