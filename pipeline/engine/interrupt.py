"""Ctrl-C that is never lost: noted when it comes, and asked for again where it may have been swallowed.

A KeyboardInterrupt raised while C code calls back into Python (a query, a finaliser) is printed or dropped by that
code, or comes back as an error of its own. So the signal is also noted, and the driver and the engine ask between
steps.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_noted = threading.Event()


def listen() -> None:
    """Note every SIGINT from now on, and raise KeyboardInterrupt as Python does; only the main thread can."""

    def note(number: int, frame: FrameType | None) -> None:
        _noted.set()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        _noted.clear()
        signal.signal(signal.SIGINT, note)


@contextmanager
def heard() -> Iterator[None]:
    """Raise KeyboardInterrupt in the place of an error that came of one: DuckDB calls its query interrupted.

    >>> with heard():
    ...     pass
    """
    try:
        yield
    except Exception as error:
        if _noted.is_set():
            raise KeyboardInterrupt from error
        raise


def check() -> None:
    """Raise KeyboardInterrupt when one came since `listen`, whoever swallowed it.

    >>> check()
    """
    if _noted.is_set():
        raise KeyboardInterrupt
