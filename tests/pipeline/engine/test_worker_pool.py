"""The job service of the portable runner and the pool of workers: they answer, and end with whoever started them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

ANSWER = """
import os, socket, sys
from pathlib import Path
from pipeline.engine.worker_pool import JobService, WorkerPool
marks = Path(sys.argv[1])
services = JobService(marks), WorkerPool(False)
for service in services:
    service.mark_for(str(marks))
    host, _, port = service.address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=30).close()
print(len({service.address for service in services}), flush=True)
os.kill(os.getpid(), 9)
"""
FAIL = """
import os, sys
from pathlib import Path
from pipeline.engine.worker_pool import JobService
from pipeline.model.errors import PipelineError
try:
    JobService(Path(sys.argv[1]) / "file")
except PipelineError as error:
    print(error.what, flush=True)
os.kill(os.getpid(), 9)
"""


def said(code: str, folder: Path) -> str:
    """Return what a process prints that has services, and that is killed then."""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    return done.stdout.strip()


def test_both_services_answer_at_addresses_of_their_own_and_the_job_service_ends_with_its_parent(
    tmp_path: Path,
) -> None:
    assert said(ANSWER, tmp_path) == "2"
    (mark,) = tmp_path.glob("*.log")
    pid = int(mark.stem)
    alive = [psutil.Process(pid)] if psutil.pid_exists(pid) else []
    assert psutil.wait_procs(alive, timeout=60)[1] == []


def test_a_job_service_that_cannot_say_its_port_is_an_error_at_once_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    text = said(FAIL, tmp_path)
    assert text.startswith("the job service ended at once: ")
    assert str(tmp_path / "file") in text
