"""What came of the mutants: the share that a test noticed, and what each of the others is.

A mutant that nothing noticed is a gap in the tests until a person has looked at it: `judged.toml` beside this file
lists those that no test should notice, each with its class and the reason.
"""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.mutation.mutant import PACKAGES, Mutant

Verdict = Literal["killed", "timeout", "survived", "unreached"]
CLASSES = ("equivalent", "message only", "performance only", "untested")
"""No input can tell it; only a person reading a text can; only a clock or a meter can; nobody has written the test."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one mutant."""

    verdict: Verdict
    by: str
    """The test that noticed it."""
    seconds: float


class Judged:
    """The survivors that a person has looked at."""

    def __init__(self, path: Path) -> None:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", []) if path.exists() else []
        self._classes = {self._name(e["file"], e["function"], e["was"], e["becomes"]): e["class"] for e in entries}
        wrong = set(self._classes.values()) - set(CLASSES)
        if wrong:
            raise ValueError(f"{path}: class {sorted(wrong)} is none of {', '.join(CLASSES)}")

    @staticmethod
    def _name(file: str, function: str, was: str, becomes: str) -> tuple[str, str, str, str]:
        return file, function, " ".join(was.split()), " ".join(becomes.split())

    def of(self, mutant: Mutant) -> str:
        """Return the class of a survivor; untested where nobody has said otherwise."""
        named = self._name(mutant.file, mutant.function, mutant.was, mutant.becomes)
        return str(self._classes.get(named, "untested"))


def lines(
    chosen: Sequence[Mutant], outcomes: Mapping[str, Outcome], judged: Judged, sources: Mapping[str, str]
) -> Iterator[str]:
    """Return the report: one line per package, then every survivor with its place, its class and its difference."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in chosen:
        outcome = outcomes.get(mutant.key)
        verdict = "not run" if outcome is None else outcome.verdict
        counts[mutant.package][judged.of(mutant) if verdict in ("survived", "unreached") else verdict] += 1
    yield f"{'package':20} mutants  killed  time-out  equivalent  message  performance  untested  score"
    packages = [package for package in dict.fromkeys([*PACKAGES, *counts]) if package in counts]
    total: Counter[str] = Counter()
    for package in packages:
        total.update(counts[package])
        yield _row(package, counts[package])
    yield _row("all", total)
    if total["not run"]:
        yield f"{total['not run']} mutants are still to be run: the same command goes on"
    yield ""
    for mutant in chosen:
        outcome = outcomes.get(mutant.key)
        if outcome is not None and outcome.verdict in ("survived", "unreached"):
            kind = judged.of(mutant) + (", no test runs the line" if outcome.verdict == "unreached" else "")
            old, new = mutant.diff(sources[mutant.file])
            yield f"{mutant.file}:{mutant.line} [{kind}] {mutant.operator}"
            yield f"  - {old}"
            yield f"  + {new}"


def _row(name: str, counts: Counter[str]) -> str:
    run = sum(counts.values()) - counts["not run"]
    killed = counts["killed"] + counts["timeout"]
    score = f"{100 * killed / run:5.1f} %" if run else "    -"
    kinds = "".join(f"{counts[kind]:{width}d}" for kind, width in zip(CLASSES, (12, 9, 13, 10), strict=True))
    return f"{name:20} {run:7d} {counts['killed']:7d} {counts['timeout']:9d}{kinds}  {score}"
