"""What runners with workers need beside them: a pool that starts SDK workers, and for portable a job service."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from manifests.errors import BiomillError
from pipeline.engine.processes import Process
from pipeline.engine.sdk_worker import WorkerTask, fork_worker, import_harness
from pipeline.model.errors import PipelineError
from pipeline.storage.files.atomic import write_text

_START_SECONDS = 60.0


class WorkerPool:
    """A service of this process that starts a worker whenever Beam asks it to. `debug`: whether they print."""

    def __init__(self, debug: bool) -> None:
        self._marks, self._debug = "", debug
        self._template = Process()
        self._template.call(import_harness, None)
        self.address, self._server = self._serve()
        """'host:port'"""

    def mark_for(self, marks: str) -> None:
        """Have the next workers mark their start and end in this folder."""
        self._marks = marks

    def _start_worker(self, control: str, worker_id: str) -> None:
        task = WorkerTask(self._marks, self._debug, control, worker_id)
        self._template.call(fork_worker, task).result(_START_SECONDS)

    def _serve(self) -> tuple[str, Any]:
        from apache_beam.portability.api import beam_fn_api_pb2
        from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

        start_worker = self._start_worker

        class Pool(BeamFnExternalWorkerPoolServicer):
            def StartWorker(self, request: Any, context: object) -> Any:
                try:
                    start_worker(request.control_endpoint.url, request.worker_id)
                except (OSError, TimeoutError, BiomillError) as error:
                    return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
                return beam_fn_api_pb2.StartWorkerResponse()

        address: str
        address, server = Pool.start()
        return address, server


class JobService:
    """A job service, a process of its own; `folder`: where it says its port. Raises PipelineError when it fails."""

    def __init__(self, folder: Path) -> None:
        self._process = Process()
        self._ended = self._process.call(serve_jobs, str(folder / "port"))
        self.address = f"localhost:{self._port(folder / 'port')}"

    def mark_for(self, marks: str) -> None:
        """Mark the service as one of the processes that hold the work of the pipeline of this folder."""
        (Path(marks) / f"{self._process.pid}.log").touch()

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
