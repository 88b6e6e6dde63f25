"""Running statements so that Ctrl-C ends them at once, and rows come as they are asked for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

import duckdb

T = TypeVar("T")
_ROWS = 1_000
_LOOK = 0.05
"""Seconds between looks at whether Ctrl-C was typed."""


class Runner:
    """Calls into DuckDB from a thread of its own.

    In the main thread Python would hear of Ctrl-C only when a call comes back, which may be after minutes.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sql")

    def __call__(self, call: Callable[[], T], *others: duckdb.DuckDBPyConnection) -> T:
        """Return what the call returns; on Ctrl-C the connections are interrupted, and KeyboardInterrupt is raised.

        Until the call has ended Ctrl-C is only noted, so that it never leaves a connection at work behind it, whenever
        and however often it is typed.
        """
        with _noted() as interrupts:
            future = self._pool.submit(call)
            while wait([future], timeout=_LOOK).not_done:
                if interrupts:
                    # More than once: the first may have come before the call had begun.
                    for con in (self.con, *others):
                        con.interrupt()
        return future.result()

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the rows of the statement that was executed last, of which memory holds some at a time."""
        try:
            while rows := self(lambda: self.con.fetchmany(_ROWS)):
                yield from rows
        finally:
            self.con.abort()


@contextmanager
def runner(con: duckdb.DuckDBPyConnection) -> Iterator[Runner]:
    """Yield a runner for the length of the block."""
    running = Runner(con)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def _noted() -> Iterator[list[int]]:
    """Yield the list of interrupts that came in the block; they are acted on when it ends.

    Signals reach the main thread alone: in any other nothing is noted.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(signal.SIGINT, None)
