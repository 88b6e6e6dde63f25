"""The process that runs pipelines with workers: Beam, its services and its threads live in it, and end with it.

Threads of Beam wait for ever when a worker is gone, and print tracebacks. In a process of their own they do neither
to the one that asked for the pipeline: it watches the workers' marks, keeps what is printed, and ends the lot.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from pathlib import Path

from pipeline.engine.pipelines import Job, run_pipeline
from pipeline.engine.processes import Process
from pipeline.engine.worker_pool import JobService, WorkerPool


class Conductor:
    """Runs one pipeline after another in a process of its own, and the workers in further ones.

    `debug`: whether all that they print is let through.
    """

    def __init__(self, debug: bool) -> None:
        self._debug = debug
        self._folder = Path(tempfile.mkdtemp(prefix="biomill-"))
        self._printed = None if debug else (self._folder / "conductor.log").open("wb")
        self._process = Process(stderr=self._printed)
        self._jobs = 0

    def start(self, job_of: Callable[[str, bool], Job]) -> tuple[Future[Counter[str] | None], Path]:
        """Start a pipeline; return its future, and the folder in which its workers mark their start and end.

        `job_of`: gives the job for that folder.
        """
        self._jobs += 1
        marks = self._folder / f"job-{self._jobs}"
        marks.mkdir()
        return self._process.call(conduct, job_of(str(marks), self._debug)), marks

    def close(self) -> None:
        """End all of its processes, whatever they do; nothing is lost but unfinished work units."""
        self._process.kill()
        if self._printed is not None:
            self._printed.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def conduct(job: Job) -> Counter[str]:
    """Run a pipeline in the conductor's process; return what its units counted. Raises what `run_pipeline` raises."""
    _import_like_parent()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the driver gets it too, and has this process cancel its job first
    if job.debug:
        logging.basicConfig(level=logging.INFO if job.options.remote else logging.ERROR)
    pool = jobs = ""
    if job.options.pool_needed:
        workers = _pool(job.debug)
        workers.mark_for(job.marks)
        pool = workers.address
    if job.options.job_service_needed:
        service = _job_service(str(Path(job.marks).parent))
        service.mark_for(job.marks)
        jobs = service.address
    return run_pipeline(job, pool, jobs)


@cache
def _pool(debug: bool) -> WorkerPool:
    return WorkerPool(debug)


@cache
def _job_service(folder: str) -> JobService:
    return JobService(Path(folder))


@cache
def _import_like_parent() -> None:
    """Have workers import from where this process does, and its parent."""
    os.environ["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
