"""A unit that takes longer than its limit ends as a failure of that unit, whatever it does; all others are done."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from pipeline.commands import cli
from pipeline.engine.engine import Engine
from pipeline.engine.limited import Limited, end_children
from pipeline.engine.options import EngineOptions
from pipeline.model.errors import PipelineError, SourceError, UnitsFailedError, UsageError, WorkerDiedError
from tests.job_service import job_services

LIMIT = 0.1  # minutes: six seconds, of which a child takes one to start
RUNNERS = {
    "local, 1 worker": EngineOptions(unit_minutes=LIMIT),
    "local, 2 workers": EngineOptions(workers=2, unit_minutes=LIMIT),
    "portable": EngineOptions(runner="portable", unit_minutes=LIMIT),
}


@dataclass(frozen=True, slots=True)
class Stuck:
    """Touch a file named after the unit; one unit is stuck before."""

    folder: str
    stuck: int
    how: str

    def __call__(self, unit: int) -> Counter[str]:
        if unit == self.stuck:
            (Path(self.folder) / "stuck").write_text(str(os.getpid()))
            if self.how == "sleep":
                time.sleep(3600)
            elif self.how == "C":
                # One call into the library of regular expressions, which holds the interpreter and ends after years.
                re.match(r"(a+)+$", "a" * 60 + "b")
            elif self.how == "dies":
                os._exit(3)
        (Path(self.folder) / str(unit)).touch()
        return Counter(done=1)


def there(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir() if path.name.isdigit()}


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("local, 1 worker", "sleep"),
        ("local, 1 worker", "C"),
        ("local, 2 workers", "C"),
        pytest.param("portable", "sleep", marks=pytest.mark.whole),
    ],
)
def test_a_stuck_unit_is_ended_and_named_and_all_others_are_done(name: str, how: str, tmp_path: Path) -> None:
    with Engine(RUNNERS[name]) as engine:
        with pytest.raises(UnitsFailedError, match="1 of 8 work units; the others are done") as caught:
            engine.run_units("stick", range(8), Stuck(str(tmp_path), 3, how), tmp_path)
        pid = int((tmp_path / "stuck").read_text())
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert "ended after 0.1 minutes" in caught.value.what and "--unit-minutes" in caught.value.remedy
    assert caught.value.where.startswith("3: ")
    assert there(tmp_path) == set(range(8)) - {3}


@pytest.mark.whole
def test_a_stuck_unit_on_a_job_service_is_ended_too(tmp_path: Path) -> None:
    with job_services() as services:
        options = EngineOptions(
            services.options.runner, 1, services.jobs, services.options.beam_options, unit_minutes=LIMIT
        )
        with Engine(options, print) as engine, pytest.raises(UnitsFailedError, match="1 of 4 work units"):
            engine.run_units("stick", range(4), Stuck(str(tmp_path), 2, "C"), tmp_path)
    assert there(tmp_path) == {0, 1, 3}


def test_a_unit_that_ends_its_process_is_a_failure_of_that_unit(tmp_path: Path) -> None:
    with Engine(EngineOptions(unit_minutes=1.0)) as engine:
        with pytest.raises(UnitsFailedError, match="1 of 4 work units"):
            engine.run_units("die", range(4), Stuck(str(tmp_path), 1, "dies"), tmp_path)
        assert engine.counted["die"] == Counter(done=3)
    assert there(tmp_path) == {0, 2, 3}


def fail(unit: int) -> None:
    raise SourceError(f"odd {unit}", where="there", remedy="mend it")


def test_what_units_raise_and_count_crosses_their_processes() -> None:
    with pytest.raises(SourceError, match="odd 7") as caught:
        Limited(fail, 1.0)(7)
    assert (caught.value.where, caught.value.remedy) == ("there", "mend it")
    assert Limited(Counter, 1.0)("abba") == Counter(a=2, b=2)
    assert Limited(len, 1.0)("abba") is None
    with pytest.raises(WorkerDiedError):
        Limited(os._exit, 1.0)(3)
    end_children()
    assert Limited(Counter, 1.0)("a") == Counter(a=1)


class Asking:
    """Takes as long as a host lets it."""

    waits_for_hosts: ClassVar[bool] = True

    def __init__(self, pids: str) -> None:
        self.pids = pids

    def __call__(self, unit: int) -> None:
        Path(self.pids).write_text(str(os.getpid()))
        time.sleep(2.0)


def test_no_limit_holds_for_what_waits_for_hosts(tmp_path: Path) -> None:
    with Engine(EngineOptions(unit_minutes=0.01)) as engine:
        engine.run_units("fetch", [1], Asking(str(tmp_path / "pid")), tmp_path)
    assert int((tmp_path / "pid").read_text()) == os.getpid()


def test_a_limit_is_a_number_of_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="-1 minutes"):
        EngineOptions(unit_minutes=-1.0).check()
    for text in ("0", "-3", "soon", "inf"):
        with pytest.raises(SystemExit) as ended:
            cli.main(["demo", "-o", "nowhere", f"--unit-minutes={text}"])
        assert ended.value.code == 2 and "no number of minutes" in capsys.readouterr().err


def test_a_failed_limit_is_an_error_of_ours() -> None:
    with pytest.raises(PipelineError, match="ended after"):
        Limited(time.sleep, 0.02)(60.0)
