"""Ctrl-C and SIGTERM that are never lost: noted when they come, and asked for again where they may be swallowed.

A KeyboardInterrupt raised while C code calls back into Python (a query, a finaliser) is printed or dropped by that
code, or comes back as an error of its own. So the signal is also noted, and the driver and the engine ask between
steps. A query that the main thread waits for may not let Python hear of it at all: a thread of its own ends it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

_noted = threading.Event()
_ENDING = (signal.SIGINT, signal.SIGTERM)
"""What Ctrl-C sends, and what batch systems send before they kill."""


def listen() -> None:
    """Note every SIGINT and SIGTERM from now on, and raise KeyboardInterrupt; only the main thread can."""

    def note(number: int, frame: FrameType | None) -> None:
        _noted.set()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        _noted.clear()
        for number in _ENDING:
            signal.signal(number, note)
        signal.set_wakeup_fd(_ending_queries(), warn_on_full_buffer=False)


@cache
def _ending_queries() -> int:
    """Start the thread that ends queries; return where the system writes the numbers of signals for it to read."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)

    def end_queries() -> None:
        while came := os.read(reads, 64):
            # Where nobody has loaded the database there are no queries, and it is not loaded for this.
            if any(number in came for number in _ENDING) and "pipeline.storage.database" in sys.modules:
                from pipeline.storage.database import interrupt_queries

                interrupt_queries()

    threading.Thread(target=end_queries, name="biomill-interrupt", daemon=True).start()
    return writes


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
