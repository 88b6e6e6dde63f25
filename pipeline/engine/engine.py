"""Running one Beam pipeline: which runner, how many processes, and what happens when something dies.

The pipeline's stages are the same Beam graph on every runner:

    local      Beam's Fn API runner in this process (1 worker), or with worker processes (2 and more)
    portable   a job service and SDK workers as processes of their own: the protocol that Flink and Dataflow speak
    NAME       any other Beam runner by its name, with options passed through (`--beam-option`)

Beam's local runner waits for minutes, or for ever, when a worker process is killed. The engine therefore runs the
pipeline in a thread and watches the worker processes from outside: a death ends the run with a clear error at once,
and what is finished stays finished, because every work unit is one atomically renamed file.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psutil

from manifests.errors import BiomillError
from pipeline.engine import interrupt
from pipeline.model.errors import (
    NetworkLostError,
    PipelineError,
    SourceError,
    StorageError,
    UsageError,
    WorkerDiedError,
)

if TYPE_CHECKING:
    import apache_beam as beam

logger = logging.getLogger("biomill")

DEATH_GRACE_SECONDS = 15.0
"""Workers end shortly before Beam reports success; only a pipeline that outlives a worker this long has lost it."""
NO_WORKER_SECONDS = 30.0
"""A pipeline that has had no worker process at all for this long has lost them before they were seen."""
_POLL_SECONDS = 0.25
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where the pipelines run."""

    runner: str = "local"
    workers: int = 1
    job_endpoint: str = ""
    """Portable runner: an existing job service 'host:port'; empty: one is started for this run."""
    beam_options: tuple[str, ...] = ()
    """Options passed to Beam as they are, such as '--project=x'."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes], what: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise PipelineError(f"the {what} ended at once (exit status {process.returncode})")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise PipelineError(f"the {what} did not answer within {_START_SECONDS:.0f} s", where=f"port {port}")


def _beam_processes() -> dict[int, psutil.Process]:
    found = {}
    for child in psutil.Process().children(recursive=True):
        try:
            running = child.is_running() and child.status() != psutil.STATUS_ZOMBIE
            if running and any("apache_beam" in part for part in child.cmdline()):
                found[child.pid] = child
        except psutil.Error:  # it ended between listing and asking, which the caller sees as its absence
            continue
    return found


_BEAM_THREADS = frozenset(
    {
        "run_worker",
        "beam_control_read",
        "forward_grpc_outputs",
        "read_grpc_client_inputs",
        "wait_until_finish_read",
        "wait_until_finish_state_observer",
    }
)
"""Threads of Beam that fail, and print tracebacks, when a worker or a service goes away."""


_failed_waits: list[int] = []


@cache
def _hear_thread_failures() -> None:
    """Note in `_failed_waits` when a wait for a worker process fails, and let no thread of Beam print; once a process.

    The hook stays, because Beam's threads outlive a pipeline that was given up.
    """
    before = threading.excepthook

    def note(failure: threading.ExceptHookArgs) -> None:
        thread = failure.thread
        if thread is None or thread.name not in _BEAM_THREADS:
            before(failure)
            return
        logger.debug("thread %s: %s", thread.name, failure.exc_value)
        if thread.name == "run_worker" and thread.ident:
            _failed_waits.append(-thread.ident)

    threading.excepthook = note


def _local_runner(workers: int) -> Any:
    """Return Beam's Fn API runner: in this process, or with worker processes."""
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    if workers == 1:
        return FnApiRunner()
    # Beam runs the line in a shell; `exec` leaves none between us and the worker. Its chatter goes nowhere, for what
    # fails in it comes back through the pipeline's own error.
    line = f"exec {shlex.quote(sys.executable)} -m apache_beam.runners.worker.sdk_worker_main"
    if not logger.isEnabledFor(logging.DEBUG):
        line += " >/dev/null 2>&1"
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(line))


