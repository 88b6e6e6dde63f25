"""Folders on this machine's disk for what lies at an address in the end: whole there, and gone here."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "biomill-scratch"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder of this process in the system's place for temporary files (TMPDIR), removed at the end.

    What killed processes of this user left there is removed first.

    >>> with scratch_folder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    folder = lasting_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lasting_folder() -> Path:
    """Return an empty folder as `scratch_folder` yields one; whoever asked for it removes it."""
    home = Path(tempfile.gettempdir()) / f"{_PREFIX}-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    _sweep(home)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home))


def _sweep(home: Path) -> None:
    for folder in home.iterdir():
        pid = folder.name.partition("-")[0]
        if pid.isdecimal() and not _lives(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
