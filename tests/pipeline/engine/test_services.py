"""The job service and the pool of workers of the portable runner: they answer, and end with whoever started them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

ANSWER = """
import os, socket, sys
from pathlib import Path
from pipeline.engine.services import Services
marks = Path(sys.argv[1])
services = Services(marks, False)
services.mark_for(str(marks))
for address in services.addresses:
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=30).close()
print(len(set(services.addresses)), flush=True)
os.kill(os.getpid(), 9)
"""
FAIL = """
import os, sys
from pathlib import Path
from pipeline.engine.services import Services
from pipeline.model.errors import PipelineError
try:
    Services(Path(sys.argv[1]) / "file", False)
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
