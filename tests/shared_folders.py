"""Folders that the processes of one test run share: the first that needs one makes it, the others wait for it.

pytest-xdist gives every process its own session fixtures; what is dear to make and only ever read is made once.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def shared_folder(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of that name of this test run, made by `make` in the first process that asks for it.

    `make` gets a path that does not exist yet; a folder that it could not finish is never handed out.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, made = base / name, base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(folder)
            made.touch()
    return folder
