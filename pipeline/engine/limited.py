"""A time limit for a work unit that ends it whatever it does: the unit runs in a process of its own.

What can end a unit that is stuck? Not SIGALRM: Python handles signals in the main thread, and runners call units in
threads of theirs. Not an exception from another thread: it comes at the next step in Python, which a query, a decoder
or a long sleep does not take. Not the end of the worker: it holds other units, and Beam waits for it, or gives the same
unit to the next one. So with a limit each worker has a child process for each of its threads, which does one unit after
another, and is killed when one takes too long; the next unit gets a new child. On every runner it is the same.

A child costs a start (some 0.3 s of CPU and what its units import) and the memory of its imports beside the worker's;
nothing without a limit. A unit that crashes its process is then a failure of that unit alone, too.

What a limit cannot do: end a process that waits in the kernel (a dead network file system) before the kernel lets it
go; the unit is given up all the same. Nor can it undo what the unit did, which is nothing but files under temporary
names. Time counts from when a worker begins the unit, and stands still for nobody: a slow machine needs a larger limit.
"""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.engine.processes import Process
from pipeline.model.errors import PipelineError, WorkerDiedError

_POLL_SECONDS = 0.5
"""Between two looks at whether this thread is to end (`pipeline.engine.fence`)."""
_idle: list[Process] = []
_all: set[Process] = set()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Limited:
    """The work of a unit in a process of its own, which is killed when the unit takes too long.

    >>> Limited(len, 1.0)("four")
    """

    work: Callable[[Any], object]
    minutes: float

    def __call__(self, unit: Any) -> object:
        """Do the work; returns counts where it gives some.

        Raises what the work raises, PipelineError when it took too long, WorkerDiedError when its process died.
        """
        process = _taken()
        try:
            answer = process.call(self.work, unit)
            end = time.monotonic() + 60 * self.minutes
            while not answer.done():
                if (left := end - time.monotonic()) <= 0:
                    raise self._too_long()
                concurrent.futures.wait([answer], min(left, _POLL_SECONDS))
        except BaseException:
            _drop(process)
            raise
        failure = answer.exception()
        if isinstance(failure, WorkerDiedError):
            _drop(process)
        else:
            with _lock:
                _idle.append(process)
        if failure is not None:
            raise failure
        return answer.result()

    def _too_long(self) -> PipelineError:
        return PipelineError(
            f"a work unit was ended after {self.minutes:g} minutes",
            expected=f"work units that take less than --unit-minutes {self.minutes:g}",
            remedy="run the same command again, which does the missing units alone: with a larger --unit-minutes where "
            "they are slow; what stays stuck is named above",
        )


def end_children() -> None:
    """End the processes that this one has for its units, whatever they do."""
    with _lock:
        processes = list(_all)
        _all.clear()
        _idle.clear()
    for process in processes:
        process.kill()


def _taken() -> Process:
    with _lock:
        if _idle:
            return _idle.pop()
    process = Process()
    with _lock:
        _all.add(process)
    return process


def _drop(process: Process) -> None:
    with _lock:
        _all.discard(process)
    process.kill()
