"""The fetcher: URLs in, bytes or an outcome out, politely and within every cap of the recipe.

A `Fetcher` keeps connections, what it learnt of each host, and the hosts' robots.txt over all its URLs. What is asked
of whom and when is `pipeline.media.scheduler`'s; one request and its answer are `pipeline.media.http.asking`'s.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from manifests.errors import RecipeError
from manifests.recipe import FetchRules
from pipeline.media.http.asking import Asker
from pipeline.media.http.budget import ByteBudget
from pipeline.media.http.guards import Routes, host_of
from pipeline.media.http.known_hosts import KnownHosts
from pipeline.media.http.limits import HostLimits
from pipeline.media.outage import Outage
from pipeline.media.pauses import PauseNote
from pipeline.media.permission import RobotsCache
from pipeline.media.scheduler import Scheduler
from pipeline.model.fetched import Fetched
from pipeline.storage.places import Place

Key = TypeVar("Key", bound=Hashable)
HELD_BYTES = 64 << 20
"""Bytes of bodies that are held at once: arriving, or waiting to be used. One largest body comes on top."""


class Fetcher:
    """Fetches media over http(s); a context manager, for one call at a time.

    `part` of `parts`: which of so many fetchers this one is, that work at the same time and keep the limits of every
    host together (`pipeline.media.http.limits`); URLs of hosts in which it has no part are left unanswered. `robots`: a
    folder in which rules of robots.txt are kept for a day; `network`: one in which the processes of a fetch let each
    other know that the network is up, or that they pause. `head`: media are asked for their `length` alone (HEAD), by
    the same manners; an answer that is `ok` has no bytes then. Raises RecipeError when the rules cannot be kept,
    PipelineError when a public host would be asked without a contact, and NetworkLostError when nobody can be asked.
    Everything a host can do wrong is an outcome.

    >>> with Fetcher(FetchRules()) as fetcher:
    ...     fetcher.fetch("ftp://example.org/a.jpg").outcome.code
    'bad_url'
    """

    def __init__(
        self,
        rules: FetchRules,
        part: int = 0,
        parts: int = 1,
        robots: Place | None = None,
        network: Path | None = None,
        head: bool = False,
    ) -> None:
        if not 0 <= part < parts or rules.per_host_rate <= 0 or rules.per_host_connections < 1 or rules.attempts < 1:
            raise RecipeError(
                f"fetch rules leave nothing to work with: rate {rules.per_host_rate}, connections "
                f"{rules.per_host_connections}, attempts {rules.attempts}, part {part} of {parts}",
                expected="a rate above 0, at least 1 connection and 1 attempt, a part below the number of parts",
                remedy="correct [fetch] in the recipe",
            )
        if not re.fullmatch(r"[\x20-\x7e]*", rules.contact):
            raise RecipeError(
                f"contact {rules.contact!r} cannot be sent in a header",
                expected="a mail address or URL in printable ASCII",
                remedy="correct fetch.contact in the recipe",
            )
        self.rules = rules
        limits = HostLimits(rules, part, parts)
        self._closing = threading.Event()
        self._budget = ByteBudget(HELD_BYTES)
        self._asker = Asker(rules, Routes.of(rules), limits, self._budget, head)
        self._note = PauseNote(network)
        outage = Outage(rules.patience, KnownHosts(network), self._note)
        self._scheduler = Scheduler(
            rules, limits, self._asker, self._budget, RobotsCache(robots), outage, self._closing
        )

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all waiting and close every idle connection."""
        self._closing.set()
        self._budget.close()
        self._scheduler.wake()
        self._asker.close()
        self._note("")

    def fetch(self, url: str) -> Fetched:
        """Return the bytes behind a URL, or the outcome that says why there are none.

        Network time over all attempts is bounded by `total_timeout` seconds; waiting for one's turn, for Retry-After
        and for back-off comes on top, bounded by `attempts` and `patience`. Memory: at most `max_bytes`.
        """
        return next(answer for _, answer in self.fetch_all([url]))

    def fetch_all(self, urls: Sequence[str]) -> Iterator[tuple[int, Fetched]]:
        """Return (place in `urls`, answer) for every URL as the answers come, many hosts and URLs at a time."""
        by_host: dict[str, list[tuple[int, str]]] = {}
        for place, url in enumerate(urls):
            by_host.setdefault(host_of(url), []).append((place, url))
        return self.answers([(host, iter(pairs)) for host, pairs in by_host.items()])

    def answers(self, feeds: Sequence[tuple[str, Iterator[tuple[Key, str]]]]) -> Iterator[tuple[Key, Fetched]]:
        """Yield (key, answer) for every (key, URL) of every host's feed, as the answers come.

        A feed, of which `host_of` gives the name, is read only as far as its host's turn has come. Bytes count as
        held until the next answer is asked for: memory stays bounded by the rules, whatever the number of URLs.
        """
        yield from self._scheduler.answers(feeds)

    def defer(self, host: str, count: int = 1) -> None:
        """Note that an answer to a host's feed waits to be used (-1: it has been): with some, the host is not asked on.

        Safe to call from any thread.
        """
        self._scheduler.defer(host, count)

    def fail(self, error: BaseException) -> None:
        """Let `answers` raise an error that came up where its answers are used; safe to call from any thread."""
        self._scheduler.fail(error)
