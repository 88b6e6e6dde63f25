"""Copies of remote files on this machine: each is downloaded once, and shared by all processes of the machine.

What is mapped into memory or read over and over (arrays of hashes, a taxonomy's index, a database) must lie on a disk.
A file that was written anew is another copy (`pipeline.storage.places.copies`).
All lie in one folder of the machine's cache (`pipeline.storage.files.cache`), of which the oldest are removed when they
come to more than `BIOMILL_CACHE_GB` gigabytes (64 unless it says). A copy that is open stays
readable when it is removed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import atomic_path, storage_error
from pipeline.storage.files.cache import cache_folder
from pipeline.storage.places.copies import WHOLE, copies_folder, digest_of, home_of, locked, make_room, used
from pipeline.storage.places.place import Place
from pipeline.storage.places.remote_path import RemotePath
from pipeline.storage.stores.store import Entry, name_problem
from pipeline.storage.stores.store_error import short_error

_FEW = 2
"""Files of one folder that are looked at one by one."""


def inputs_folder(root: Place) -> Path:
    """Return the folder for copies of a run's remote inputs: in its own; of one at an address, in the machine's.

    What is in it is not removed for other copies: a run reads its inputs again and again.
    """
    if isinstance(root, Path):
        return root / "inputs"
    return cache_folder() / "inputs" / digest_of(str(root))


def driver_folder(stage: Place, digest: str) -> Path:
    """Return the folder for what the driver alone reads of a stage: its own; of one at an address, one of this machine.

    `digest`: of what the stage is made from, so that nothing is taken for that of another input.
    """
    if isinstance(stage, Path):
        return stage
    return cache_folder() / "stages" / digest_of(f"{stage}\0{digest}")


def local(path: Place) -> Path:
    """Return the file on this machine: itself, or a copy of its present version.

    Raises FileNotFoundError when it is not there, StoreError when it cannot be read, StorageError when the copy cannot
    be written.
    """
    if isinstance(path, Path):
        return path
    return copied(path, _entry(path))


def local_folder(path: Place) -> Path:
    """Return the folder on this machine: itself, or one with copies of all files of it as they are now.

    Raises FileNotFoundError when it holds nothing; else as `local`.
    """
    if isinstance(path, Path):
        return path
    entries = path.listing()
    if not entries:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    versions = "\n".join(f"{name}\0{entry.size}\0{entry.version}" for name, entry in entries.items())
    home = copies_folder() / digest_of(f"{path}\0{versions}")
    whole = home / WHOLE
    with locked(home.name):
        if not whole.exists():
            make_room(sum(entry.size or 0 for entry in entries.values()))
            for name in entries:
                if name_problem(name):
                    raise StorageError(
                        f"the name {name!r} leads out of its folder", str(path), "files below the address"
                    )
                path.store.get((path / name).key, home / name)
            whole.touch()
    used(home)
    return home


def near(folder: RemotePath, pattern: str, most: int) -> list[Place]:
    """Return the files in a folder whose names match a pattern, in order, by one listing of it.

    Those of at most `most` bytes are copies on this machine: what is opened again and again costs less so.
    """
    found: list[Place] = []
    for name, entry in folder.listing().items():
        if "/" not in name and fnmatchcase(name, pattern):
            found.append(near_entry(folder / name, entry, most))
    return found


def near_files(paths: Sequence[Place], most: int) -> list[Place]:
    """Return files as `near_file` does; where several lie in one folder, that is listed once."""
    folders = Counter(path.parent for path in paths if not isinstance(path, Path))
    listings = {folder: folder.listing() for folder, asked in folders.items() if asked > _FEW}
    found: list[Place] = []
    for path in paths:
        entry = None if isinstance(path, Path) else listings.get(path.parent, {}).get(path.name)
        found.append(
            near_file(path, most) if isinstance(path, Path) or entry is None else near_entry(path, entry, most)
        )
    return found


def near_file(path: Place, most: int) -> Place:
    """Return a file, or, of one at an address of at most `most` bytes, a copy; raises FileNotFoundError for none."""
    if isinstance(path, Path):
        return path
    return near_entry(path, _entry(path), most)


def near_entry(path: RemotePath, entry: Entry, most: int) -> Place:
    """Return a file that was listed, or, of one of at most `most` bytes, a copy of it."""
    return copied(path, entry) if entry.size is not None and entry.size <= most else path


def _entry(path: RemotePath) -> Entry:
    entry = path.entry()
    if entry is None:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return entry


def copied(path: RemotePath, entry: Entry) -> Path:
    """Return the copy of a file, as an entry of it says that it is now; raises StoreError when it cannot be made."""
    home = home_of(str(path), entry.size, entry.version, entry.md5)
    copy = home / (path.name or "file")
    if not copy.exists():
        with locked(home.name):
            if not copy.exists():
                _download(path, entry, copy)
    used(home)
    return copy


def _download(path: RemotePath, entry: Entry, copy: Path) -> None:
    """Copy a file, as long as it was when it was looked at."""
    make_room(entry.size or 0)
    path.store.get(path.key, copy)
    if entry.size is not None and (size := copy.stat().st_size) != entry.size:
        copy.unlink()
        raise short_error(size, entry.size, str(path))


def kept_copy(key: str, name: str, size: int, fill: Callable[[Path], None]) -> Path:
    """Return the machine's copy `name` of a file that `key` names, which `fill` writes where it is not there whole.

    `key`: a name of its own for every content. `size`: bytes of the file; what a power failure cut is made again.
    Raises StorageError when the copy cannot be written, and what `fill` raises.
    """
    home = copies_folder() / key
    copy = home / name
    if _size(copy) != size:
        with locked(home.name):
            if _size(copy) != size:
                make_room(size)
                with _writing(copy), atomic_path(copy, durable=False) as temporary:
                    fill(temporary)
    used(home)
    return copy


def kept_folder(key: str, name: str, size: int, fill: Callable[[Path], None]) -> Path:
    """Return the machine's copy `name` of a folder that `key` names; else as `kept_copy`. `size`: of all its files."""
    home = copies_folder() / key
    whole = home / WHOLE
    if not whole.exists():
        with locked(home.name):
            if not whole.exists():
                make_room(size)
                with _writing(home):
                    shutil.rmtree(home, ignore_errors=True)  # what a killed process began
                    (home / name).mkdir(parents=True)
                    fill(home / name)
                    whole.touch()
    used(home)
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
