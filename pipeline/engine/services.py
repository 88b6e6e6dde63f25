"""What the portable runner needs beside it: a job service, a process of its own, and a pool that starts SDK workers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.engine.processes import Process
from pipeline.engine.sdk_worker import command_of
from pipeline.model.errors import PipelineError
from pipeline.storage.atomic import write_text

_START_SECONDS = 60.0


class Services:
    """A job service and a pool of workers for as long as this process lives. Raises PipelineError when one fails.

    `folder`: where the job service says its port.
    """

    def __init__(self, folder: Path, debug: bool) -> None:
        self.marks = ""
        """Folder in which workers mark their start and end; set for each pipeline."""
        self._debug = debug
        self._workers: list[subprocess.Popen[bytes]] = []
        self._job_service = Process()
        self._ended = self._job_service.call(serve_jobs, str(folder / "port"))
        self._pool = _pool(self._start_worker)
        self.addresses = f"localhost:{self._port(folder / 'port')}", self._pool[0]
        """'host:port' of the job service, and of the pool."""

    def mark_for(self, marks: str) -> None:
        """Have the next workers mark in this folder, and the job service as one of them."""
        self.marks = marks
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        (Path(marks) / f"{self._job_service.pid}.log").touch()

    def _start_worker(self, control: str, worker_id: str) -> None:
        command = command_of(self.marks, self._debug, control, worker_id)
        worker = subprocess.Popen(command, shell=True)
        (Path(self.marks) / f"{worker.pid}.log").touch()  # its own shell has not got that far yet
        self._workers.append(worker)

    def _port(self, path: Path) -> int:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if path.exists():
                return int(path.read_text())
            if self._ended.done():
                raise PipelineError(f"the job service ended at once: {self._ended.exception()}")
            time.sleep(0.05)
        raise PipelineError(f"the job service did not answer within {_START_SECONDS:.0f} s")


def serve_jobs(port_file: str) -> None:
    """Be a job service until this process ends; its port is written to a file when it answers."""
    from apache_beam.runners.portability.local_job_service import LocalJobServicer

    write_text(Path(port_file), str(LocalJobServicer().start_grpc_server()))
    while True:
        time.sleep(3600)


def _pool(start_worker: Callable[[str, str], None]) -> tuple[str, Any]:
    """Return the address of a service that starts workers when it is asked, and the server that answers there."""
    from apache_beam.portability.api import beam_fn_api_pb2
    from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

    class Pool(BeamFnExternalWorkerPoolServicer):
        def StartWorker(self, request: Any, context: object) -> Any:
            try:
                start_worker(request.control_endpoint.url, request.worker_id)
            except OSError as error:
                return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
            return beam_fn_api_pb2.StartWorkerResponse()

    address: str
    address, server = Pool.start()
    return address, server
