"""`biomill status` names the job that a run waits for, and the one that a killed run left."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.job_service import job_services

BIOMILL = [sys.executable, "-m", "pipeline.commands.cli"]


def status(run: Path, *words: str) -> str:
    return subprocess.run([*BIOMILL, "status", str(run), *words], capture_output=True, text=True).stdout


def test_status_tells_of_the_job_and_ctrl_c_cancels_it(tmp_path: Path) -> None:
    run = tmp_path / "demo" / "run"
    with job_services() as services:
        command = [*BIOMILL, "demo", "-o", str(tmp_path / "demo"), *services.words]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line.rstrip())
            if re.match(r"ingest: job .* is RUNNING", line):
                break
        number = said[-1].split()[2]
        seen = status(run)
        told = json.loads(status(run, "--json"))["run"]["job"]
        process.send_signal(signal.SIGSTOP)  # so that the job runs on while its driver is killed
        process.kill()
        process.wait()
        left = status(run)
        again = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert again.stderr is not None
        for line in again.stderr:
            said.append(line.rstrip())
            if "is RUNNING" in line:
                break
        time.sleep(0.2)
        again.send_signal(signal.SIGINT)
        rest = again.communicate(timeout=120)[1].splitlines()
        states = services.states()
    # The stage has several pipelines, and the next job may have begun since the line was read.
    assert re.search(r"^job        .*\(portable, stage ingest\): [A-Z]+ since 20", seen, re.MULTILINE), seen
    assert told["stage"] == "ingest" and told["state"]
    assert told["url"] is None and told["said"] == []
    if f"job {number}" in left:  # else it came to its end in between
        assert "may still run" in left and "to end it: run the same command again" in left
    assert again.returncode == 130, rest
    # Beam's own service calls a cancelled job failed once its workers have seen that it is over.
    assert not {"RUNNING", "STARTING"} & set(states.values()), (states, said, rest)
    assert any(line.endswith("is CANCELLED") for line in rest), rest
