"""The engine: the same graph on every runner, every failure whole, and a death is a message, never a hang."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import psutil
import pytest

from pipeline.engine.engine import Engine, EngineOptions
from pipeline.engine.failures import Report
from pipeline.engine.sdk_worker import NAME
from pipeline.model.errors import PipelineError, RunError, StorageError, UsageError, WorkerDiedError

RUNNERS = {
    "local, 1 worker": EngineOptions(),
    "local, 2 workers": EngineOptions(workers=2),
    "portable": EngineOptions(runner="portable"),
}
WITH_WORKERS = ("local, 2 workers", "portable")


@pytest.fixture(scope="module", params=RUNNERS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """One engine for many pipelines, as a run has, whether they failed or not."""
    with Engine(RUNNERS[request.param]) as engine:
        yield engine


class OddError(StorageError):
    def __init__(self, what: str, number: int) -> None:
        super().__init__(what, where='a "quoted"\nline \udcff', expected="Größe 蝶", remedy="l'autre\\n")
        self.number = number


def fail_oddly(unit: int) -> None:
    raise OddError(f"odd {unit}\n[while running 'x']", unit)


def test_every_unit_is_worked_on_whatever_the_runner(engine: Engine, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" for number in range(20)]
    ticks: list[int] = []
    engine.run_units("touch", paths, Path.touch, tmp_path, lambda: ticks.append(1))
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert ticks


def test_an_error_that_is_not_ours_names_the_stage(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="touch") as caught:
        engine.run_units("touch", [tmp_path / "no" / "folder"], Path.touch, tmp_path)
    assert "FileNotFoundError: [Errno 2] No such file" in str(caught.value)
    assert not list(tmp_path.iterdir())


@dataclass(frozen=True)
class FailWithoutFolder:
    """Fails oddly where the folder of the stage has become a file, into which no failure can be written."""

    folder: Path

    def __call__(self, unit: int) -> None:
        shutil.rmtree(self.folder)
        self.folder.touch()
        fail_oddly(unit)


@pytest.mark.parametrize("writable", [True, False])
def test_an_error_of_ours_is_the_same_whether_its_file_can_be_written_or_not(
    engine: Engine, tmp_path: Path, writable: bool
) -> None:
    folder = tmp_path / "file"
    folder.mkdir()
    with pytest.raises(OddError) as caught:
        engine.run_units("odd", [7], fail_oddly if writable else FailWithoutFolder(folder), folder)
    if writable:
        assert not list(folder.iterdir())
    assert vars(caught.value) == {
        **vars(OddError("odd 7\n[while running 'x']", 7)),
        "__notes__": caught.value.__notes__,
    }
    assert caught.value.__notes__ == ["stage 'odd', work unit 7"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def outside_of_units(pipeline: beam.Pipeline, report: Report) -> None:
    pipeline | beam.Create([1.0]) | beam.Map(lambda number: number / 0)


def test_what_fails_outside_of_units_is_told_by_its_last_line_and_not_by_an_earlier_attempt(
    engine: Engine, tmp_path: Path
) -> None:
    Report("odd", str(tmp_path)).tell(OddError("of yesterday", 1), 1)
    with pytest.raises(PipelineError) as caught:
        engine.run("odd", outside_of_units, tmp_path)
    assert type(caught.value) is PipelineError
    assert caught.value.what == "stage 'odd' failed: ZeroDivisionError: float division by zero"
    assert "--debug" in caught.value.remedy


class Unimportable:
    """Pickles well, and cannot be made anew where it arrives."""

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return importlib.import_module, ("no_such_module_of_the_test",)


def test_work_that_workers_cannot_import_is_told_by_its_last_line(engine: Engine, tmp_path: Path) -> None:
    work = partial(print, Unimportable())
    with pytest.raises(PipelineError, match=r"stage 'lost' failed: .*no_such_module_of_the_test"):
        engine.run_units("lost", [1, 2], work, tmp_path)


def test_work_that_cannot_be_pickled_is_told(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"stage 'lock' failed: .*pickle"):
        engine.run_units("lock", [threading.Lock()] * 2, id, tmp_path)


@pytest.mark.parametrize("workers", [1, 2])
def test_options_that_beam_does_not_take_are_a_misuse(workers: int, tmp_path: Path) -> None:
    options = EngineOptions(workers=workers, beam_options=("--direct_num_workers=some",))
    with Engine(options) as engine, pytest.raises(UsageError, match="Beam does not take") as caught:
        engine.run_units("touch", [1, 2], id, tmp_path)
    assert caught.value.where == "--direct_num_workers=some"


def worker_processes() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            name = child.name()
        except psutil.Error:
            continue
        if name == NAME:
            found.append(child)
    return found


def kill_one_of(processes: Callable[[], list[psutil.Process]], after: float) -> threading.Thread:
    """Wait for processes, then kill one as the kernel would when memory runs out."""

    def kill() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if found := processes():
                time.sleep(after)
                found[0].kill()
                return
            time.sleep(0.01)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "after", [pytest.param(0.0, id="at its start", marks=pytest.mark.whole), pytest.param(3.0, id="at its work")]
)
@pytest.mark.parametrize("name", WITH_WORKERS)
def test_a_killed_worker_ends_the_run_with_a_message_and_nothing_is_printed(
    name: str, after: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hook, silenced = threading.excepthook, logging.getLogger("apache_beam").level
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with Engine(RUNNERS[name]) as engine:
        killer = kill_one_of(worker_processes, after)
        started = time.monotonic()
        with pytest.raises(WorkerDiedError, match="worker process of stage 'sleep'") as caught:
            engine.run_units("sleep", [300.0, 300.0], time.sleep, tmp_path)
        assert time.monotonic() - started < 60
        killer.join()
    assert "run the same command again" in caught.value.remedy
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert threading.excepthook is hook
    assert logging.getLogger("apache_beam").level == silenced
    assert capfd.readouterr() == ("", "")


def test_the_death_of_the_process_that_runs_the_pipeline_is_the_same_error(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with Engine(RUNNERS["local, 2 workers"]) as engine:
        kill_one_of(lambda: [child for child in psutil.Process().children() if child not in before], 1.0)
        with pytest.raises(WorkerDiedError, match="'sleep'"):
            engine.run_units("sleep", [300.0], time.sleep, tmp_path)
        engine.run_units("touch", [tmp_path / "a"], Path.touch, tmp_path)
    assert (tmp_path / "a").exists()


def channel_closed(_: float) -> None:
    # What Beam's data plane raises, a second after the stream from a worker has ended, when it looks just then.
    raise RuntimeError("Channel closed prematurely.")


def lose_the_worker(pipeline: beam.Pipeline, report: Report) -> None:
    pipeline | beam.Create([1.0]) | beam.Map(channel_closed)


def test_a_worker_that_beam_itself_misses_is_the_same_error(tmp_path: Path) -> None:
    with Engine(RUNNERS["local, 2 workers"]) as engine, pytest.raises(WorkerDiedError, match="'lose'"):
        engine.run("lose", lose_the_worker, tmp_path)


def end_the_worker(_: float) -> None:
    os._exit(3)


def test_a_unit_that_ends_its_process_is_a_death(tmp_path: Path) -> None:
    with Engine(RUNNERS["local, 2 workers"]) as engine, pytest.raises(WorkerDiedError, match="'end'"):
        engine.run_units("end", [1.0, 2.0], end_the_worker, tmp_path)


def interrupt_work() -> None:
    if len(worker_processes()) == 2:
        raise KeyboardInterrupt


def test_an_interrupt_leaves_no_worker(tmp_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with Engine(RUNNERS["local, 2 workers"]) as engine:
        with pytest.raises(KeyboardInterrupt):
            engine.run_units("sleep", [300.0, 300.0], time.sleep, tmp_path, interrupt_work)
        assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_this_process_does_not_load_beam_where_another_runs_it(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from pipeline.engine.engine import Engine, EngineOptions
with Engine(EngineOptions(workers=2)) as engine:
    engine.run_units("touch", [Path(sys.argv[1])], Path.touch, Path(sys.argv[1]).parent)
assert "apache_beam" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True, timeout=120)
    assert (tmp_path / "a").exists()


def test_a_runner_that_beam_does_not_have_is_said_before_any_work() -> None:
    with pytest.raises(RunError, match="Nope") as caught:
        Engine(EngineOptions(runner="Nope")).check()
    assert "--runner" in caught.value.remedy
    with pytest.raises(RunError, match="0 worker"):
        Engine(EngineOptions(workers=0)).check()
