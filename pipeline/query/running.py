"""Running statements so that Ctrl-C ends them at once, and rows come as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TypeVar

import duckdb

T = TypeVar("T")
_ROWS = 1_000


class Runner:
    """Calls into DuckDB from a thread of its own.

    In the main thread Python would hear of Ctrl-C only when a call comes back, which may be after minutes.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sql")

    def __call__(self, call: Callable[[], T], *others: duckdb.DuckDBPyConnection) -> T:
        """Return what the call returns; on KeyboardInterrupt the connections are interrupted, and it is raised."""
        future = self._pool.submit(call)
        try:
            return future.result()
        except KeyboardInterrupt:
            while not future.done():
                # More than once: the first may have come before the call had begun, and Ctrl-C may be typed again.
                for con in (self.con, *others):
                    con.interrupt()
                with suppress(KeyboardInterrupt):
                    wait([future], timeout=0.1)
            raise

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
