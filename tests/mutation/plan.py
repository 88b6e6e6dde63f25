"""One measurement: its mutants, the tests of each, what is known already, and what is left for each worker."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import pytest

from tests.mutation.baseline import Baseline, Ran, digests, read
from tests.mutation.mutant import Mutant
from tests.mutation.operators import function_at, has_functions, runs_on_import, statement_at
from tests.mutation.quick import OPTIONS, without_shrinking
from tests.mutation.sample import sample
from tests.mutation.score import Judged, Outcome, lines
from tests.mutation.selection import Imports
from tests.mutation.serve import Job, Server

MOST = 30.0
"""CPU seconds of tests that one mutant may cost: of more than that, the last in order are left out. Few cost it, as the
first test that fails ends them; less, and on a slow machine tests that would notice are left out."""


class Plan:
    """What is to be run, from what stands in the checkout and in the folder of results."""

    def __init__(self, root: Path, out: Path, packages: Sequence[str], seed: int, size: int, only: str = "") -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.root, self.out, self.packages = root, out.resolve(), tuple(packages)
        self.mutants = [m for m in sample(root, packages, seed, size) if only in m.file]
        self.sources = {m.file: (root / m.file).read_text(encoding="utf-8") for m in self.mutants}
        self.judged = Judged(Path(__file__).with_name("judged.toml"))

    @cached_property
    def tests(self) -> dict[str, list[str]]:
        """By mutated file, the files of its tests in order."""
        imports = Imports(self.root)
        return {file: imports.tests_of(file) for file in self.sources}

    @cached_property
    def digests(self) -> dict[str, str]:
        """By file of tests, what its baseline stands on."""
        files = sorted({test for tests in self.tests.values() for test in tests})
        product = [
            p.relative_to(self.root).as_posix() for name in self.packages for p in (self.root / name).rglob("*.py")
        ]
        return digests(self.root, files, product)

    def baseline(self) -> dict[str, list[Ran]]:
        """Return what the tests ran as far as it is known."""
        return read(sorted(self.out.glob("baseline-*.jsonl")), self.digests)

    def work(self, phase: str, number: int, of: int) -> int:
        """Run one worker's share of a phase; return 0 when it came to its end."""
        without_shrinking()
        return self._measure(number, of) if phase == "baseline" else self._mutate(number, of)

    def _measure(self, number: int, of: int) -> int:
        known = self.baseline()
        files = [file for file in self.digests if file not in known][number::of]
        # A few at a time, so that little is lost when it is stopped.
        for start in range(0, len(files), 8):
            plugin = Baseline(self.root, self.packages, self.out / f"baseline-{number}.jsonl", self.digests)
            status = self._pytest(files[start : start + 8], plugin)
            if status not in (0, 1, 5):
                return status
        return 0

    def _mutate(self, number: int, of: int) -> int:
        baseline = self.baseline()
        outcomes = self.outcomes()
        jobs: list[Job] = []
        # In no order of files, so that what is known of an unfinished run speaks for the whole sample.
        for mutant in sorted(self.mutants, key=lambda mutant: mutant.key):
            if mutant.key not in outcomes:
                jobs.append(self._job(mutant, baseline))
        with (self.out / f"results-{number}.jsonl").open("a", encoding="utf-8") as out:
            for job in jobs[number::of]:
                if not job.tests:
                    told = {"key": job.mutant.key, "verdict": "unreached", "by": "", "tests": 0, "seconds": 0.0}
                    out.write(json.dumps(told | {"stands": self._stands(job.mutant, "")}) + "\n")
        jobs = [job for job in jobs if job.tests][number::of]
        if not jobs:
            return 0
        files = list(dict.fromkeys(test.partition("::")[0] for job in jobs for test in job.tests))
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            copy = Path(folder)
            copy_tree(self.root, copy)
            server = Server(self.root, jobs, self.out / f"results-{number}.jsonl", copy, self._stands)
            return self._pytest(files, server)

    def _pytest(self, files: Sequence[str], plugin: object) -> int:
        if not files:
            return 0
        return int(pytest.main([*OPTIONS, "-q", "--rootdir", str(self.root), *files], plugins=[plugin]))

    def _job(self, mutant: Mutant, baseline: dict[str, list[Ran]]) -> Job:
        """Choose the tests that run a mutant's statement; outside of functions, those that run anything of its file.

        What has no functions only runs when it is imported: all tests of such a file are chosen.
        """
        source = self.sources[mutant.file]
        first, last = statement_at(source, mutant.start)
        function = function_at(source, mutant.start)
        inside = function is not None and not runs_on_import(source, function[0])
        only_imported = not inside and not has_functions(source)
        chosen: list[tuple[int, float, str]] = []
        for place, file in enumerate(self.tests[mutant.file]):
            for ran in baseline.get(file, ()):
                there = ran.lines.get(mutant.file, [])
                touched = any(first <= line <= last for line in there) if inside else bool(there) or only_imported
                if ran.passed and touched:
                    chosen.append((min(place, 2), ran.seconds, ran.test))
        tests: list[str] = []
        cost = 0.0
        for _, seconds, test in sorted(chosen):
            if not tests or cost + seconds <= MOST:
                tests.append(test)
                cost += seconds
        return Job(mutant, tuple(tests), cost)

    def _stands(self, mutant: Mutant, by: str) -> str:
        """Return a digest of what a verdict stands on: the file, and the test that killed it or all its tests."""
        told = hashlib.sha256(self.sources[mutant.file].encode())
        file = by.partition("::")[0]
        tests = [file] if (self.root / file).is_file() else self.tests[mutant.file]
        for test in tests:
            told.update((self.root / test).read_bytes())
        return told.hexdigest()[:16]

    def outcomes(self) -> dict[str, Outcome]:
        """Return by the mutants' keys what is known and still holds."""
        wanted = {mutant.key: mutant for mutant in self.mutants}
        found: dict[str, Outcome] = {}
        for path in sorted(self.out.glob("results-*.jsonl")):
            for text in path.read_text(encoding="utf-8").splitlines():
                told = json.loads(text)
                mutant = wanted.get(told["key"])
                if mutant is not None and told["stands"] == self._stands(mutant, told["by"]):
                    found[mutant.key] = Outcome(told["verdict"], told["by"], told["seconds"])
        return found

    def report(self) -> Iterator[str]:
        """Return the lines of the report."""
        return lines(self.mutants, self.outcomes(), self.judged, self.sources)

    def summary(self) -> dict[str, Counter[str]]:
        """Return per package how many mutants came to what."""
        outcomes = self.outcomes()
        counts: dict[str, Counter[str]] = {}
        for mutant in self.mutants:
            if mutant.key in outcomes:
                verdict = outcomes[mutant.key].verdict
                kind = self.judged.of(mutant) if verdict in ("survived", "unreached") else verdict
                counts.setdefault(mutant.package, Counter())[kind] += 1
        return counts


def copy_tree(root: Path, copy: Path) -> None:
    """Copy what git knows of a checkout, and what it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0"):
        if name and (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, copy / name)
