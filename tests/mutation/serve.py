"""Run tests against mutants: collect once, then fork for each mutant, put it in, and stop at the first failure.

A mutant inside a function is put in by giving the function objects of the fork its code, so that nothing is imported
again. One outside (a constant, a default, a class attribute) needs everything that has read it anew: its tests run in
a process of their own, over a copy of the tree. Neither touches the checkout.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from tests.mutation.mutant import Mutant
from tests.mutation.operators import function_at, runs_on_import

Stands = Callable[[Mutant, str], str]
"""What a verdict stands on, from the mutant and the test that killed it."""
_STARTUP = 8.0
"""CPU seconds that a fresh process may need before its first test."""


@dataclass(frozen=True, slots=True)
class Job:
    """A mutant and the tests that run its line, in order."""

    mutant: Mutant
    tests: tuple[str, ...]
    seconds: float
    """CPU time that these tests took without it."""


class Server:
    """The pytest plugin that runs the jobs instead of the tests that were collected."""

    def __init__(self, root: Path, jobs: list[Job], out: Path, copy: Path, stands: Stands) -> None:
        self.root, self.jobs, self.out, self.copy, self.stands = root, jobs, out, copy, stands
        self.writer: int | None = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run every job in a fork; in the fork, let the usual loop run the tests of its job."""
        sources: dict[str, str] = {}
        for file in sorted({job.mutant.file for job in self.jobs}):
            importlib.import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        known = functions({str(self.root / job.mutant.file) for job in self.jobs})
        for job in self.jobs:
            source = sources.setdefault(job.mutant.file, (self.root / job.mutant.file).read_text(encoding="utf-8"))
            started = time.monotonic()
            function = function_at(source, job.mutant.start)
            objects = known.get((str(self.root / job.mutant.file), *function), []) if function else []
            if function is not None and runs_on_import(source, function[0]):
                objects = []
            if function is None or not objects:
                verdict, by = afresh(self.copy, job, source)
            else:
                reader, writer = os.pipe()
                child = os.fork()
                if child == 0:
                    os.close(reader)
                    module = compile(
                        job.mutant.apply(source), str(self.root / job.mutant.file), "exec", dont_inherit=True
                    )
                    for each in objects:
                        each.__code__ = code_of(module, *function)
                    self._become(session, job, writer)
                    return None
                os.close(writer)
                verdict, by = _wait(child, reader, job.seconds)
            told: dict[str, object] = {"key": job.mutant.key, "verdict": verdict, "by": by, "tests": len(job.tests)}
            told["stands"] = self.stands(job.mutant, by)
            told["seconds"] = round(time.monotonic() - started, 2)
            with self.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps(told) + "\n")
        return True

    def _become(self, session: pytest.Session, job: Job, writer: int) -> None:
        os.setsid()
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        _limit(job.seconds, 0.0)
        order = {test: place for place, test in enumerate(job.tests)}
        session.items = sorted((i for i in session.items if i.nodeid in order), key=lambda item: order[item.nodeid])
        session.config.option.maxfail = 1
        self.writer = writer

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Report the first failure at once."""
        if report.failed and self.writer is not None:
            self._say("killed", report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Report that nothing failed."""
        if self.writer is not None:
            self._say("survived", "")

    def _say(self, verdict: str, by: str) -> None:
        assert self.writer is not None
        os.write(self.writer, json.dumps([verdict, by]).encode())
        os._exit(0)


def functions(files: set[str]) -> dict[tuple[str, str, int], list[FunctionType]]:
    """Return the function objects of these files by file, qualified name and first line."""
    found: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename in files:
            code = each.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(each)
    return found


def code_of(module: CodeType, name: str, line: int) -> CodeType:
    """Return the code of one function of a module."""
    return next(code for code in codes(module) if code.co_qualname == name and code.co_firstlineno == line)


def codes(code: CodeType) -> Iterator[CodeType]:
    """Return the code of a module and of everything inside it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from codes(const)


def _limit(seconds: float, startup: float) -> None:
    cpu = int(startup + 5 + 5 * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 2))
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _wait(child: int, reader: int, seconds: float) -> tuple[str, str]:
    """Wait for what a fork says; a fork that says nothing was killed by the mutant, or by the clock."""
    ready, _, _ = select.select([reader], [], [], 60 + 20 * seconds)
    said = os.read(reader, 1 << 16) if ready else b""
    os.close(reader)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if said:
        verdict, by = json.loads(said)
        return verdict, by
    late = not ready or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU)
    return ("timeout", "") if late else ("killed", f"the process ended with status {status}")


def afresh(copy: Path, job: Job, source: str) -> tuple[str, str]:
    """Run the tests of a job in a process of their own, over a copy of the tree with the mutant in it."""
    path = copy / job.mutant.file
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    path.write_text(job.mutant.apply(source), encoding="utf-8")
    # A compiled file is trusted by its time and size, which a mutant may share with what it replaces.
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
    command = [sys.executable, "-m", "tests.mutation.quick", "-x", *job.tests]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120 + 20 * job.seconds,
            start_new_session=True,
            preexec_fn=lambda: _limit(job.seconds, _STARTUP),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timeout", ""
    finally:
        path.write_text(source, encoding="utf-8")
    if done.returncode == 0:
        return "survived", ""
    if done.returncode == -signal.SIGXCPU:
        return "timeout", ""
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "killed", failed[0] if failed else f"status {done.returncode}"
