"""How fast each host answers, and how long what is left of it takes: the slowest one is what a fetch waits for.

Only images that somebody was asked for count as progress: a host that is given up ends thousands in a moment, which
says nothing of how fast any host is. A host never answers faster than it may be asked, so its time left is at least
what is left of it divided by its allowed rate; that rate stands in where nothing was measured yet.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manifests import FetchRules
from pipeline.media.http.limits import HostLimits
from pipeline.media.tally import STORED, Tally
from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.places import Place

WINDOW = 60.0
"""Seconds over which a rate is measured; a host that was silent for so long has the average of the session."""
NOTE = "progress/rates.json"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class HostProgress:
    """One host of a fetch, in images; what did not come is apart from what came."""

    host: str
    planned: int
    stored: int
    failed: Mapping[str, int]
    """Images that did not come, by outcome, the commonest first."""
    waiting: int
    rate: float | None
    """Images answered per second now; None where nothing was measured."""
    allowed: float | None
    """Images per second that it may be asked for; None for a local store, which may give what it can."""

    @property
    def lost(self) -> int:
        """Images that did not come."""
        return sum(self.failed.values())

    @property
    def done(self) -> int:
        """Images that have their answer, whichever."""
        return self.planned - self.waiting

    @property
    def left(self) -> float | None:
        """Seconds until the last image has its answer; None where nobody can say: nothing was heard of it."""
        if not self.waiting:
            return 0.0
        rates = [rate for rate in (self.rate, self.allowed) if rate is not None]
        return self.waiting / min(rates) if rates and min(rates) > 0 else None


class Pace:
    """Rates of one session, from looks at what is done; times are of any clock in seconds.

    A host's rate is measured from its first answer on: before, its turn had not come.

    >>> pace = Pace(); pace.look(Counter(a=10), 0.0); pace.look(Counter(a=10), 5.0); pace.look(Counter(a=40), 15.0)
    >>> pace.rates()
    {'a': 3.0}
    """

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Counter[str]]] = deque()
        self._begun: dict[str, tuple[float, int]] = {}
        self._since: float | None = None

    def look(self, tried: Counter[str], now: float) -> None:
        """Note how many images of every host were tried so far."""
        self._since = now if self._since is None else self._since
        for host, images in tried.items():
            if images == self._begun.setdefault(host, (now, images))[1]:
                self._begun[host] = now, images
        self._looks.append((now, tried))
        while len(self._looks) > 2 and self._looks[1][0] <= now - WINDOW:
            self._looks.popleft()

    def rates(self) -> dict[str, float]:
        """Return images per second of the hosts that can be told; 0 for one that was silent all the time."""
        if self._since is None:
            return {}
        now, tried = self._looks[-1]
        window, then = self._looks[0]
        found = {}
        for host, images in tried.items():
            begun, before = self._begun[host]
            recent = images - (then[host] if window > begun else before)
            if recent:
                found[host] = recent / (now - max(window, begun))
            elif images > before:
                found[host] = (images - before) / (now - begun)
            elif now - self._since >= WINDOW:
                found[host] = 0.0
        return found


def tried(tally: Tally) -> Counter[str]:
    """Return how many images of every planned host somebody was asked for."""
    return Counter({host: known.counts.total() - known.untried for host, known in tally.hosts().items()})


def host_progress(tally: Tally, rules: FetchRules | None, rates: Mapping[str, float]) -> list[HostProgress]:
    """Return how far every host is, the largest first.

    `rules`: of the recipe, for the allowed rates; None where they are not known.
    """
    limits = HostLimits(rules) if rules else None
    found = []
    for host, known in tally.hosts().items():
        stored, answered = known.counts[STORED], known.counts.total()
        failed = {outcome: images for outcome, images in known.counts.items() if outcome != STORED}
        allowed = None
        if limits and not host.startswith("store:"):
            # One request brings all images of a medium, such as the boxes of a photograph.
            allowed = limits(host).rate * (answered / known.media if known.media else 1.0)
        ranked = dict(sorted(failed.items(), key=lambda item: (-item[1], item[0])))
        waiting = max(0, tally.planned[host] - answered)
        found.append(HostProgress(host, tally.planned[host], stored, ranked, waiting, rates.get(host), allowed))
    return sorted(found, key=lambda each: (-each.planned, each.host))


def time_left(hosts: Sequence[HostProgress]) -> float | None:
    """Return the seconds that the slowest host needs; None where no host can be told."""
    known = [each.left for each in hosts if each.left is not None]
    return max(known, default=None if hosts else 0.0)


def holding_up(hosts: Sequence[HostProgress]) -> list[HostProgress]:
    """Return the hosts that the end waits for: silent ones, then those that need at least half of the longest time."""
    longest = time_left(hosts) or 0.0
    silent = [each for each in hosts if each.waiting and each.left is None and each.rate == 0]
    slow = [each for each in hosts if each.waiting and each.left is not None and each.left >= longest / 2]
    return [*silent, *sorted(slow, key=lambda each: (-(each.left or 0.0), each.host))][:_SHOWN]


def note_rates(folder: Place, rates: Mapping[str, float]) -> None:
    """Write the rates beside a fetch for whoever asks how far it is."""
    with contextlib.suppress(OSError, StorageError):  # a hint that is lost costs nothing
        write_json(folder / NOTE, {"rates": dict(rates)})


def noted_rates(folder: Place) -> dict[str, float]:
    """Return the rates that a fetch noted last; none where it noted none."""
    try:
        return {str(host): float(rate) for host, rate in read_json(folder / NOTE)["rates"].items()}
    except FileNotFoundError:
        return {}
