"""How far a fetch is, from its files alone: images per host and outcome, as many as the ledger will count.

Finished units say it in their Parquet, units in progress in their journal; both are read from where the last look
ended. So a running fetch, a stopped one and one that somebody else runs are told in the same way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.media.journal import logged
from pipeline.media.pauses import pauses

STORED = "stored"
_SHOWN_HOSTS = 3


class Tally:
    """Counts of one fetch folder; `refresh` reads what is new.

    `planned` is images per host; `units` and `journals` are images per (host, outcome), 'stored' for those that came.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.planned: Counter[str] = Counter()
        self.units: Counter[tuple[str, str]] = Counter()
        self._plans: set[str] = set()
        self._files: set[str] = set()
        self._logs: dict[str, tuple[int, Counter[tuple[str, str]]]] = {}
        self._names: set[str] = set()

    def refresh(self) -> None:
        """Read what was written since the last time."""
        for path in sorted(self._folder.glob("plan-*.parquet")):
            if path.name not in self._plans:
                self._plans.add(path.name)
                for host, unit, images in _counts(path, "host", "unit"):
                    self.planned[host] += images
                    self._names.add(unit)
        for path in sorted(self._folder.glob("media/*.parquet")):
            if path.stem in self._names and path.name not in self._files:
                self._files.add(path.name)
                for host, outcome, images in _counts(path, "host", "outcome"):
                    self.units[host, outcome or STORED] += images
                self._logs.pop(path.stem, None)
        for path in sorted(self._folder.glob("journal/*.log")):
            if path.stem in self._names and f"{path.stem}.parquet" not in self._files:
                self._read_log(path)

    def _read_log(self, path: Path) -> None:
        offset, counts = self._logs.get(path.stem, (0, Counter()))
        try:
            for end, rows in logged(path, offset):
                offset = end
                counts.update((str(row["host"]), str(row.get("outcome") or STORED)) for row in rows)
        except FileNotFoundError:  # its unit was finished in between, and is counted the next time
            return
        self._logs[path.stem] = (offset, counts)

    def counts(self) -> Counter[tuple[str, str]]:
        """Give images per (host, outcome)."""
        total = Counter(self.units)
        for _, counts in self._logs.values():
            total.update(counts)
        return total

    def paused(self) -> str:
        """Give what the fetchers say of a pause; empty when none pauses."""
        return "; ".join(pauses(self._folder / "network")[:1])

    def failures(self) -> list[tuple[str, int, str, int]]:
        """Give (host, images that did not come, its commonest reason, how often), the most first."""
        by_host: dict[str, Counter[str]] = {}
        for (host, outcome), number in self.counts().items():
            if outcome != STORED:
                by_host.setdefault(host, Counter())[outcome] += number
        found = []
        for host, reasons in by_host.items():
            reason, number = min(reasons.items(), key=lambda item: (-item[1], item[0]))
            found.append((host, sum(reasons.values()), reason, number))
        return sorted(found, key=lambda entry: (-entry[1], entry[0]))


def _counts(path: Path, *columns: str) -> Iterator[tuple[Any, Any, int]]:
    """Yield the rows of each row group, which is a unit, by two columns; Arrow's own grouping would load pandas."""
    table = pq.ParquetFile(path)
    for group in range(table.num_row_groups):
        values = table.read_row_group(group, columns=list(columns)).to_pydict()
        for (one, other), rows in Counter(zip(*values.values(), strict=True)).items():
            yield one, other, rows


def progress_line(tally: Tally, rate: float) -> str:
    """Give one plain line: done of planned, images per second, time left, the hosts that fail most, and a pause."""
    done, planned = sum(tally.counts().values()), sum(tally.planned.values())
    line = f"fetch: {done:,} of {planned:,} images"
    paused = tally.paused()
    if rate > 0 and not paused:
        line += f", {rate:.1f}/s, about {duration((planned - done) / rate)} left"
    worst = [f"{host} {reason} {number:,}" for host, _, reason, number in tally.failures()[:_SHOWN_HOSTS]]
    line += "; not had: " + ", ".join(worst) if worst else ""
    return f"{line}; {paused}" if paused else line


def duration(seconds: float) -> str:
    """Give a time in the largest unit that fits.

    >>> duration(30), duration(400), duration(9000), duration(400_000)
    ('30 s', '7 min', '2.5 h', '4.6 days')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.1f} days"


def fetch_ticker(folder: Path, progress: Callable[[str], None], every: float = 5.0) -> Callable[[], None]:
    """Give a function that reports progress, at most once in `every` seconds; the rate is that of this session."""
    tally = Tally(folder)
    tally.refresh()
    started, before = time.monotonic(), sum(tally.counts().values())
    last = [started]

    def tick() -> None:
        now = time.monotonic()
        if now - last[0] < every:
            return
        tally.refresh()
        last[0] = time.monotonic()
        progress(progress_line(tally, (sum(tally.counts().values()) - before) / (now - started)))

    return tick


def host_lines(folder: Path, limit: int = 20) -> Iterator[str]:
    """Give a table of hosts: images planned, done, stored, and the commonest reason of those that did not come."""
    tally = Tally(folder)
    tally.refresh()
    if not tally.planned:
        return
    counts = tally.counts()
    reasons = {host: f"{reason} {number:,}" for host, _, reason, number in tally.failures()}
    done: Counter[str] = Counter()
    for (host, _), number in counts.items():
        done[host] += number
    yield f"{'host':<40} {'planned':>10} {'done':>10} {'stored':>10}  most often not had"
    ordered = sorted(tally.planned.items(), key=lambda item: (-item[1], item[0]))
    for host, planned in ordered[:limit]:
        row = f"{host[:40]:<40} {planned:>10,} {done[host]:>10,} {counts[host, STORED]:>10,}"
        yield f"{row}  {reasons.get(host, '-')}"
    if paused := tally.paused():
        yield paused
    if len(ordered) > limit:
        rest = ordered[limit:]
        names = [host for host, _ in rest]
        row = f"{f'{len(rest):,} further hosts':<40} {sum(n for _, n in rest):>10,} {sum(done[h] for h in names):>10,}"
        yield f"{row} {sum(counts[h, STORED] for h in names):>10,}"
