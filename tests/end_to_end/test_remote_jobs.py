"""Jobs at a job service: seen while they run, cancelled with their driver, and found by the next one."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.engine.earlier_job import end_earlier
from pipeline.engine.engine import Engine
from pipeline.engine.fence import fenced
from pipeline.engine.job_follower import JobFollower
from pipeline.engine.job_watch import CANCEL, TOLD, JobWatch
from pipeline.engine.options import PORTABLE, EngineOptions
from pipeline.engine.remote_job import NOTE, RemoteJob, note_job, noted_job, write_job
from pipeline.model.errors import UnitsFailedError
from tests.job_service import Services, job_services


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with job_services() as services:
        yield services


@dataclass(frozen=True)
class Beat:
    """Change a file ten times a second."""

    path: str
    seconds: float = 300.0

    def __call__(self, unit: int) -> None:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            Path(self.path).write_text(str(time.monotonic()))
            time.sleep(0.1)


OVER = ("CANCELLED", "FAILED")
"""Beam's own service calls a cancelled job failed once its workers have seen that it is over."""


def stopped(path: Path, within: float = 30.0) -> bool:
    """Return whether nobody changes a file any more, for three seconds in a row."""
    end, since, known = time.monotonic() + within, time.monotonic(), path.read_text()
    while time.monotonic() < end:
        time.sleep(0.25)
        if (now := path.read_text()) != known:
            known, since = now, time.monotonic()
        elif time.monotonic() - since > 3:
            return True
    return False


def test_every_state_is_told_once_and_noted_while_the_job_runs(services: Services, tmp_path: Path) -> None:
    said: list[str] = []
    notes: list[RemoteJob] = []

    def look() -> None:
        notes.extend(filter(None, [noted_job(tmp_path)]))

    with Engine(services.options, said.append, tmp_path) as engine:
        engine.run_units("beat", [1], Beat(str(tmp_path / "beat"), 2.0), tmp_path, look)
    (number,) = {job.id for job in notes if job.stage == "beat" and job.id}
    lines = [line.replace(number, "ID") for line in said if line.startswith("beat:")]
    name = f"job ID on {services.jobs}"
    assert lines[0] == f"beat: {name}" and lines[-1] == f"beat: {name} is DONE" and f"beat: {name} is RUNNING" in lines
    assert len(set(lines)) == len(lines)
    assert {job.state for job in notes if job.stage == "beat"} >= {"RUNNING"}
    assert services.states()[number] == "DONE"
    assert not (tmp_path / NOTE).exists()


def test_an_interrupt_cancels_the_job_and_no_worker_works_on(services: Services, tmp_path: Path) -> None:
    said: list[str] = []
    beat = tmp_path / "beat"

    def interrupt() -> None:
        if beat.exists():
            raise KeyboardInterrupt

    with Engine(services.options, said.append, tmp_path) as engine, pytest.raises(KeyboardInterrupt):
        engine.run_units("beat", [1, 2], Beat(str(beat)), tmp_path, interrupt)
    number = said[-1].split()[2]
    assert said[-1] == f"beat: job {number} on {services.jobs} is CANCELLED"
    assert said[-2].startswith(f"beat: cancelling job {number}")
    assert services.states()[number] in OVER
    assert stopped(beat)
    assert not (tmp_path / NOTE).exists()


DRIVER = """
import sys
from pathlib import Path
from pipeline.engine import interrupt
from pipeline.engine.engine import Engine, EngineOptions
from tests.end_to_end.test_remote_jobs import Beat
folder = Path(sys.argv[1])
interrupt.listen()
with Engine(EngineOptions("portable", 1, sys.argv[2], tuple(sys.argv[3:])), print, folder) as engine:
    engine.run_units("beat", [1, 2], Beat(str(folder / "beat")), folder)
"""


def driver(services: Services, folder: Path) -> subprocess.Popen[str]:
    """Start a driver, and wait until its job works."""
    words = [sys.executable, "-c", DRIVER, str(folder), services.jobs, *services.options.beam_options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 90
    while not (folder / "beat").exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.1)
    assert (folder / "beat").exists()
    return process


def test_a_driver_that_is_asked_to_end_cancels_its_job(services: Services, tmp_path: Path) -> None:
    process = driver(services, tmp_path)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=90)
    number = said.splitlines()[-1].split()[2]
    assert said.splitlines()[-1].endswith(tuple(f"is {state}" for state in OVER)), said
    assert services.states()[number] in OVER and stopped(tmp_path / "beat")


def test_the_job_of_a_killed_driver_is_cancelled_by_the_next_one(services: Services, tmp_path: Path) -> None:
    process = driver(services, tmp_path)
    process.kill()
    process.wait()
    job = noted_job(tmp_path)
    assert job is not None and services.states()[job.id] == "RUNNING"
    said: list[str] = []
    end_earlier(tmp_path, said.append)
    assert said == [f"beat: {job.name}, of an earlier run, still ran: it is CANCELLED"]
    assert services.states()[job.id] in OVER and not (tmp_path / NOTE).exists()
    for path in tmp_path.glob(".tmp-units-*"):  # as the sweep of the stage that is begun again
        path.unlink()
    assert stopped(tmp_path / "beat")
    end_earlier(tmp_path, said.append)
    assert len(said) == 1


