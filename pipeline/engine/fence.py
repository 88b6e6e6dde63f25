"""Work that ends when its driver is gone, on services that let a cancelled job's workers go on.

Beam's own job service calls a job cancelled and lets its workers finish what they have; so may a cluster whose driver
was killed. The file of units is what a job stands by: its driver removes it when it ends, and the next run sweeps it
away. A worker that does not find it begins no unit, and one at work looks for it every few seconds.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import psutil

from manifests.errors import BiomillError
from pipeline.storage.places import place

_LOOK_SECONDS, _LOOK_SECONDS_FAR = 2.0, 20.0
"""Between two looks for a file on a disk, and for one at an address, where each is a request."""
_GRACE_SECONDS = 10.0
"""That a unit gets to end after it was told to."""
_HARNESS = "sdk_worker_main"


class JobGoneError(BaseException):
    """Raised within a unit whose job has ended; no unit takes it for a failure of its own."""


@dataclass(eq=False, slots=True)
class _Unit:
    """A unit at work in a thread of this process."""

    path: str
    thread: int = field(default_factory=threading.get_ident)
    looked: float = field(default_factory=time.monotonic)
    told: float = 0.0
    """When it was told to end; 0.0: it was not."""

    @property
    def pause(self) -> float:
        return _LOOK_SECONDS_FAR if "://" in self.path else _LOOK_SECONDS


_lock = threading.Lock()
_at_work: set[_Unit] = set()


@contextmanager
def fenced(path: str) -> Iterator[None]:
    """End the block when the file of units is gone; raises RuntimeError then, for the runner to read.

    Python code is ended at its next step. What waits in C code (a query, a long sleep) is not: where the process is a
    worker of Beam and nothing else, it ends itself after ten seconds; else that one unit comes to its end.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file, fenced(file.name):
    ...     "at work"
    'at work'
    """
    unit = _Unit(path)
    try:
        with _lock:
            _at_work.add(unit)
        _guard()
        try:
            yield
        finally:
            with _lock:
                _at_work.discard(unit)
    except JobGoneError:
        raise RuntimeError(f"the driver of this job is gone: {path} was removed") from None


@cache
def _guard() -> None:
    """Start this process's guard, once."""
    threading.Thread(target=_watch, name="biomill-fence", daemon=True).start()


def _watch() -> None:
    while True:
        time.sleep(_LOOK_SECONDS / 2)
        now = time.monotonic()
        with _lock:
            units = list(_at_work)
        for unit in units:
            if unit.told:
                if now - unit.told > _GRACE_SECONDS and _dedicated():
                    os._exit(1)
            elif now - unit.looked >= unit.pause:
                unit.looked = now
                if _gone(unit.path):
                    _end(unit, now)


def _end(unit: _Unit, now: float) -> None:
    with _lock:  # a thread that has left its unit by now must not be met in another one
        if unit in _at_work:
            unit.told = now
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(unit.thread), ctypes.py_object(JobGoneError))


def _gone(path: str) -> bool:
    """Return whether a file is not there; False where nobody can tell."""
    try:
        return not place(path).exists()
    except (OSError, BiomillError):
        return False


@cache
def _dedicated() -> bool:
    """Return whether this process is a worker of Beam and nothing else, as containers and pools start them."""
    return any("SdkHarness(" in word or _HARNESS in word for word in psutil.Process().cmdline())
