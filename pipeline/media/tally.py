"""How far a fetch is, from its files alone: images per host and outcome, read from where the last look ended.

Finished units say it in their Parquet, units in progress in their journal, and those that stand in parts in the table
beside each part. What the finished ones say is kept by the run, one line a unit (`progress/units.jsonl`), so that a
look at thousands of units reads one small file: a line counts while its unit's file has the size and the time that it
names, and any other unit's Parquet is read.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.media.journal import logged
from pipeline.media.pauses import pauses
from pipeline.storage.files.atomic import atomic_path, read_json
from pipeline.storage.places import Mirror, Place
from pipeline.storage.unit_files import PART, index_path, listed, units_name

STORED = "stored"
LOG = Path("progress", "units.jsonl")
_LOOKED_AT = ("_plan.json", "units-*.parquet", "media/*.parquet", "parts/*.parquet", "network/pause-*.json")
"""What of a fetch at an address is copied to this machine to be counted: nothing that holds images."""
_NAMES_ALONE = ("plan-*.parquet",)
_DONE = -1
_COLUMNS = ["host", "media_id", "outcome", "attempts"]


@dataclass(slots=True)
class Answers:
    """What is known of images of one host."""

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

    def join(self, other: Answers) -> None:
        """Count what is known of further images."""
        self.media += other.media
        self.counts.update(other.counts)
        self.untried += other.untried


class Tally:
    """Counts of one fetch's folder; `refresh` reads what is new.

    `planned`: images per host of the units that are planned. `keep`: whether this is the one process that keeps the
    counts of finished units for others. Memory: a unit's name while it is planned, and counts per host.
    """

    def __init__(self, folder: Place, keep: bool = False) -> None:
        self._mirror: Mirror | None = None
        if isinstance(folder, Path):
            self._folder = folder
        else:
            self._mirror = Mirror(folder, _LOOKED_AT, _NAMES_ALONE)
            self._folder = self._mirror.folder
        self._keep = keep
        self.planned: Counter[str] = Counter()
        self._plans: dict[str, int] = {}
        self._units: dict[str, int] = {}
        """The place of every planned unit's address: 0 the own one, 1 and on an alternate; `_DONE` once counted."""
        self._parts: set[str] = set()
        """Parts whose units that are planned were counted."""
        self._totals: dict[tuple[str, bool], Answers] = {}
        """By host, and whether it is the own address."""
        self._journals: dict[str, tuple[int, Answers]] = {}
        self._log_end = 0
        if keep:
            _tidy(self._folder / LOG, {path.stem for path in self._folder.glob("media/*.parquet")})

    def refresh(self) -> None:
        """Read what was written since the last time."""
        if self._mirror is not None:
            self._mirror.refresh()
        self._read_plans()
        self._read_log()
        self._read_units()
        for path in sorted(self._folder.glob("journal/*.log")):
            if self._units.get(path.stem, _DONE) != _DONE:
                self._read_journal(path)
        # A unit that was finished in between has no journal any more, and its file was not there before.
        self._read_units()

    def _read_plans(self) -> None:
        """Read the units of rounds that are new; what an earlier recipe planned is in no `_plan.json` of a stage."""
        mark = self._folder / "_plan.json"
        plan = read_json(mark) if mark.exists() else None
        for path in sorted(self._folder.glob("plan-*.parquet")):
            round_ = path.stem.partition("-")[2]
            table = self._folder / units_name(round_)
            try:
                written = (table if table.exists() else path).stat().st_mtime_ns
                if self._plans.get(round_) == written:
                    continue
                if table.exists():
                    planned, units = plan is None or round_ in plan.get("rounds", ()), _of_table(table)
                else:  # a plan without a table of its units has a row group for each
                    planned, units = True, _row_groups(path)
            except FileNotFoundError:  # a round in which nobody is asked has no plan
                continue
            if not planned:
                continue  # looked at again, as it may come to be planned as it is
            self._plans[round_] = written
            outputs = None if table.exists() or plan is None else {Path(name).stem for name in plan["outputs"]}
            place = int(path.stem.rpartition("-")[2])
            self._parts.clear()  # its units may stand in one
            for host, unit, images in units:
                if unit not in self._units and (outputs is None or unit in outputs):
                    self._units[unit] = place
                    self.planned[host] += images

    def _read_log(self) -> None:
        """Count finished units whose file is the one that a line of the log speaks of."""
        try:
            with (self._folder / LOG).open("rb") as log:
                log.seek(self._log_end)
                for line in log:
                    if not line.endswith(b"\n"):
                        return
                    self._log_end += len(line)
                    known = _known(line)
                    if known and self._units.get(known[0], _DONE) != _DONE:
                        unit, *written, answers = known
                        if written == _written(self._folder / "media" / f"{unit}.parquet"):
                            self._count(unit, answers)
        except FileNotFoundError:
            return

    def _read_units(self) -> None:
        """Count finished units that no line of the log speaks of, and keep such lines where that is ours to do."""
        lines = []
        names = listed(self._folder / "media")
        for name in sorted(each for each in names if each.startswith(PART) and each not in self._parts):
            self._read_part(name.removesuffix(".parquet"))
            self._parts.add(name)
        for name in sorted(names):
            unit, path = name.removesuffix(".parquet"), self._folder / "media" / name
            if self._units.get(unit, _DONE) != _DONE:
                try:
                    written, answers = _written(path), _answers(path)
                except FileNotFoundError:  # a run that goes on took it away in between
                    continue
                self._count(unit, answers)
                lines.append(_line(unit, written, answers))
        if self._keep and lines:
            log = self._folder / LOG
            with contextlib.suppress(OSError):  # without a line a unit is read, which costs time alone
                log.parent.mkdir(parents=True, exist_ok=True)
                with log.open("a", encoding="utf-8") as file:
                    file.writelines(lines)

    def _read_part(self, part: str) -> None:
        """Count the units that stand in a part and are planned."""
        try:
            rows = pq.ParquetFile(self._folder / index_path(part)).read().to_pylist()
        except FileNotFoundError:  # a run that goes on took it away in between
            return
        for row in rows:
            if self._units.get(row["unit"], _DONE) != _DONE:
                counts = Counter(json.loads(row["counts"]))
                self._count(row["unit"], Answers(row["host"], row["media"], counts, row["untried"]))

    def _count(self, unit: str, answers: Answers) -> None:
        own = self._units[unit] == 0
        self._totals.setdefault((answers.host, own), Answers(answers.host)).join(answers)
        self._units[unit] = _DONE
        self._journals.pop(unit, None)

    def _read_journal(self, path: Path) -> None:
        offset, answers = self._journals.get(path.stem, (0, Answers()))
        try:
            for end, rows in logged(path, offset):
                offset = end
                answers.add(rows)
                answers.media += 1
        except FileNotFoundError:  # its unit was finished in between
            return
        self._journals[path.stem] = (offset, answers)

    def _counted(self) -> Iterator[tuple[Answers, bool]]:
        """Yield what is known, and whether it is of images at their own address."""
        yield from ((answers, own) for (_, own), answers in self._totals.items())
        yield from ((answers, self._units[unit] == 0) for unit, (_, answers) in self._journals.items())

    def counts(self) -> Counter[tuple[str, str]]:
        """Return images per (host, outcome)."""
        total: Counter[tuple[str, str]] = Counter()
        for answers, _ in self._counted():
            for outcome, images in answers.counts.items():
                total[answers.host, outcome] += images
        return total

    def hosts(self) -> dict[str, Answers]:
        """Return what is known of every planned host."""
        total = {host: Answers(host) for host in self.planned}
        for answers, _ in self._counted():
            total.setdefault(answers.host, Answers(answers.host)).join(answers)
        return total

    def decided(self) -> tuple[int, int]:
        """Return how many of the wanted images came, and how many did not, counting one that another address gave once.

        What is not had at its own address may still be had at another one: then it moves from the second number to
        the first.
        """
        came = failed = elsewhere = 0
        for answers, own in self._counted():
            stored = answers.counts[STORED]
            came += stored
            if own:
                failed += answers.counts.total() - stored
            else:
                elsewhere += stored
        return came, max(0, failed - elsewhere)

    def paused(self) -> str:
        """Return what the fetchers say of a pause; empty when none pauses."""
        return "; ".join(pauses(self._folder / "network")[:1])


