"""Beam's job service and its pool of workers as processes of their own on this machine, as a cluster has them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.options import PORTABLE, EngineOptions


@dataclass(frozen=True)
class Services:
    """Where both listen, and which process groups they are."""

    jobs: str
    pool: str
    pool_pid: int

    @property
    def words(self) -> list[str]:
        """The options of a command that runs there."""
        return [
            *("--runner", PORTABLE, "--job-endpoint", self.jobs),
            *("--beam-option=--environment_type=EXTERNAL", f"--beam-option=--environment_config={self.pool}"),
        ]

    @property
    def options(self) -> EngineOptions:
        return EngineOptions(
            PORTABLE, 1, self.jobs, ("--environment_type=EXTERNAL", f"--environment_config={self.pool}")
        )

    def states(self) -> dict[str, str]:
        """The state of every job that the service knows, by its number."""
        from apache_beam.portability.api import beam_job_api_pb2 as api
        from apache_beam.runners.portability.job_server import ExternalJobServer

        jobs = ExternalJobServer(self.jobs).start().GetJobs(api.GetJobsRequest()).job_info
        return {job.job_id: api.JobState.Enum.Name(job.state) for job in jobs}


@contextmanager
def job_services(environment: Mapping[str, str] | None = None) -> Iterator[Services]:
    """Yield a job service and a worker pool; `environment`: of the workers, beside this process's."""
    jobs, pool = free_port(), free_port()
    # The pool starts what is called `python`.
    known = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    service = ["apache_beam.runners.portability.local_job_service_main", "-p", str(jobs)]
    workers = ["apache_beam.runners.worker.worker_pool_main", f"--service_port={pool}"]
    with ExitStack() as stack:
        started = []
        for words, env in ((service, known), (workers, {**known, **(environment or {})})):
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=env,
                start_new_session=True,
            )
            stack.callback(process.wait)
            stack.callback(os.killpg, process.pid, signal.SIGKILL)
            started.append(process.pid)
        for port in (jobs, pool):
            wait_for(port)
        yield Services(f"localhost:{jobs}", f"localhost:{pool}", started[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nobody listens at port {port}")
