"""Worker processes: answering with what they raised, and gone with their parent."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from pipeline.engine.processes import Process
from pipeline.model.errors import PipelineError, WorkerDiedError


class Unpicklable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("cannot be made anew from its words")


def write_pid(path: str) -> None:
    Path(path).write_text(str(os.getpid()))


def sleep_and_tell(path: str) -> None:
    write_pid(path)
    time.sleep(60)


def fail(kind: str) -> None:
    if kind == "pipeline":
        raise PipelineError("broken", where="there", remedy="mend it")
    if kind == "unpicklable":
        raise Unpicklable(1, 2)
    os._exit(7)


def chatter(_: str) -> None:
    print("this is no answer", flush=True)
    os.write(1, b"nor this")


def test_one_process_does_one_task_after_another_and_says_when_each_is_done(tmp_path: Path) -> None:
    paths = [str(tmp_path / str(number)) for number in range(2)]
    with Process() as process:
        for future in [process.call(write_pid, path) for path in paths]:
            assert future.result(timeout=60) is None
        assert {int(Path(path).read_text()) for path in paths} == {process.pid}
    assert process.pid != os.getpid()


def test_what_the_work_raises_is_raised_here_and_the_next_task_is_done(tmp_path: Path) -> None:
    with Process() as process:
        with pytest.raises(PipelineError, match="broken") as caught:
            process.call(fail, "pipeline").result(timeout=60)
        assert (caught.value.where, caught.value.remedy) == ("there", "mend it")
        with pytest.raises(PipelineError, match="Unpicklable: cannot be made anew"):
            process.call(fail, "unpicklable").result(timeout=60)
        process.call(write_pid, str(tmp_path / "pid")).result(timeout=60)
        assert (tmp_path / "pid").read_text() == str(process.pid)


def test_a_process_that_ends_amid_its_work_is_a_death_for_all_that_it_was_sent() -> None:
    with Process() as process:
        sent = [process.call(fail, "exit"), process.call(len, "")]
        for future in sent:
            with pytest.raises(WorkerDiedError) as died:
                future.result(timeout=60)
            assert "run the same command again" in str(died.value)


def test_what_the_work_prints_is_no_answer() -> None:
    with Process() as process:
        assert process.call(chatter, "").result(timeout=60) is None


def test_the_end_of_the_context_ends_a_process_that_still_works(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    started = time.monotonic()
    with Process() as process:
        process.call(sleep_and_tell, str(path))
        while not path.exists() or not path.read_text():
            time.sleep(0.02)
    assert time.monotonic() - started < 50
    assert not psutil.pid_exists(int(path.read_text()))


def start_another(path: str) -> None:
    Path(path).write_text(str(subprocess.Popen(["sleep", "60"]).pid))


def test_kill_ends_what_the_process_started_too(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with Process() as process:
        process.call(start_another, str(path)).result(timeout=60)
        other = psutil.Process(int(path.read_text()))
        process.kill()
        assert not psutil.pid_exists(process.pid)
        assert not other.is_running() or other.status() == psutil.STATUS_ZOMBIE
