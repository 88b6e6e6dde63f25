"""Worker processes of a fetch: each holds what fetching needs and nothing else, and ends with its parent.

`multiprocessing` would import the parent's main module anew in every worker (the whole command line and DuckDB, a third
of a worker's memory and start), and keep one more process for shared resources, of which there are none.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TypeVar

import pyarrow as pa

from pipeline.engine.lean import without_pandas
from pipeline.model.errors import PipelineError, WorkerDiedError

Task = TypeVar("Task")
_ENTRY = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from pipeline.media.processes import serve; serve()"
_LEAN = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""One heap for all: glibc gives threads heaps of their own, Arrow has another, and each keeps pages that were freed."""
_ARENA_MAX = -8  # mallopt's M_ARENA_MAX, malloc.h of glibc
_PATIENCE = 5.0  # seconds that a process gets to see that it is not wanted any more


def be_lean() -> None:
    """Make this process as small as those of `Processes`; for one that fetches and does nothing else, at its start."""
    without_pandas()
    pa.set_memory_pool(pa.system_memory_pool())
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # another C library has no such setting
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


class Processes:
    """Processes of one task each; a context manager, whose end ends those that still work.

    >>> with Processes() as processes:
    ...     future = processes.submit(len, "four")
    ...     future.result(timeout=60)
    """

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._running:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def submit(self, work: Callable[[Task], object], task: Task) -> Future[None]:
        """Start a process that calls `work(task)`; both are pickled, and what is returned is dropped.

        The future raises what `work` raised, or WorkerDiedError when the process ended without a word.
        """
        environment = {**_LEAN, **os.environ}
        command = [sys.executable, "-c", _ENTRY, json.dumps(sys.path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._running.append(process)
        future: Future[None] = Future()
        message = pickle.dumps((work, task))
        threading.Thread(target=_attend, args=(process, message, future), name="biomill-worker", daemon=True).start()
        return future


def _attend(process: subprocess.Popen[bytes], message: bytes, future: Future[None]) -> None:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(message)
        process.stdin.flush()
        answer = process.stdout.read()
        failure = pickle.loads(answer) if answer else _died()
    except (OSError, ValueError, EOFError, pickle.UnpicklingError):  # it ended while it was written or read
        failure = _died()
    if failure is None:
        future.set_result(None)
    else:
        future.set_exception(failure)


def _died() -> WorkerDiedError:
    return WorkerDiedError(
        "a worker process ended before its work was done",
        remedy="look for what killed it (memory?), then run the same command again: it goes on from here",
    )


def serve() -> None:
    """Be such a process: read the work from standard input, do it, and write what it raised to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends this process
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what anybody prints is no answer
        without_pandas()
        work, task = pickle.load(sys.stdin.buffer)
        threading.Thread(target=_end_with_parent, name="biomill-parent", daemon=True).start()
        failure: BaseException | None = None
        try:
            work(task)
        except BaseException as error:  # noqa: BLE001 - carried to the parent, where it is raised
            failure = error
        answers.write(_packed(failure))


def _end_with_parent() -> None:
    """End when the parent closes our input or is killed: the next command must not meet us at its journals."""
    while os.read(0, 1):
        pass
    os._exit(1)


def _packed(failure: BaseException | None) -> bytes:
    try:
        packed = pickle.dumps(failure)
        pickle.loads(packed)
    except Exception:  # noqa: BLE001 - an error that cannot be carried is told in words
        return pickle.dumps(PipelineError(f"a worker process failed: {type(failure).__name__}: {failure}"))
    return packed
