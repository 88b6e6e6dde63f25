"""Politeness: no host sees more requests per second, or more open connections, than the recipe says and it bears.

One `Host` keeps what is to be asked of one host (name and port), when the next request may start, and what was learnt
of it. Its methods are called under the scheduler's lock; times are of `time.monotonic`.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from urllib3.util import Url

from manifests.recipe import FetchRules
from pipeline.media.http.breaker import Breaker
from pipeline.media.http.limits import HostLimit

_SUSPECT_CONNECTIONS = 2
_MOST_DEFERRED = 4  # slow images of one host that wait to be decoded, before it is asked for more
_MARGIN = 0.8  # of the rate that a host bore before it said 429
_SHORT_WAIT = 2.0  # a Retry-After up to this many seconds speaks of requests per second
_FIRST_PAUSE = 1.0
_RECOVERS_AFTER = 50  # good answers in a row, after which a lowered rate is raised a little
_SEEN = 4096  # starts that are remembered to tell what a host bore
_LONG_WAITS = 3
_PUT_OFF = 6
_LATE = 0.02  # seconds of lateness that are made up for: what a busy machine needs to wake a thread
_SLOWEST = 1.0  # requests per second; a host that wants fewer says so by Retry-After or Crawl-delay


@dataclass(slots=True, eq=False)
class Job:
    """One URL on its way: where it stands, and what it has spent."""

    key: Any
    url: str
    uri: Url
    budget: float
    """Seconds of network time left."""
    attempts: int = 0
    hops: int = 0
    throttles: int = 0
    robots_of: str = ""
    """Origin whose robots.txt this job asks for; empty for media."""


@dataclass(slots=True, eq=False)
class Host:
    """The queue and the turnstile of one host."""

    name: str
    rate: float
    """Requests per second that may start now."""
    ceiling: float
    """Requests per second that it may rise to."""
    limit: HostLimit
    rules: FetchRules
    feeds: deque[Iterator[Job]] = field(default_factory=deque)
    """Jobs that are made when there is a turn for them, so that a host with millions of media costs no memory."""
    ready: deque[Job] = field(default_factory=deque)
    robots_jobs: list[tuple[float, int, Job]] = field(default_factory=list)
    waiting: list[tuple[float, int, Job]] = field(default_factory=list)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    in_flight: int = 0
    deferred: int = 0
    """Answers of its feed that are decoded in the background, or wait for it."""
    robots_pending: bool = False
    answered: bool = False
    """Whether the host was heard to answer, if only for its robots.txt in an earlier run."""
    turn_at: float | None = None
    """The turn for which the host is in line; None when it is not."""
    next_start: float = 0.0
    paused_until: float = 0.0
    held_until: float = 0.0
    """Left alone until then because the network seems lost, which says nothing of the host."""
    throttle_streak: int = 0
    throttled_since: float = 0.0
    good_in_a_row: int = 0
    long_waits: int = 0
    given_up: int = 0
    """Status with which the host asked for more patience than we have, and is not asked any more; 0: it is asked."""
    _starts: deque[float] = field(default_factory=lambda: deque(maxlen=_SEEN))
    _grows: bool = True

    def breaker(self, origin: str) -> Breaker:
        """Return the breaker of one origin of this host: https may fail where http works."""
        if origin not in self.breakers:
            self.breakers[origin] = Breaker(self.limit.give_up_after)
        return self.breakers[origin]

    @property
    def suspect(self) -> bool:
        """Whether the host has not answered yet, or not of late."""
        return not self.breakers or all(breaker.suspect for breaker in self.breakers.values())

    def earliest(self) -> float | None:
        """Return the time at which the next request may start; None when there is none, or no connection for it."""
        limit = min(self.limit.connections, _SUSPECT_CONNECTIONS) if self.suspect else self.limit.connections
        if self.in_flight >= limit or self.deferred >= _MOST_DEFERRED:
            return None
        times = [self.robots_jobs[0][0]] if self.robots_jobs else []
        if not self.robots_pending:
            if not self.ready:
                self._pull()
            times += [0.0] if self.ready else [self.waiting[0][0]] if self.waiting else []
        return max(self.next_start, self.paused_until, self.held_until, min(times)) if times else None

    def _pull(self) -> None:
        while self.feeds and not self.ready:
            feed = self.feeds[0]
            job = next(feed, None)
            if job is not None:
                self.ready.append(job)
            elif self.feeds and self.feeds[0] is feed:
                self.feeds.popleft()

    def forget(self) -> None:
        """Drop all jobs, but nothing that was learnt of the host."""
        self.feeds.clear()
        self.ready.clear()
        self.robots_jobs.clear()
        self.waiting.clear()
        self.in_flight, self.deferred, self.robots_pending = 0, 0, False
        self.turn_at, self.held_until = None, 0.0

    def take(self, now: float) -> Job:
        """Return the next job; `earliest` has said that there is one."""
        if self.robots_jobs and self.robots_jobs[0][0] <= now:
            return heapq.heappop(self.robots_jobs)[2]
        if self.waiting and self.waiting[0][0] <= now:
            return heapq.heappop(self.waiting)[2]
        return self.ready.popleft()

    def start(self, now: float) -> None:
        """Note that a request starts."""
        self.in_flight += 1
        # A thread that was woken late does not lower the rate: the next starts make up for it.
        self.next_start = max(self.next_start, now - _LATE) + 1.0 / self.rate

    def bore(self, now: float) -> None:
        """Note an answer other than a plea for patience."""
        self._starts.append(now)
        self.answered = True
        self.throttle_streak = self.long_waits = 0
        self.good_in_a_row += 1
        if self.good_in_a_row >= _RECOVERS_AFTER:
            self.good_in_a_row = 0
            self.rate = min(self.ceiling, self.rate * 1.25)
            if self._grows:
                self.ceiling = min(self.limit.rate, self.ceiling * 1.05)

    def throttled(self, now: float, wait: float | None, status: int, first: bool) -> None:
        """Slow down, and leave the host alone for as long as it asks, or longer each time.

        `first`: the URL was not put off before. One URL that is always put off says nothing of the host's limit.
        """
        if self.throttle_streak == 0:
            self.throttled_since = now
            if first:
                self._slow_down(now, wait, status)
        self.throttle_streak += 1
        self.good_in_a_row = 0
        longest = self.rules.max_retry_after
        if wait is not None and wait > longest:
            self.long_waits += 1
            if self.long_waits >= _LONG_WAITS:
                self.given_up = status
            return
        growing = _FIRST_PAUSE * 2 ** min(self.throttle_streak - 1, 10)
        pause = growing if wait is None else wait if self.throttle_streak == 1 else max(wait, growing / 2)
        self.paused_until = max(self.paused_until, now + min(longest, pause))
        if now + min(longest, pause) - self.throttled_since > self.rules.patience:
            self.given_up = status

    def _slow_down(self, now: float, wait: float | None, status: int) -> None:
        window = 1.0 if wait is None or wait <= _SHORT_WAIT else min(wait, 60.0)
        bore = sum(start > now - window for start in self._starts) / window
        if status == 429 and bore * window >= 2:
            # What the host bore in the time it speaks of is what it allows; never to be asked for more.
            self.ceiling = min(self.ceiling, _MARGIN * bore)
            self._grows = wait is None or wait > _SHORT_WAIT
        self.rate = min(self.ceiling, max(_SLOWEST, self.rate / 2))

    def slow_to(self, delay: float) -> None:
        """Keep to a Crawl-delay: one request in so many seconds, over all tasks."""
        if delay > 0:
            self.ceiling = min(self.ceiling, self.limit.share / delay)
            self.rate = min(self.rate, self.ceiling)
            self._grows = False

    def impatient(self, job: Job) -> bool:
        """Whether one URL has been put off so often, by a host that did answer others, that the URL is at fault.

        A host that puts everything off is waited for as long as `patience` says.
        """
        return job.throttles >= _PUT_OFF and self.answered
