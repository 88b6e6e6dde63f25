"""One pipeline in this process: what it says of a failure, and what it leaves of Beam's logging."""

from __future__ import annotations

import logging
from pathlib import Path

import apache_beam as beam
import pytest

from pipeline.engine.failures import Report
from pipeline.engine.options import EngineOptions
from pipeline.engine.pipelines import BeamFailedError, Job, run_pipeline


def divide(pipeline: beam.Pipeline, report: Report) -> None:
    pipeline | beam.Create([0.0]) | "divide" >> beam.Map(lambda number: 1 / number)


def test_a_failure_is_told_whole_and_by_its_last_line_and_beam_logs_as_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("apache_beam")
    before = logger.level
    with pytest.raises(BeamFailedError) as caught:
        run_pipeline(Job(divide, Report("divide", str(tmp_path)), EngineOptions(), 1))
    assert caught.value.last == "ZeroDivisionError: float division by zero"
    assert "while running 'divide'" in caught.value.text
    assert "Traceback" in caught.value.text
    assert logger.level == before
    assert not [record for record in caplog.records if record.name.startswith("apache_beam")]
