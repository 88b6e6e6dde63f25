"""A worker's marks tell one that was killed from one that ended, and one that failed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.engine.deaths import Death, begun, deaths
from pipeline.engine.processes import Process
from pipeline.engine.sdk_worker import NAME, WorkerTask, fork_worker

UNREACHABLE = "127.0.0.1:1"
"""Where no service gives work: a worker waits there for a minute."""


@pytest.fixture
def template() -> Iterator[Process]:
    with Process() as process:
        yield process


def worker(template: Process, marks: Path, control: str = UNREACHABLE) -> int:
    """Start a worker; return its number."""
    template.call(fork_worker, WorkerTask(str(marks), False, control, "id")).result(60)
    (log,) = marks.glob("*.log")
    return int(log.stem)


def first_death(marks: Path) -> Death:
    end = time.monotonic() + 60
    while not (found := deaths(marks)):
        assert time.monotonic() < end, "nobody died"
        time.sleep(0.01)
    return found[0]


def test_only_a_process_that_is_gone_without_its_mark_is_dead(template: Process, tmp_path: Path) -> None:
    pid = worker(template, tmp_path)
    assert begun(tmp_path) == 1
    assert deaths(tmp_path) == []
    os.kill(pid, signal.SIGKILL)
    found = first_death(tmp_path)  # a zombie is dead, too
    assert (found.pid, found.killed) == (pid, True)
    (tmp_path / f"{pid}.ended").touch()
    assert deaths(tmp_path) == []


def without_beam(task: WorkerTask) -> None:
    sys.modules["apache_beam"] = None  # type: ignore[assignment]
    fork_worker(task)


def test_a_worker_that_fails_by_itself_tells_why(template: Process, tmp_path: Path) -> None:
    template.call(without_beam, WorkerTask(str(tmp_path), False, UNREACHABLE, "id")).result(60)
    found = first_death(tmp_path)
    assert not found.killed
    assert found.last_words.startswith("ModuleNotFoundError: ")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its name")
def test_a_worker_is_named_and_ends_with_the_process_that_it_was_forked_of(template: Process, tmp_path: Path) -> None:
    process = psutil.Process(worker(template, tmp_path))
    end = time.monotonic() + 60
    while process.name() != NAME and time.monotonic() < end:
        time.sleep(0.01)
    assert process.name() == NAME
    os.kill(template.pid, signal.SIGKILL)
    assert psutil.wait_procs([process], timeout=30)[1] == []
