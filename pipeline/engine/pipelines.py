"""Running one Beam pipeline to its end, in this process, on the runner that the options name.

Imports Beam when it runs, so that what only describes pipelines starts without it.
"""

from __future__ import annotations

import logging
import shlex
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.engine.counted import counts_of
from pipeline.engine.failures import Report
from pipeline.engine.job_watch import JobWatch
from pipeline.engine.options import LOCAL, PORTABLE, EngineOptions
from pipeline.model.errors import UsageError

if TYPE_CHECKING:
    import apache_beam as beam

Graph = Callable[["beam.Pipeline", Report], object]
"""Adds its transforms to a pipeline; the work in them is wrapped by the report, so that failures are told."""


class BeamFailedError(Exception):
    """A pipeline failed: all that Beam said of it, and the last line, where people look first."""

    def __init__(self, text: str, last: str) -> None:
        super().__init__(text, last)
        self.text, self.last = text, last


@dataclass(frozen=True, slots=True)
class Job:
    """One pipeline to run; travels to the process that runs it."""

    graph: Graph
    report: Report
    options: EngineOptions
    workers: int
    """Worker processes, where this machine starts them."""
    marks: str = ""
    """Folder in which worker processes mark their start and end."""
    debug: bool = False
    """Whether what Beam says goes where it likes."""


def run_pipeline(job: Job, pool: str = "", job_service: str = "") -> Counter[str]:
    """Build and run one pipeline; return what its units counted (`pipeline.engine.counted`).

    `pool`, `job_service`: 'host:port' of those that were started for this run.

    Raises BeamFailedError, or UsageError when Beam does not take the options.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    runner, arguments = _runner(job, pool, job_service)
    watch = JobWatch(job.report.label, job.options, job.marks) if job.options.remote and job.marks else None
    try:
        with watch or _silence(job.debug):
            pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(arguments))
            job.graph(pipeline, job.report)
            result = pipeline.run()
            if watch:
                watch.follow(result)
            state = result.wait_until_finish()
            counts = counts_of(result)
    except SystemExit as error:
        raise UsageError(
            "Beam does not take the options that are passed to it",
            where=shlex.join(job.options.beam_options),
            remedy="correct --beam-option; Beam's own words may stand above",
        ) from error
    except Exception as error:
        raise BeamFailedError(traceback.format_exc(), _last_line(error)) from error
    if state not in (None, "DONE"):
        raise BeamFailedError("", f"the job ended in state {state}")
    return counts


def _runner(job: Job, pool: str, job_service: str) -> tuple[Any, list[str]]:
    """Return the Beam runner and its options."""
    options = job.options
    # Workers that this machine starts print what the unit's failure says; elsewhere nobody would hear of them.
    quiet = [] if options.remote else [f"--default_sdk_harness_log_level={'ERROR' if job.debug else 'CRITICAL'}"]
    if options.runner == LOCAL:
        return _local_runner(job, pool), ["--direct_num_workers", str(job.workers), *quiet, *options.beam_options]
    if options.runner != PORTABLE:
        return options.runner, [*quiet, *options.beam_options]
    if not job_service:
        arguments = [f"--job_endpoint={options.job_endpoint}"]
    else:
        arguments = [
            f"--job_endpoint={job_service}",
            "--environment_type=EXTERNAL",
            f"--environment_config={pool}",
            f"--sdk_worker_parallelism={job.workers}",
        ]
    return "PortableRunner", [*arguments, *quiet, *options.beam_options]


def _local_runner(job: Job, pool: str) -> Any:
    """Return Beam's Fn API runner: in this process, or with worker processes."""
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
    from apache_beam.transforms.environments import ExternalEnvironment

    if job.workers == 1:
        return FnApiRunner()
    # With two or more the workers are asked of the pool, where the job's own process has one.
    return FnApiRunner(default_environment=ExternalEnvironment(pool))


@contextmanager
def _silence(debug: bool) -> Iterator[None]:
    """Let Beam log nothing while the block runs: it logs a failure's traceback several times over."""
    logger = logging.getLogger("apache_beam")
    before = logger.level
    if not debug:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _last_line(error: Exception) -> str:
    """Return the last line of an error, without the step that Beam names behind it.

    >>> _last_line(RuntimeError("Traceback ...\\nKeyError: 'a' [while running 'fetch/work']"))
    "KeyError: 'a'"
    """
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message").partition(" [while running")[
        0
    ]
