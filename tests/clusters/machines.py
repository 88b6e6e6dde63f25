"""Machines of a cluster, as mount namespaces of this one: each has a disk of its own where another has its files."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_SERVICE = """
import sys, time
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
pool, _ = BeamFnExternalWorkerPoolServicer.start(use_process=True)
print(LocalJobServicer().start_grpc_server(), pool, flush=True)
time.sleep(3600)
"""
_WORKER = "apache_beam.runners.worker.sdk_worker_main"


def needs_namespaces(folder: Path) -> None:
    """Skip the test where this user may not give a process a disk of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", str(folder)], capture_output=True)
    if hidden.returncode:
        pytest.skip("mount namespaces need rights that this user lacks")


def environment(machine: Path) -> dict[str, str]:
    """Return the variables of a process whose cache and temporary files lie in a folder of its machine."""
    return {
        **os.environ,
        "BIOMILL_CACHE": str(machine / "cache"),
        "TMPDIR": str(machine / "tmp"),
        "PYTHONPATH": str(Path.cwd()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def lonely(machine: Path, hidden: Sequence[Path]) -> list[str]:
    """Return the words behind which a command runs on a machine of its own; it sees nothing of the hidden folders."""
    mounts = [f"mount -t tmpfs none {shlex.quote(str(folder))}" for folder in (machine, *hidden)]
    made = [f"mkdir {shlex.quote(str(machine / name))}" for name in ("tmp", "cache")]
    return ["unshare", "-m", "sh", "-c", " && ".join([*mounts, *made, 'exec "$@"']), "sh"]


@contextmanager
def portable(folder: Path, hidden: Sequence[Path], workers: int = 2) -> Iterator[list[str]]:
    """Yield the options of a job service whose workers are each on a machine of its own.

    `folder`: an empty one for the service itself; `hidden`: what the workers see nothing of.
    """
    machine, bin_ = folder / "worker", folder / "bin"
    for each in (machine, bin_, folder / "service" / "tmp", *hidden):
        each.mkdir(parents=True, exist_ok=True)
    # The pool starts what is called `python`.
    words = " ".join(map(shlex.quote, [*lonely(machine, hidden), sys.executable]))
    (bin_ / "python").write_text(f'#!/bin/sh\nexport TMPDIR={shlex.quote(str(machine / "tmp"))}\nexec {words} "$@"\n')
    (bin_ / "python").chmod(0o755)
    variables = {**environment(machine), "TMPDIR": str(folder / "service" / "tmp")}
    variables["PATH"] = f"{bin_}:{variables['PATH']}"
    service = subprocess.Popen(
        [sys.executable, "-c", _SERVICE],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=variables,
        start_new_session=True,
    )
    try:
        assert service.stdout is not None
        port, pool = service.stdout.readline().split()
        options = ["--environment_type=EXTERNAL", f"--environment_config={pool}", f"--sdk_worker_parallelism={workers}"]
        yield ["--runner", "portable", "--job-endpoint", f"localhost:{port}", *(f"--beam-option={o}" for o in options)]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
        service.wait()


def command(
    *words: str, machine: Path, behind: Sequence[str] = (), check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of Biomill on a machine."""
    (machine / "tmp").mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*behind, sys.executable, "-m", "pipeline.commands.cli", *words],
        capture_output=True,
        text=True,
        env=environment(machine),
        cwd=Path.cwd(),
    )
    assert not check or done.returncode == 0, done.stderr
    return done
