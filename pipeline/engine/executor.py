"""What runs work units: the units are given, and followed until all are done, wherever they run."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

from pipeline.engine import interrupt
from pipeline.storage.places import Place

POLL_SECONDS = 0.25


class Executor(Protocol):
    """Runs work units: Beam (`Engine`), or the processes of this machine alone (`LocalExecutor`)."""

    @property
    def sharing(self) -> int:
        """How many workers share the units; 0 where nobody here knows."""

    def follow(self, label: str, units: Sequence[Any], work: Callable[[Any], object], folder: Place) -> Generator[None]:
        """Call `work` with every unit, on some worker, and yield a few times a second until all is done.

        `units` are small picklable descriptors; `work` is a frozen dataclass with `__call__`, which reads its input
        from files and writes its output as atomically renamed files, so that a unit that is done twice writes the
        same bytes again. `folder`: where the work writes, and where it tells how it failed.

        Raises what a unit raised, WorkerDiedError when a process ended while it held work, KeyboardInterrupt; a
        follower that is closed, or raises, leaves no work going on in other processes.
        """


def followed(futures: Sequence[concurrent.futures.Future[Any]]) -> Generator[None]:
    """Yield a few times a second until all are done, or one has failed; raise what that one raised.

    >>> done = concurrent.futures.Future()
    >>> done.set_result(None)
    >>> list(followed([done]))
    []
    """
    while not all(future.done() for future in futures):
        concurrent.futures.wait(futures, POLL_SECONDS, return_when=concurrent.futures.FIRST_EXCEPTION)
        interrupt.check()
        if any(future.done() and future.exception() for future in futures):
            break
        yield
    for future in futures:
        if future.done():
            future.result()