_NAMED = re.compile(
    r"(?:^|[\s.:])(?P<kind>[A-Z]\w*Error): (?![\w.]*Error: )(?P<what>[^\n]*)"
    r"(?:\n  where:  (?P<where>[^\n]*))?(?:\n  expect: (?P<expect>[^\n]*))?(?:\n  remedy: (?P<remedy>[^\n]*))?"
)
_KINDS: dict[str, type[BiomillError]] = {
    kind.__name__: kind for kind in (StorageError, SourceError, NetworkLostError, UsageError)
}
_SUFFIX = re.compile(r"\s*\[while running '[^']*'\]|\\n.*$")


def explain_failure(text: str, label: str) -> BiomillError:
    r"""Find our own error in what Beam reports of a failed pipeline (a traceback, quoted several times over).

    >>> str(explain_failure("RuntimeError: pipeline.model.errors.StorageError: cannot write: No space left\n"
    ...                     "  where:  /x [while running 'fetch/work']", "fetch"))
    'cannot write: No space left\n  where:  /x'
    """
    found = [m for m in _NAMED.finditer(text) if m["where"] or m["remedy"] or m["kind"] in _KINDS]
    if found:
        best = found[-1]
        parts = {key: _SUFFIX.sub("", best[key] or "") for key in ("what", "where", "expect", "remedy")}
        kind = _KINDS.get(best["kind"], PipelineError)
        return kind(parts["what"], where=parts["where"], expected=parts["expect"], remedy=parts["remedy"])
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    last = _SUFFIX.sub("", lines[-1]) if lines else "no message"
    return PipelineError(
        f"stage {label!r} failed: {last[:500]}",
        remedy="run again with --debug for the whole traceback; finished work units are kept",
    )


_CHANNEL_CLOSED = "Channel closed prematurely"
"""What Beam says of a worker that went away, where it notices: mostly it waits for ever."""


def _worker_died(label: str) -> WorkerDiedError:
    return WorkerDiedError(
        f"a worker process of stage {label!r} ended while it held work",
        expected="worker processes live until their stage is done; the kernel's log tells if memory was short",
        remedy="run the same command again: finished work units are kept; --workers 1 needs less memory",
    )


