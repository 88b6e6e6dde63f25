"""The folder of this machine's copies of remote files: each under a name of its content, bounded in bytes.

A copy has a folder of its own, named by what tells its content: the MD5 that the store states, else its address and
version. So a file that a process of this machine wrote is a copy as it stands (`adopt`), and need not be downloaded.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX
from pipeline.storage.files.cache import cache_folder, cache_limit
from pipeline.storage.stores.stated import SUMMED, md5_of

YOUNG_SECONDS = 600.0
"""A copy that was used so lately is kept: a process may be about to open it."""
LOCKS = ".locks"
WHOLE = ".whole"
"""Beside the copies of a folder, once all are there."""
_LOOK_BYTES = 64 << 20
"""Bytes that are added, at most, before the folder is looked through again."""
_added = [float("inf")]


def copies_folder() -> Path:
    """Return the folder of the machine's copies; made when the first copy is.

    >>> copies_folder().name
    'places'
    """
    return cache_folder() / "places"


def digest_of(text: str) -> str:
    """Return a short name for a text.

    >>> digest_of("a")
    '27c35e6e9373877f29e562464e46497e'
    """
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def home_of(address: str, size: int | None, version: str, md5: str) -> Path:
    """Return the folder of a copy, which has one file: named by its content, where the store states it."""
    named = f"md5-{md5}-{size}" if md5 else digest_of(f"{address}\0{size}\0{version}")
    return copies_folder() / named


def adopt(file: Path, name: str) -> None:
    """Take a file that was uploaded as a copy of what lies there now, where it is small; it is gone from its place.

    Nothing is raised: what cannot be kept is downloaded when it is wanted.
    """
    with suppress(OSError, StorageError):
        size = file.stat().st_size
        if not 0 < size <= min(SUMMED, cache_limit() // 8):
            return
        home = home_of("", size, "", md5_of(file))
        if not (home / name).exists():
            make_room(size)
            home.mkdir(parents=True, exist_ok=True)
            part = home / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}"
            shutil.move(file, part)
            part.replace(home / name)


def give(copy: Path, target: Path) -> bool:
    """Link a copy to another name on this machine, under which it stays; return whether it was there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(copy, target)
    except FileNotFoundError:
        return False
    except OSError:  # the cache is on another disk
        shutil.copyfile(copy, target)
    return True


def used(home: Path) -> None:
    """Note that a copy is used now."""
    with suppress(OSError):  # removed by another process since; whoever holds it open keeps it
        os.utime(home)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process of the machine copy a file, while others wait for it."""
    folder = copies_folder() / LOCKS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / name[-2:], os.O_RDWR | os.O_CREAT, 0o644)
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
    """Remove the copies that were used longest ago, until `size` bytes more are within what the machine may hold.

    The folder is looked through now and then: after 64 MB, or a sixteenth of what it may hold.
    """
    most = cache_limit()
    _added[0] += size
    if _added[0] < min(_LOOK_BYTES, most / 16):
        return
    _added[0] = 0
    homes = [home for home in copies_folder().iterdir() if home.name != LOCKS] if copies_folder().exists() else []
    held = {home: _held(home) for home in homes}
    total = sum(size for _, size in held.values()) + size
    for home, (used_at, each) in sorted(held.items(), key=lambda item: item[1]):
        if total <= most or time.time() - used_at < YOUNG_SECONDS:
            return
        remove(home)
        total -= each


def remove(home: Path) -> None:
    """Remove a copy; whoever has it open goes on reading it."""
    with suppress(OSError):
        (home / WHOLE).unlink()  # first, so that nobody takes for whole what is being removed
    for file in sorted(home.rglob("*"), reverse=True):
        with suppress(OSError):
            file.rmdir() if file.is_dir() else file.unlink()
    with suppress(OSError):
        home.rmdir()


def _held(home: Path) -> tuple[float, int]:
    """Return when a copy was used last, and its bytes."""
    try:
        return home.stat().st_mtime, sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    except FileNotFoundError:
        return 0.0, 0
