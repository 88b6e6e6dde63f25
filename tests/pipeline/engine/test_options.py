"""Where pipelines run: what each runner needs beside this process, and which runners are refused before a run."""

from __future__ import annotations

import pytest

from pipeline.engine.options import EngineOptions
from pipeline.model.errors import UsageError


@pytest.mark.parametrize(
    ("options", "in_process", "pool", "jobs"),
    [
        (EngineOptions(), True, False, False),
        (EngineOptions(workers=2), False, True, False),
        (EngineOptions("portable"), False, True, True),
        (EngineOptions("portable", job_endpoint="localhost:1"), False, False, False),
        (EngineOptions("DirectRunner"), False, False, False),
    ],
)
def test_workers_of_this_machine_need_a_pool_and_the_portable_runner_a_job_service(
    options: EngineOptions, in_process: bool, pool: bool, jobs: bool
) -> None:
    assert (options.in_process, options.pool_needed, options.job_service_needed) == (in_process, pool, jobs)


@pytest.mark.parametrize("options", [EngineOptions(), EngineOptions("portable", 3), EngineOptions("DirectRunner")])
def test_runners_that_are_there_pass(options: EngineOptions) -> None:
    options.check()


@pytest.mark.parametrize("workers", [0, -1])
def test_a_run_without_workers_is_refused(workers: int) -> None:
    with pytest.raises(UsageError, match=f"^{workers} worker processes cannot work") as caught:
        EngineOptions(workers=workers).check()
    assert caught.value.expected == "1 or more"


@pytest.mark.parametrize("name", ["NoSuchRunner", "no.such.module.Runner"])
def test_a_runner_that_beam_has_not_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(UsageError, match=f"no runner '{name}' here: .") as caught:
        EngineOptions(name).check()
    assert "--runner" in str(caught.value.remedy)
