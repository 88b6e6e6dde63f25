"""How far a fetch is, from its files alone: images per host and outcome, read from where the last look ended.

Finished units say it in their Parquet, units in progress in their journal. What the finished ones say is kept beside
them by the run, one line a unit (`progress/units.jsonl`), so that a look at thousands of units reads one small file: a
line counts while its unit's file has the size and the time that it names, and any other unit's Parquet is read.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.atomic import read_json, write_text
from pipeline.media.journal import logged
from pipeline.media.pauses import pauses

STORED = "stored"
LOG = Path("progress", "units.jsonl")
_COLUMNS = ["host", "media_id", "outcome", "attempts"]


@dataclass(slots=True)
class Answers:
    """What is known of the images of one unit: all are of one host."""

    host: str = ""
    media: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Images by outcome, 'stored' for those that came."""
    untried: int = 0
    """Images that ended without an attempt of their own, such as those of a host that was given up."""

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Count rows of the media table, or of a journal."""
        for row in rows:
            self.host = str(row["host"])
            outcome = row.get("outcome")
            self.counts[str(outcome or STORED)] += 1
            self.untried += bool(outcome) and not row.get("attempts")


class Tally:
    """Counts of one fetch's folder; `refresh` reads what is new.

    `planned`: images per host of the units that are planned. `keep`: whether this is the one process that keeps the
    counts of finished units for others.
    """

    def __init__(self, folder: Path, keep: bool = False) -> None:
        self._folder, self._keep = folder, keep
        self.planned: Counter[str] = Counter()
        self._plans: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._hosts: dict[str, str] = {}
        self._units: dict[str, Answers] = {}
        self._journals: dict[str, tuple[int, Answers]] = {}
        self._log_end = 0
        self._known: dict[str, tuple[int, int, Answers]] = {}
        if keep:
            _tidy(folder / LOG, {path.stem for path in folder.glob("media/*.parquet")})

    def refresh(self) -> None:
        """Read what was written since the last time."""
        self._read_plans()
        self._read_units()
        for path in sorted(self._folder.glob("journal/*.log")):
            if path.stem in self._places and path.stem not in self._units:
                self._read_journal(path)

    def _read_plans(self) -> None:
        """Read plans that are new; of a plan of an earlier recipe no unit is in `_plan.json`, where a stage has one."""
        mark = self._folder / "_plan.json"
        planned = {Path(name).stem for name in read_json(mark)["outputs"]} if mark.exists() else None
        for path in sorted(self._folder.glob("plan-*.parquet")):
            try:
                written = path.stat().st_mtime_ns
                units = _plan(path) if self._plans.get(path.name) != written else []
            except FileNotFoundError:  # a round in which nobody is asked has no plan
                continue
            self._plans[path.name] = written
            place = int(path.stem.rpartition("-")[2])
            for host, unit, images in units:
                if unit not in self._places and (planned is None or unit in planned):
                    self._places[unit], self._hosts[unit] = place, host
                    self.planned[host] += images

    def _read_units(self) -> None:
        self._read_log()
        lines = []
        try:
            entries = sorted(os.scandir(self._folder / "media"), key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        for entry in entries:
            unit = entry.name.removesuffix(".parquet")
            if unit in self._units or unit not in self._places:
                continue
            try:
                stat = entry.stat()
                size, at, answers = self._known.get(unit, (-1, -1, Answers()))
                if (size, at) != (stat.st_size, stat.st_mtime_ns):
                    answers = _answers(Path(entry.path))
                    lines.append(_line(unit, stat.st_size, stat.st_mtime_ns, answers))
            except FileNotFoundError:  # a run that goes on took it away in between
                continue
            self._units[unit] = answers
            self._journals.pop(unit, None)
        if self._keep and lines:
            log = self._folder / LOG
            with contextlib.suppress(OSError):  # without a line a unit is read, which costs time alone
                log.parent.mkdir(parents=True, exist_ok=True)
                with log.open("a", encoding="utf-8") as file:
                    file.writelines(lines)

    def _read_log(self) -> None:
        try:
            with (self._folder / LOG).open("rb") as log:
                log.seek(self._log_end)
                for line in log:
                    if not line.endswith(b"\n"):
                        return
                    self._log_end += len(line)
                    if known := _known(line):
                        self._known[known[0]] = known[1:]
        except FileNotFoundError:
            return

    def _read_journal(self, path: Path) -> None:
        offset, answers = self._journals.get(path.stem, (0, Answers()))
        try:
            for end, rows in logged(path, offset):
                offset = end
                answers.add(rows)
                answers.media += 1
        except FileNotFoundError:  # its unit was finished in between, and is counted the next time
            return
        self._journals[path.stem] = (offset, answers)

    def _answers(self) -> list[Answers]:
        """Return what is known of every unit that is done, or in progress."""
        return [*self._units.values(), *(answers for _, answers in self._journals.values())]

    def counts(self) -> Counter[tuple[str, str]]:
        """Return images per (host, outcome)."""
        total: Counter[tuple[str, str]] = Counter()
        for answers in self._answers():
            for outcome, images in answers.counts.items():
                total[answers.host, outcome] += images
        return total

    def hosts(self) -> dict[str, Answers]:
        """Return what is known of every planned host."""
        total = {host: Answers(host) for host in self.planned}
        for answers in self._answers():
            known = total.setdefault(answers.host, Answers(answers.host))
            known.counts.update(answers.counts)
            known.media += answers.media
            known.untried += answers.untried
        return total

    def settled(self) -> tuple[int, int]:
        """Return how many of the wanted images came, and how many did not, counting one that another address gave once.

        What is not had at its own address may still be had at another one: then it moves from the second number to
        the first.
        """
        came = failed = elsewhere = 0
        known = [*self._units.items(), *((unit, answers) for unit, (_, answers) in self._journals.items())]
        for unit, answers in known:
            stored = answers.counts[STORED]
            came += stored
            if self._places[unit]:
                elsewhere += stored
            else:
                failed += answers.counts.total() - stored
        return came, max(0, failed - elsewhere)

    def paused(self) -> str:
        """Return what the fetchers say of a pause; empty when none pauses."""
        return "; ".join(pauses(self._folder / "network")[:1])

    def failures(self) -> list[tuple[str, int, str, int]]:
        """Return (host, images that did not come, its commonest reason, how often), the most first."""
        by_host: dict[str, Counter[str]] = {}
        for (host, outcome), number in self.counts().items():
            if outcome != STORED:
                by_host.setdefault(host, Counter())[outcome] += number
        found = []
        for host, reasons in by_host.items():
            reason, number = min(reasons.items(), key=lambda item: (-item[1], item[0]))
            found.append((host, reasons.total(), reason, number))
        return sorted(found, key=lambda entry: (-entry[1], entry[0]))


def _plan(path: Path) -> Sequence[tuple[str, str, int]]:
    """Return (host, unit, images) of every row group, which is a unit of one host; read from the footer."""
    footer = pq.read_metadata(path)
    columns = {footer.schema.column(place).name: place for place in range(footer.num_columns)}
    found = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        host, unit = (group.column(columns[name]).statistics.min for name in ("host", "unit"))
        found.append((str(host), str(unit), int(group.num_rows)))
    return found


def _answers(path: Path) -> Answers:
    """Count the rows of a finished unit; Arrow's own grouping would load pandas."""
    rows = pq.ParquetFile(path).read(columns=_COLUMNS).to_pylist()
    answers = Answers(media=len({row["media_id"] for row in rows}))
    answers.add(rows)
    return answers


def _line(unit: str, size: int, at: int, answers: Answers) -> str:
    return json.dumps([unit, size, at, answers.host, answers.media, dict(answers.counts), answers.untried]) + "\n"


def _known(line: bytes) -> tuple[str, int, int, Answers] | None:
    """Return (unit, size, time, answers) of a line of the log; None when it is damaged, as by a disk that was full."""
    try:
        unit, size, at, host, media, counts, untried = json.loads(line)
        return unit, size, at, Answers(host, media, Counter(counts), untried)
    except (ValueError, TypeError):
        return None


def _tidy(log: Path, units: set[str]) -> None:
    """Drop what a kill left half written, and lines of units that are no more, once they are the most."""
    try:
        lines = log.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    whole = [(known[0], line) for line in lines if line.endswith(b"\n") and (known := _known(line))]
    live = {unit: line for unit, line in whole if unit in units}
    if len(whole) < len(lines) or 2 * len(live) < len(whole):
        write_text(log, b"".join(live.values()).decode())
