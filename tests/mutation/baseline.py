"""Which lines each test runs, and what it costs: one run of the tests as they are, kept for the mutants that follow."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest


@dataclass(frozen=True, slots=True)
class Ran:
    """What one test did when nothing was wrong."""

    test: str
    """Its node id."""
    seconds: float
    """CPU time."""
    passed: bool
    lines: dict[str, list[int]]
    """By product file, the lines it ran."""


class Baseline:
    """The pytest plugin that runs the tests of a session one by one and notes what each ran."""

    def __init__(self, root: Path, packages: Iterable[str], out: Path, digests: dict[str, str]) -> None:
        self.root, self.out, self.digests = root, out, digests
        self.coverage = coverage.Coverage(
            data_file=None, include=[f"{root / package}/*" for package in packages], config_file=False
        )
        self.failed: set[str] = set()
        self.seconds: dict[str, float] = {}
        self.files: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note under the test's name what it runs."""
        self.files[item.nodeid] = item.path.relative_to(self.root).as_posix()
        self.coverage.start()
        self.coverage.switch_context(item.nodeid)
        started = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - started
            self.coverage.stop()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what does not pass, or is skipped: it can say nothing about a mutant."""
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write one line per test."""
        data = self.coverage.get_data()
        ran: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for file in data.measured_files():
            below = Path(file).relative_to(self.root).as_posix()
            for line, tests in data.contexts_by_lineno(file).items():
                for test in tests:
                    ran[test][below].append(line)
        with self.out.open("a", encoding="utf-8") as out:
            for test, seconds in self.seconds.items():
                file = self.files[test]
                said = {"file": file, "digest": self.digests[file], "seconds": round(seconds, 4)}
                told = {"test": test, "passed": test not in self.failed, **said, "lines": ran.get(test, {})}
                out.write(json.dumps(told) + "\n")


def digests(root: Path, tests: Iterable[str], product: Iterable[str]) -> dict[str, str]:
    """Return for every file of tests what its baseline stands on: itself, and where the product's lines are."""
    common = hashlib.sha256()
    for file in sorted(product):
        common.update((root / file).read_bytes())
    told = {}
    for file in tests:
        own = common.copy()
        own.update((root / file).read_bytes())
        told[file] = own.hexdigest()[:16]
    return told


def read(paths: Iterable[Path], digests: dict[str, str]) -> dict[str, list[Ran]]:
    """Return by test file what its tests ran, of the files that are as they were."""
    found: dict[str, list[Ran]] = {}
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for text in lines:
                told = json.loads(text)
                if digests.get(told["file"]) == told["digest"]:
                    ran = Ran(told["test"], told["seconds"], told["passed"], told["lines"])
                    found.setdefault(told["file"], []).append(ran)
    return found