def test_an_earlier_job_that_has_ended_or_is_not_known_any_more_is_forgotten(
    services: Services, tmp_path: Path
) -> None:
    said: list[str] = []
    with Engine(services.options, said.append, tmp_path) as engine:
        engine.run_units("beat", [1], Beat(str(tmp_path / "beat"), 0.5), tmp_path)
    done = next(number for number, state in services.states().items() if state == "DONE")
    said.clear()
    for number in (done, "job-of-an-earlier-service"):
        note_job(tmp_path, RemoteJob("beat", PORTABLE, services.jobs, number, state="RUNNING"))
        end_earlier(tmp_path, said.append)
        assert not (tmp_path / NOTE).exists()
    assert said == []


def test_an_earlier_job_that_cannot_be_asked_after_is_told_with_how_to_end_it(tmp_path: Path) -> None:
    said: list[str] = []
    for job in (
        RemoteJob("fetch", PORTABLE, "localhost:1", "job-1", state="RUNNING", by_hand="ask its service"),
        RemoteJob("fetch", "DataflowRunner", "", "2026_1", state="RUNNING", by_hand="`gcloud dataflow jobs cancel`"),
    ):
        note_job(tmp_path, job)
        end_earlier(tmp_path, said.append)
    assert said[0].endswith("may still run, and nobody answers at localhost:1; to end it: ask its service")
    assert said[1] == "fetch: job 2026_1, of an earlier run, may still run; to end it: `gcloud dataflow jobs cancel`"


def fail(unit: int) -> None:
    raise KeyError(f"odd {unit}")


def test_a_unit_that_fails_is_told_by_itself_and_by_nobody_else(services: Services, tmp_path: Path) -> None:
    said: list[str] = []
    with Engine(services.options, said.append, tmp_path) as engine, pytest.raises(UnitsFailedError, match="odd 1"):
        engine.run_units("fail", [1], fail, tmp_path)
    assert not [line for line in said if "odd 1" in line or "Traceback" in line]


class Result:
    """What a runner gives that can do little: a state, and cancelling, which fails."""

    state = "RUNNING"

    def cancel(self) -> None:
        raise NotImplementedError("cannot be cancelled")


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def told(folder: Path) -> dict[str, object]:
    value: dict[str, object] = json.loads((folder / TOLD).read_text())
    return value


def test_what_beam_warns_of_is_kept_once_in_one_line_each(tmp_path: Path) -> None:
    log = logging.getLogger("apache_beam.of_the_test")
    log.setLevel(logging.WARNING)  # whatever pipelines of other tests have set above it
    with JobWatch("ingest", EngineOptions("SomeRunner"), str(tmp_path)) as watch:
        watch.follow(Result())
        for attempt in range(3):
            log.warning("no credentials, attempt %d of 3\nask somebody", attempt)
        log.error("Traceback (most recent call last):\n  File ...\nValueError: no quota")
        log.warning("a unit failed: BIOMILLFAILUREabc.")
        log.info("nothing of weight")
        (tmp_path / CANCEL).touch()
        until(lambda: len(told(tmp_path)["said"]) == 3)  # type: ignore[arg-type]
    assert told(tmp_path)["said"] == [
        "no credentials, attempt 0 of 3",
        "ValueError: no quota",
        "the job could not be cancelled: cannot be cancelled",
    ]
    assert told(tmp_path)["state"] == "RUNNING"


def test_a_job_that_does_nothing_is_told_of_again_with_what_its_service_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine.job_follower._QUIET_SECONDS", 0.1)
    said: list[str] = []
    job = RemoteJob("ingest", "SomeRunner", "there:1", "job-1", state="RUNNING", said=("no credentials",))
    write_job(tmp_path / TOLD, job)
    follower = JobFollower(tmp_path, None, said.append)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        follower.look()
        time.sleep(0.02)
    again = [line for line in said if "no work unit done" in line]
    assert said[:3] == [
        "ingest: job job-1 on there:1",
        "ingest: job job-1 on there:1 is RUNNING",
        "ingest: SomeRunner warns: no credentials",
    ]
    assert 1 <= len(again) <= 4 and all(line.endswith("the last warning: no credentials") for line in again)


def test_a_job_that_may_run_on_keeps_its_note_and_says_how_to_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine.job_follower._CANCEL_SECONDS", 0.3)
    said: list[str] = []
    job = RemoteJob("ingest", "SomeRunner", "", "job-1", state="RUNNING", by_hand="`stop it`")
    write_job(tmp_path / TOLD, job)
    JobFollower(tmp_path, tmp_path, said.append).cancel(Future())
    assert said[-1].startswith("ingest: job job-1 may run on: it is RUNNING") and said[-1].endswith("`stop it`")
    assert noted_job(tmp_path) == job


def test_a_unit_of_a_driver_that_is_gone_ends_at_its_next_step(tmp_path: Path) -> None:
    (tmp_path / "units").touch()
    with pytest.raises(RuntimeError, match="the driver of this job is gone"), fenced(str(tmp_path / "units")):
        (tmp_path / "units").unlink()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.05)
    assert time.monotonic() < end
