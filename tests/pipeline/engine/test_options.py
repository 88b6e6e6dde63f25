"""Where pipelines run: what each runner needs beside this process, and which runners are refused before a run."""

from __future__ import annotations

import pytest

from pipeline.engine.options import EngineOptions
from pipeline.model.errors import UsageError


@pytest.mark.parametrize(
    ("options", "in_process", "services"),
    [
        (EngineOptions(), True, False),
        (EngineOptions(workers=2), False, False),
        (EngineOptions("portable"), False, True),
        (EngineOptions("portable", job_endpoint="localhost:1"), False, False),
        (EngineOptions("DirectRunner"), False, False),
    ],
)
def test_only_the_portable_runner_without_an_endpoint_needs_services(
    options: EngineOptions, in_process: bool, services: bool
) -> None:
    assert (options.in_process, options.services_needed) == (in_process, services)


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
