"""Machines of a cluster, as mount namespaces of this one: each has a disk of its own where another has its files."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

_SERVICE = """
import sys, time
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
pool, _ = BeamFnExternalWorkerPoolServicer.start(use_process=True)
print(LocalJobServicer().start_grpc_server(), pool, flush=True)
time.sleep(3600)
"""
_SCHEDULER = """
import asyncio
from distributed import Scheduler
async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()
asyncio.run(main())
"""
_DASK_WORKER = """
import asyncio, sys
from distributed import Worker
async def main():
    async with Worker(sys.argv[1], nthreads=1, memory_limit=0, dashboard=False) as worker:
        print(worker.address, flush=True)
        await worker.finished()
if __name__ == "__main__":
    asyncio.run(main())
"""


def needs_namespaces(folder: Path) -> None:
    """Skip the test where this user may not give a process a disk of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", str(folder)], capture_output=True)
    if hidden.returncode:
        pytest.skip("mount namespaces need rights that this user lacks")


def environment(machine: Path, **more: str) -> dict[str, str]:
    """Return the variables of a process whose cache and temporary files lie in a folder of its machine."""
    return {
        **os.environ,
        "BIOMILL_CACHE": str(machine / "cache"),
        "TMPDIR": str(machine / "tmp"),
        "PYTHONPATH": str(Path.cwd()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **more,
    }


def lonely(machine: Path, hidden: Sequence[Path]) -> list[str]:
    """Return the words behind which a command runs on a machine of its own; it sees nothing of the hidden folders."""
    for folder in (machine, *hidden):
        folder.mkdir(parents=True, exist_ok=True)
    mounts = [f"mount -t tmpfs none {shlex.quote(str(folder))}" for folder in (machine, *hidden)]
    made = [f"mkdir {shlex.quote(str(machine / name))}" for name in ("tmp", "cache")]
    return ["unshare", "-m", "sh", "-c", " && ".join([*mounts, *made, 'exec "$@"']), "sh"]


@dataclass(frozen=True)
class Cluster:
    """Workers that see nothing of who sends them work."""

    options: Sequence[str]
    """Of a command that is to use them."""
    workers: Callable[[], list[int]]
    """Process ids of those that are there now."""

    def lose_one(self) -> None:
        """Kill a worker that has been there for a moment, in which it was given work."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            seen = self.workers()
            time.sleep(1)
            for pid in sorted(set(seen) & set(self.workers())):
                os.kill(pid, signal.SIGKILL)
                return
        raise AssertionError("there was no worker to kill")


@contextmanager
def portable(folder: Path, hidden: Sequence[Path], workers: int = 2) -> Iterator[Cluster]:
    """Yield a job service of Beam's portable runner whose workers are each on a machine of its own.

    `folder`: a new one for the service itself; `hidden`: what the workers see nothing of.
    """
    machine, bin_ = folder / "worker", folder / "bin"
    for each in (bin_, folder / "service" / "tmp"):
        each.mkdir(parents=True)
    # The pool starts what is called `python`.
    words = " ".join(map(shlex.quote, [*lonely(machine, hidden), sys.executable]))
    (bin_ / "python").write_text(f'#!/bin/sh\nexport TMPDIR={shlex.quote(str(machine / "tmp"))}\nexec {words} "$@"\n')
    (bin_ / "python").chmod(0o755)
    variables = environment(machine, TMPDIR=str(folder / "service" / "tmp"))
    variables["PATH"] = f"{bin_}:{variables['PATH']}"
    with _running([sys.executable, "-c", _SERVICE], variables) as (service, line):
        port, pool = line.split()

        def there() -> list[int]:
            children = psutil.Process(service).children(recursive=True)
            return [child.pid for child in children if _is_worker(child)]

        options = ["--environment_type=EXTERNAL", f"--environment_config={pool}", f"--sdk_worker_parallelism={workers}"]
        passed = [f"--beam-option={option}" for option in options]
        yield Cluster(["--runner", "portable", "--job-endpoint", f"localhost:{port}", *passed], there)


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "SdkHarness" in " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return False


@contextmanager
def dask(folder: Path, hidden: Sequence[Path], workers: int = 2) -> Iterator[Cluster]:
    """Yield a Dask cluster whose workers are each on a machine of its own; else as `portable`."""
    pytest.importorskip("distributed")
    machine = folder / "worker"
    (folder / "scheduler" / "tmp").mkdir(parents=True)
    behind = lonely(machine, hidden)
    with ExitStack() as stack:
        scheduler = [sys.executable, "-c", _SCHEDULER]
        _, address = stack.enter_context(_running(scheduler, environment(folder / "scheduler")))
        pids = []
        for _ in range(workers):
            worker = [*behind, sys.executable, "-c", _DASK_WORKER, address]
            pids.append(stack.enter_context(_running(worker, environment(machine)))[0])
        runner = "apache_beam.runners.dask.dask_runner.DaskRunner"
        passed = [f"--dask_client_address={address}", "--dask_partition_size=1"]
        options = ["--runner", runner, *(f"--beam-option={option}" for option in passed)]
        yield Cluster(options, lambda: [pid for pid in pids if psutil.pid_exists(pid)])


@contextmanager
def _running(words: Sequence[str], variables: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the process id of a service, and the first line that it says; it ends with the block."""
    service = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(variables),
        start_new_session=True,
    )
    try:
        assert service.stdout is not None
        line = service.stdout.readline().strip()
        assert line, "the service did not begin"
        yield service.pid, line
    finally:
        with suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
        service.wait()


class Running:
    """A command of Biomill that goes on, on a machine."""

    def __init__(self, words: Sequence[str], machine: Path, behind: Sequence[str]) -> None:
        if not behind:
            (machine / "tmp").mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [*behind, sys.executable, "-m", "pipeline.commands.cli", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(machine),
            start_new_session=True,
        )
        self.said = ""

    def wait_for(self, words: str) -> None:
        """Read what the command says until a line begins with the words; fail when it ends before."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if line.startswith(words):
                return
        raise AssertionError(f"it ended before it said {words!r}:\n{self.said}")

    def kill(self) -> None:
        """Kill the command with all of its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


@contextmanager
def running(*words: str, machine: Path, behind: Sequence[str] = ()) -> Iterator[Running]:
    """Yield a command of Biomill that goes on; it is killed with the block."""
    begun = Running(words, machine, behind)
    try:
        yield begun
    finally:
        begun.kill()


def command(*words: str, machine: Path, behind: Sequence[str] = ()) -> str:
    """Run a command of Biomill on a machine to its end, and return its messages."""
    with running(*words, machine=machine, behind=behind) as begun:
        _, said = begun.process.communicate()
        assert begun.process.returncode == 0, said
        return str(said)