@dataclass
class Engine(AbstractContextManager["Engine"]):
    """Runs pipelines one after another with the same options."""

    options: EngineOptions = field(default_factory=EngineOptions)
    _services: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)
    _endpoint: str = field(default="", init=False)
    _pool: str = field(default="", init=False)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_services()

    def check(self) -> None:
        """Raise UsageError when the options name a runner that Beam does not have, or no worker."""
        if self.options.workers < 1:
            raise UsageError(f"{self.options.workers} worker processes cannot work", expected="1 or more")
        if self.options.runner in ("local", "portable"):
            return
        from apache_beam.runners.runner import create_runner

        try:
            create_runner(self.options.runner)
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"Beam has no runner {self.options.runner!r} here: {error}",
                expected="local, portable, or a runner of Beam that is installed",
                remedy="correct --runner, or install what the runner needs (such as apache-beam[gcp] for Dataflow)",
            ) from error

    def _stop_services(self) -> None:
        for process in self._services:
            process.terminate()
        for process in self._services:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        self._services.clear()

    def _start_services(self) -> None:
        """Start a job service and a pool of SDK workers, each a process of its own."""
        job_port, pool_port = _free_port(), _free_port()
        # The pool starts its workers as plain `python`: it must be the one that runs us.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        for what, module, arguments, port in (
            ("job service", "apache_beam.runners.portability.local_job_service_main", [f"--port={job_port}"], job_port),
            ("worker pool", "apache_beam.runners.worker.worker_pool_main", [f"--service_port={pool_port}"], pool_port),
        ):
            # stdout carries Beam's chatter; errors come back through the job's state and message log.
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, "PATH": path},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self._services.append(process)
            _wait_for_port(port, process, what)
        self._endpoint, self._pool = f"localhost:{job_port}", f"localhost:{pool_port}"

    def _runner(self, workers: int) -> tuple[Any, list[str]]:
        """Return the Beam runner and its options."""
        options = self.options
        level = "ERROR" if logger.isEnabledFor(logging.DEBUG) else "CRITICAL"
        quiet = [f"--default_sdk_harness_log_level={level}"]
        if options.runner == "local":
            arguments = ["--direct_num_workers", str(workers), *quiet, *options.beam_options]
            return _local_runner(workers), arguments
        if options.runner == "portable":
            if options.job_endpoint:
                arguments = [f"--job_endpoint={options.job_endpoint}"]
            else:
                if not self._services:
                    self._start_services()
                arguments = [
                    f"--job_endpoint={self._endpoint}",
                    "--environment_type=EXTERNAL",
                    f"--environment_config={self._pool}",
                    f"--sdk_worker_parallelism={options.workers}",
                ]
            return "PortableRunner", [*arguments, *quiet, *options.beam_options]
        return options.runner, [*quiet, *options.beam_options]

    def run(
        self,
        label: str,
        build: Callable[[beam.Pipeline], object],
        tick: Callable[[], None] | None = None,
        units: int = sys.maxsize,
    ) -> None:
        """Build and run one pipeline; raise what failed in it, or WorkerDiedError when a worker process ended.

        `tick` is called a few times a second while the pipeline runs. `units`: how many work units it has; a local
        worker process costs two CPU seconds to start, so no more are started than there are units.
        """
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        if not logger.isEnabledFor(logging.DEBUG):
            # Beam logs a failure's traceback several times over; what failed is raised below, once.
            logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
        workers = min(self.options.workers, units)
        runner, arguments = self._runner(workers)
        failure: list[str] = []
        interrupted = threading.Event()

        def work() -> None:
            try:
                pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(arguments))
                build(pipeline)
                result = pipeline.run()
                state = result.wait_until_finish()
                if state not in (None, "DONE"):
                    failure.append(f"PipelineError: the job ended in state {state}")
            except BaseException:  # noqa: BLE001 - carried to the caller's thread, where it is raised
                if not interrupted.is_set():
                    failure.append(traceback.format_exc())

        thread = threading.Thread(target=work, name=f"beam-{label}", daemon=True)
        thread.start()
        try:
            self._watch(thread, label, tick, self._workers_are_ours(workers))
        except BaseException:
            interrupted.set()
            self.kill_workers()
            raise
        if failure:
            logger.debug("%s", failure[0])
            if self._workers_are_ours(workers) and _CHANNEL_CLOSED in failure[0].strip().splitlines()[-1]:
                raise _worker_died(label)
            raise explain_failure(failure[0], label)

    def _workers_are_ours(self, workers: int) -> bool:
        """Return whether workers are processes of this machine that this run started."""
        options = self.options
        started = options.runner == "portable" and not options.job_endpoint
        return started or (options.runner == "local" and workers > 1)

    def _watch(self, thread: threading.Thread, label: str, tick: Callable[[], None] | None, watching: bool) -> None:
        """Wait for the pipeline's thread; raise WorkerDiedError when it waits for a worker process that is gone."""
        seen: set[int] = set()
        lost: dict[int, float] = {}
        last_alive = time.monotonic()
        _failed_waits.clear()
        if watching:
            _hear_thread_failures()
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            interrupt.check()
            if tick:
                tick()
            if not watching or not thread.is_alive():
                continue
            now = time.monotonic()
            alive = set(_beam_processes())
            for pid in (seen - alive) | set(_failed_waits):
                lost.setdefault(pid, now)
            seen |= alive
            if any(pid in alive for pid in seen - {service.pid for service in self._services}):
                last_alive = now
            gone = [pid for pid, since in lost.items() if now - since > DEATH_GRACE_SECONDS]
            if gone or now - last_alive > NO_WORKER_SECONDS:
                raise _worker_died(label)

    def kill_workers(self) -> None:
        """End every worker process of this run; nothing is lost but unfinished work units."""
        processes: Sequence[psutil.Process] = list(_beam_processes().values())
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=5)
        self._services.clear()
