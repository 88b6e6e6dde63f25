"""Processes that work for this one: each does what it is sent, tells what that raised, and ends with its parent.

`multiprocessing` would import the parent's main module anew in every worker (the whole command line and DuckDB, a third
of a worker's memory and start), and keep one more process for shared resources, of which there are none.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import IO, BinaryIO, Self, TypeVar

from pipeline.model.errors import PipelineError, WorkerDiedError

Task = TypeVar("Task")
_ENTRY = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from pipeline.engine.processes import serve; serve()"
_PATIENCE = 5.0  # seconds that a process gets to see that it is not wanted any more


class Process:
    """A process that does one task after another; a context manager, whose end ends it, whatever it does.

    `lean`: whether it is to hold nothing but what its work imports. `stderr`: a file for what it prints.

    >>> with Process() as process:
    ...     process.call(len, "four").result(timeout=60)
    """

    def __init__(self, lean: bool = False, stderr: IO[bytes] | None = None) -> None:
        environment = dict(os.environ)
        if lean:
            from pipeline.engine.lean import LEAN_ENVIRONMENT

            environment = {**LEAN_ENVIRONMENT, **environment}
        command = [sys.executable, "-c", _ENTRY, json.dumps(sys.path), "lean" if lean else ""]
        self._one_by_one = threading.Lock()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def call(self, work: Callable[[Task], object], task: Task) -> Future[Counter[str] | None]:
        """Have it call `work(task)`, behind what it was sent before; both are pickled.

        What `work` returns is dropped, but for a Counter, which the future gives.
        The future raises what `work` raised, or WorkerDiedError when the process ended without a word.
        """
        message = pickle.dumps((work, task))
        future: Future[Counter[str] | None] = Future()
        threading.Thread(target=self._attend, args=(message, future), name="biomill-worker", daemon=True).start()
        return future

    def _attend(self, message: bytes, future: Future[Counter[str] | None]) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        failure: BaseException | None
        counts: Counter[str] | None = None
        try:
            with self._one_by_one:  # answers come in the order of what was sent, and are for who sent it
                _send(self._process.stdin, message)
                answer = _receive(self._process.stdout)
            failure, counts = (_died(), None) if answer is None else pickle.loads(answer)
        except (OSError, ValueError, EOFError, pickle.UnpicklingError):  # it ended while it was written or read
            failure = _died()
        if failure is None:
            future.set_result(counts)
        else:
            future.set_exception(failure)

    def close(self) -> None:
        """End it, and wait until it is gone."""
        self.dismiss()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def dismiss(self) -> None:
        """Ask it to end."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone
                self._process.stdin.close()

    def kill(self) -> None:
        """End it, and every process that it started, at once."""
        import psutil

        family: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.pid).children(recursive=True)
        self._process.kill()
        for each in family:
            with contextlib.suppress(psutil.Error):
                each.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits in the kernel, and goes when that lets it
            self._process.wait(_PATIENCE)
        psutil.wait_procs(family, timeout=_PATIENCE)
        self.dismiss()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _died() -> WorkerDiedError:
    return WorkerDiedError(
        "a worker process ended before its work was done",
        remedy="look for what killed it (memory?), then run the same command again: it goes on from here",
    )


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(8, "big") + message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """Return the next message of a pipe; None at its end."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "big")
    message = pipe.read(size)
    return message if len(message) == size else None


def serve() -> None:
    """Be such a process: read work from standard input, do it, and write what it raised to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends this process
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what anybody prints is no answer
        if sys.argv[2]:
            from pipeline.engine.lean import without_pandas

            without_pandas()
        messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        reading = os.fdopen(os.dup(0), "rb")
        threading.Thread(target=_read_on, args=(reading, messages), name="biomill-parent", daemon=True).start()
        while True:
            failure: BaseException | None = None
            counts: object = None
            try:
                work, task = pickle.loads(messages.get())
                counts = work(task)
                del work, task
            except BaseException as error:  # noqa: BLE001 - carried to the parent, where it is raised
                failure = error
            _send(answers, _packed(failure, counts if isinstance(counts, Counter) else None))


def _read_on(reading: BinaryIO, messages: queue.SimpleQueue[bytes]) -> None:
    """Read what the parent sends; end when it closes our input or is killed: the next command must not meet us."""
    while (message := _receive(reading)) is not None:
        messages.put(message)
    os._exit(1)


def _packed(failure: BaseException | None, counts: Counter[str] | None) -> bytes:
    try:
        packed = pickle.dumps((failure, counts))
        pickle.loads(packed)
    except Exception:  # noqa: BLE001 - an error that cannot be carried is told in words
        words = f"a worker process failed: {type(failure).__name__}: {failure}"
        return pickle.dumps((PipelineError(words), None))
    return packed
