"""What is said of a fetch while it goes on, and of one that stopped: lines of progress and a table of its hosts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from manifests import FetchRules
from pipeline.media.pace import HostProgress, Pace, holding_up, host_progress, note_rates, time_left, tried
from pipeline.media.tally import STORED, Tally
from pipeline.model.duration import duration
from pipeline.storage.places import Place

__all__ = ["STORED", "FetchTicker", "Tally", "host_lines", "host_table", "progress_line"]

_SHOWN_HOSTS = 3
_FIRST_LOOK = 0.5  # seconds
_LOOK_SHARE = 50  # how much longer the time between two looks is than a look takes


def progress_line(hosts: Sequence[HostProgress], paused: str = "") -> str:
    """Return one plain line: what came and what did not, how fast, time left and who is waited for, and a pause.

    >>> progress_line([HostProgress("a.org", 90, 20, {"gone": 10}, 60, rate=2.0, allowed=10.0)])
    'fetch: 30 of 90 images (20 stored, 10 not had), 2.0/s; about 30 s left, for a.org: 60 at 2.0/s; a.org gone 10'
    """
    planned, stored = sum(each.planned for each in hosts), sum(each.stored for each in hosts)
    failed = sum(each.lost for each in hosts)
    line = f"fetch: {stored + failed:,} of {planned:,} images ({stored:,} stored, {failed:,} not had)"
    if not paused:
        rates = [each.rate for each in hosts if each.rate]
        line += f", {sum(rates):.1f}/s" if rates else ""
        line += left_phrase(hosts)
    worst = sorted((each for each in hosts if each.failed), key=lambda each: -each.lost)
    named = [f"{each.host} {next(iter(each.failed.items()))[0]} {max(each.failed.values()):,}" for each in worst]
    line += "; " + ", ".join(named[:_SHOWN_HOSTS]) if named else ""
    return f"{line}; {paused}" if paused else line


def left_phrase(hosts: Sequence[HostProgress]) -> str:
    """Return '; about 4 min left, for a.org: 500 at 2.0/s', empty where nothing is left or nobody can tell."""
    slow, left = holding_up(hosts), time_left(hosts)
    if not slow:
        return ""
    about = f"; about {duration(left)} left" if left else "; time left unknown"
    return f"{about}, for {', '.join(map(_waited_for, slow))}"


def _waited_for(each: HostProgress) -> str:
    if each.left is None:
        return f"{each.host}: {each.waiting:,}, silent"
    return f"{each.host}: {each.waiting:,} at {each.waiting / each.left:.1f}/s"


class FetchTicker:
    """How far the fetch of this process is: a line of progress at most once in `every` seconds.

    It also keeps beside the fetch what `biomill status` needs: counts of finished units, and rates.
    """

    def __init__(self, folder: Place, rules: FetchRules, every: float = 5.0) -> None:
        self._folder, self._rules, self._every = folder, rules, every
        self._tally, self._pace = Tally(folder, keep=True), Pace()
        self._began = self._looked = self._told = time.monotonic()
        self._cost = 0.0
        self._look(self._began)

    def line(self) -> str:
        """Return a line of progress; empty when it is not time for one."""
        now = time.monotonic()
        # A new host's rate is told from its first answer on, which early looks find.
        pause = min(self._every, max(_FIRST_LOOK, (now - self._began) / 4))
        if now - self._looked < max(pause, _LOOK_SHARE * self._cost):
            return ""
        self._look(now)
        rates = self._pace.rates()
        note_rates(self._folder, rates)
        if now - self._told < self._every:
            return ""
        self._told = now
        return progress_line(host_progress(self._tally, self._rules, rates), self._tally.paused())

    def _look(self, now: float) -> None:
        self._tally.refresh()
        self._pace.look(tried(self._tally), now)
        self._looked = time.monotonic()
        self._cost = self._looked - now


def host_lines(folder: Path, limit: int = 20) -> Iterator[str]:
    """Yield the table of a fetch's hosts, read from its files."""
    tally = Tally(folder)
    tally.refresh()
    yield from host_table(host_progress(tally, None, {}), tally.paused(), limit)


def host_table(hosts: Sequence[HostProgress], paused: str = "", limit: int = 20) -> Iterator[str]:
    """Yield a table of hosts: images planned, stored, failed and waiting, rate, time left, commonest failure."""
    if not hosts:
        return
    yield (
        f"{'host':<40} {'planned':>10} {'stored':>10} {'not had':>10} {'waiting':>10} {'per s':>8} {'left':>9}  "
        "most often not had"
    )
    for each in hosts[:limit]:
        reason = next((f"{outcome} {images:,}" for outcome, images in each.failed.items()), "-")
        left = "-" if not each.waiting else "?" if each.left is None else duration(each.left)
        rate = "-" if each.rate is None or not each.waiting else f"{each.rate:.1f}"
        yield (
            f"{each.host[:40]:<40} {each.planned:>10,} {each.stored:>10,} {each.lost:>10,} "
            f"{each.waiting:>10,} {rate:>8} {left:>9}  {reason}"
        )
    if paused:
        yield paused
    if rest := hosts[limit:]:
        sums = [
            sum(each.planned for each in rest),
            sum(each.stored for each in rest),
            sum(each.lost for each in rest),
            sum(each.waiting for each in rest),
        ]
        yield " ".join([f"{f'{len(rest):,} further hosts':<40}", *(f"{number:>10,}" for number in sums)])
