"""A worker process of Beam that marks its start and its end in a folder, so that its death is seen at once.

`PID.log` is there from the start, and takes what the worker prints; `PID.ended` comes when it has ended well, and
`PID.failed` when it has ended otherwise by itself. A process that is gone and left neither was killed.

A worker is a fork of a process that has imported Beam already: started anew it would cost two CPU seconds each time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

NAME = "biomill-worker"
"""What a worker is called in the list of processes, where the system lets it choose."""
_LOOK_SECONDS = 0.5
_SET_NAME = 15  # prctl's PR_SET_NAME


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """A worker that Beam asks for: where it marks, and the service that gives it work."""

    marks: str
    debug: bool
    """Whether what it prints goes where its parent prints."""
    control: str
    """'host:port'"""
    worker_id: str


def import_harness(_: None) -> None:
    """Import what a worker needs, once, in the process that workers are forks of. It opens no channel of gRPC."""
    from apache_beam.runners.worker import sdk_worker  # noqa: F401


def fork_worker(task: WorkerTask) -> None:
    """Start a worker, and write its first mark before anybody can ask for it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a worker that has ended is gone, and nobody need ask for it
    parent = os.getpid()
    pid = os.fork()
    if pid:
        (Path(task.marks) / f"{pid}.log").touch()
        return
    status = 1
    try:
        _become_worker(task, parent)
        status = 0
    except BaseException:  # noqa: BLE001 - a fork must not go on as its parent, whatever happened
        traceback.print_exc()
        with contextlib.suppress(OSError):
            _mark(task, "failed")
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(status)


def _become_worker(task: WorkerTask, parent: int) -> None:
    """Be a worker until there is no more work; then the last mark is written."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # what a worker starts, it may wait for
    os.closerange(3, 1 << 12)  # the parent's pipes: who waits for their end must not wait for a worker
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    if not task.debug:
        os.dup2(null, 1)
        os.dup2(os.open(f"{task.marks}/{os.getpid()}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_NAME, NAME.encode(), 0, 0, 0)
    threading.Thread(target=_end_with_parent, args=(parent,), name="biomill-parent", daemon=True).start()
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    SdkHarness(task.control, worker_id=task.worker_id, state_cache_size=0, data_buffer_time_limit_ms=-1).run()
    _mark(task, "ended")


def _mark(task: WorkerTask, end: str) -> None:
    (Path(task.marks) / f"{os.getpid()}.{end}").touch()


def _end_with_parent(parent: int) -> None:
    """End when the parent is gone: Beam lets a worker finish its unit, and the next command must not meet it there."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
