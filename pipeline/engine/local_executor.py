"""Work units on this machine without Beam: one worker is this process, and each further one a process of its own."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.engine.executor import followed
from pipeline.engine.processes import Process
from pipeline.storage.places import Place


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Runs units in this process and `workers` - 1 lean others.

    >>> from pathlib import Path
    >>> seen = []
    >>> for _ in LocalExecutor().follow("see", [1, 2], seen.append, Path(".")):
    ...     pass
    >>> seen
    [1, 2]
    """

    workers: int = 1

    @property
    def sharing(self) -> int:
        """How many workers share the units."""
        return self.workers

    def follow(self, label: str, units: Sequence[Any], work: Callable[[Any], object], folder: Place) -> Generator[None]:
        """Call `work` with every unit, see `Executor`."""
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for unit in units:
            waiting.put(unit)
        with contextlib.ExitStack() as ending:
            others = [Process(lean=True) for _ in range(min(self.workers, len(units)) - 1)]
            for process in others:
                ending.callback(process.close)
            for process in others:
                ending.callback(process.dismiss)  # all are told before one is waited for
            futures = [_started(partial(_elsewhere, process, work, waiting)) for process in others]
            futures.append(_started(partial(_here, work, waiting)))
            yield from followed(futures)


def _here(work: Callable[[Any], object], waiting: queue.SimpleQueue[Any]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            work(waiting.get_nowait())


def _elsewhere(process: Process, work: Callable[[Any], object], waiting: queue.SimpleQueue[Any]) -> None:
    _here(lambda unit: process.call(work, unit).result(), waiting)
    process.dismiss()  # its memory is free for those that still work


def _started(run_off: Callable[[], None]) -> Future[None]:
    """Start a thread; it does not hold up the end of the process, as a unit that was cut off is done again."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            run_off()
            future.set_result(None)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, where it is raised
            future.set_exception(error)

    threading.Thread(target=run, name="biomill-units", daemon=True).start()
    return future
