"""Units without Beam: spread over this process and others, and ended with whoever follows them."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from pipeline.engine.local_executor import LocalExecutor
from pipeline.model.errors import StorageError, WorkerDiedError


def write_pid(path: Path) -> None:
    time.sleep(0.05)
    path.write_text(str(os.getpid()))


def fail(_: Path) -> None:
    raise StorageError("no space", where="there", remedy="make some")


def die_elsewhere(path: Path) -> None:
    if os.getpid() != int(path.name):
        os._exit(9)
    time.sleep(60)


def sleep_elsewhere(path: Path) -> None:
    if not path.exists():
        path.write_text(str(os.getpid()))
        time.sleep(60)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_unit_is_done_once_by_as_many_processes_as_there_are_workers(workers: int, tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(40)]
    for _ in LocalExecutor(workers).follow("write", paths, write_pid, tmp_path):
        pass
    pids = {int(path.read_text()) for path in paths}
    assert os.getpid() in pids
    assert len(pids) == workers
    assert not any(psutil.pid_exists(pid) for pid in pids - {os.getpid()})


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_unit_raises_is_raised_here(workers: int, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        list(LocalExecutor(workers).follow("fail", [tmp_path] * 2, fail, tmp_path))
    assert (caught.value.what, caught.value.where, caught.value.remedy) == ("no space", "there", "make some")


def test_a_death_is_raised_while_others_work(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(WorkerDiedError):
        list(LocalExecutor(2).follow("die", [tmp_path / str(os.getpid())] * 2, die_elsewhere, tmp_path))
    assert time.monotonic() - started < 50


def test_a_follower_that_is_closed_leaves_no_process(tmp_path: Path) -> None:
    units = [tmp_path / "one", tmp_path / "two"]
    with closing(LocalExecutor(2).follow("sleep", units, sleep_elsewhere, tmp_path)) as steps:
        while not all(unit.exists() and unit.read_text() for unit in units):
            next(steps)
    others = {int(unit.read_text()) for unit in units} - {os.getpid()}
    assert len(others) == 1
    assert not any(psutil.pid_exists(pid) for pid in others)
