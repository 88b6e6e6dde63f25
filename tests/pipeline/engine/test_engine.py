"""The engine: the same graph on every runner, and a death is a message, never a hang."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import apache_beam as beam
import psutil
import pytest

from pipeline.engine.engine import Engine, EngineOptions, explain_failure
from pipeline.engine.units import RunUnits
from pipeline.model.errors import PipelineError, RunError, StorageError, WorkerDiedError

RUNNERS = {
    "local, 1 worker": EngineOptions(),
    "local, 2 workers": EngineOptions(workers=2),
    "portable": EngineOptions(runner="portable"),
}


@pytest.mark.parametrize("options", RUNNERS.values(), ids=RUNNERS.keys())
def test_every_unit_is_worked_on_whatever_the_runner(options: EngineOptions, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" for number in range(20)]
    with Engine(options) as engine:
        engine.run("touch", lambda pipeline: pipeline | RunUnits(paths, Path.touch))
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("options", RUNNERS.values(), ids=RUNNERS.keys())
def test_a_failing_unit_is_an_error_that_names_the_stage(options: EngineOptions, tmp_path: Path) -> None:
    with Engine(options) as engine, pytest.raises(PipelineError, match="touch") as caught:
        engine.run("touch", lambda pipeline: pipeline | RunUnits([tmp_path / "no" / "folder"], Path.touch))
    assert "No such file" in str(caught.value)


def kill_a_worker() -> None:
    """Wait for SDK workers, then kill one as the kernel would when memory runs out."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for child in psutil.Process().children(recursive=True):
            try:
                line = " ".join(child.cmdline())
            except psutil.Error:
                continue
            if "sdk_worker" in line and "worker_pool" not in line:
                time.sleep(3)
                child.kill()
                return
        time.sleep(0.1)


@pytest.mark.parametrize("options", [RUNNERS["local, 2 workers"], RUNNERS["portable"]], ids=["local", "portable"])
def test_a_killed_worker_ends_the_run_with_a_message_in_under_a_minute(options: EngineOptions) -> None:
    killer = threading.Thread(target=kill_a_worker, daemon=True)
    killer.start()
    started = time.monotonic()
    with Engine(options) as engine, pytest.raises(WorkerDiedError, match="worker process") as caught:
        engine.run("sleep", lambda pipeline: pipeline | RunUnits([300.0, 300.0], time.sleep))
    assert time.monotonic() - started < 60
    assert "run the same command again" in caught.value.remedy


def lose_the_worker(_: float) -> None:
    # What Beam's data plane raises, a second after the stream from a worker has ended, when it looks just then.
    raise RuntimeError("Channel closed prematurely.")


def test_a_worker_that_beam_itself_misses_is_the_same_error() -> None:
    with Engine(RUNNERS["local, 2 workers"]) as engine, pytest.raises(WorkerDiedError, match="'lose'"):
        engine.run("lose", lambda pipeline: pipeline | RunUnits([1.0], lose_the_worker))


def test_the_clear_error_of_a_work_unit_survives_beams_wrapping() -> None:
    error = StorageError("cannot write: No space left on device", where="/x/y", remedy="free some space")
    text = f"Traceback ...\nRuntimeError: pipeline.model.errors.StorageError: {error} [while running 'fetch/work-3']"
    found = explain_failure(text, "fetch")
    assert isinstance(found, StorageError)
    assert (found.what, found.where, found.remedy) == (error.what, error.where, error.remedy)


def test_a_pipeline_that_is_not_ours_to_watch_is_left_alone() -> None:
    with Engine(EngineOptions()) as engine:
        engine.run("empty", lambda pipeline: pipeline | beam.Create([1]))


def test_a_runner_that_beam_does_not_have_is_said_before_any_work() -> None:
    with pytest.raises(RunError, match="Nope") as caught:
        Engine(EngineOptions(runner="Nope")).check()
    assert "--runner" in caught.value.remedy
    with pytest.raises(RunError, match="0 worker"):
        Engine(EngineOptions(workers=0)).check()