def _of_table(path: Path) -> Sequence[tuple[str, str, int]]:
    """Return (host, unit, images) of every unit of a table of units."""
    table = pq.ParquetFile(path).read(columns=["host", "unit", "rows"])
    return list(zip(*(table[name].to_pylist() for name in ("host", "unit", "rows")), strict=True))


def _row_groups(path: Path) -> Sequence[tuple[str, str, int]]:
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
    """Count the rows of a finished unit."""
    return answers_of(pq.ParquetFile(path).read(columns=_COLUMNS))


def answers_of(media: pa.Table) -> Answers:
    """Count rows of the media table, all of one unit; Arrow's own grouping would load pandas."""
    rows = media.select(_COLUMNS).to_pylist()
    answers = Answers(media=len({row["media_id"] for row in rows}))
    answers.add(rows)
    return answers


def _written(path: Path) -> list[int]:
    """Return size and time of a file, by which it is known again; nothing of one that is not there."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _line(unit: str, written: list[int], answers: Answers) -> str:
    return json.dumps([unit, *written, answers.host, answers.media, dict(answers.counts), answers.untried]) + "\n"


def _known(line: bytes) -> tuple[str, int, int, Answers] | None:
    """Return (unit, size, time, answers) of a line of the log; None when it is damaged, as by a disk that was full."""
    try:
        unit, size, at, host, media, counts, untried = json.loads(line)
        return unit, size, at, Answers(host, media, Counter(counts), untried)
    except (ValueError, TypeError):
        return None


def _tidy(log: Path, units: set[str]) -> None:
    """Drop what a kill left half written, and lines of units that are no more, once they are the most."""
    if not log.exists():
        return

    def live(line: bytes) -> bool:
        known = _known(line) if line.endswith(b"\n") else None
        return known is not None and known[0] in units

    with log.open("rb") as file:
        lines, kept, last = 0, 0, b"\n"
        for last in file:
            lines, kept = lines + 1, kept + live(last)
    if 2 * kept < lines or not last.endswith(b"\n"):
        with atomic_path(log) as temporary, log.open("rb") as old, temporary.open("wb") as new:
            new.writelines(line for line in old if live(line))
