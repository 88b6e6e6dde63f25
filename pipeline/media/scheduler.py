"""Who is asked next: one schedule over all hosts, in which no host holds up another.

Threads never wait for a host: each takes the host whose turn comes first, asks, and puts what is still to be done back
into a queue (a retry later, a redirect to the queue of the host it leads to). Hosts that do not answer may hold half
of the threads at most, so a slow or dead host costs the others nothing.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from manifests.recipe import FetchRules
from pipeline.media.holding import hold, look_around, throttled
from pipeline.media.http.asking import Answer, Asker
from pipeline.media.http.budget import ByteBudget, Holder
from pipeline.media.http.following import follow
from pipeline.media.http.guards import check_url, netloc, origin_of, to_uri
from pipeline.media.http.hosts import Host, Job
from pipeline.media.http.limits import HostLimits
from pipeline.media.http.retries import backoff
from pipeline.media.http.robots import Robots
from pipeline.media.outage import Outage
from pipeline.media.permission import RobotsCache, permission
from pipeline.model.errors import PipelineError
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome

Key = TypeVar("Key")
_ROBOTS_ATTEMPTS = 4  # its failure ends a whole host, so it is asked for more patiently than one medium
_IDLE_SECONDS = 1.0
_ACTIVE_HOSTS = 256
_BACKLOG = 16  # answers that wait to be used: enough to keep a decoder busy, few to be asked again after a kill
_NEVER = float("inf")


class Scheduler:
    """The schedule of one fetcher: what it learns of hosts stays from call to call.

    `closing` ends everything: waiting calls raise PipelineError.
    """

    def __init__(
        self,
        rules: FetchRules,
        limits: HostLimits,
        asker: Asker,
        budget: ByteBudget,
        robots: RobotsCache,
        outage: Outage,
        closing: threading.Event,
    ) -> None:
        self._rules, self._limits = rules, limits
        self._asker, self._budget, self._robots, self._closing = asker, budget, robots, closing
        self._outage = outage
        lock = threading.Lock()
        self._lock = lock
        self._turn_ready = threading.Condition(lock)  # for the threads that ask
        self._answer_ready = threading.Condition(lock)  # for the caller
        self._hosts: dict[str, Host] = {}
        self._feeds: deque[tuple[Host, Iterator[Job]]] = deque()
        self._turns: list[tuple[float, int, Host]] = []
        self._watched = _NEVER  # the turn for which one thread waits with a clock; the others wait to be called
        self._parked: list[Host] = []
        self._done: deque[tuple[Any, Fetched, Holder | None]] = deque()
        self._failure: BaseException | None = None
        self._number = 0
        self._open = 0
        self._left: set[str] = set()  # origins whose robots.txt is for another task to ask
        self._suspects = 0
        self._threads = 0
        self._stop = False

    def wake(self) -> None:
        """Let all who wait see that the fetcher is being closed."""
        with self._lock:
            self._turn_ready.notify_all()
            self._answer_ready.notify_all()

    def defer(self, name: str, count: int = 1) -> None:
        """Note that answers to a host's feed wait to be decoded (-1: that one has been): with some it is not asked on.

        Safe to call from any thread.
        """
        with self._lock:
            host = self._host(name)
            host.deferred += count
            self._schedule(host)
            self._turn_ready.notify()

    def fail(self, error: BaseException) -> None:
        """Let `answers` raise an error that came up elsewhere, such as in the background; safe from any thread."""
        with self._lock:
            self._failure = self._failure or error
            self._stop = True
            self._turn_ready.notify_all()
            self._answer_ready.notify_all()

    def answers(self, feeds: Sequence[tuple[str, Iterator[tuple[Key, str]]]]) -> Iterator[tuple[Key, Fetched]]:
        """Yield (key, answer) for every (key, URL) of every host's feed, as the answers come."""
        self._reset(feeds)
        workers = [
            threading.Thread(target=self._work, name=f"biomill-fetch-{number}", daemon=True)
            for number in range(self._threads)
        ]
        for worker in workers:
            worker.start()
        try:
            while (answer := self._next_answer()) is not None:
                key, fetched, holder = answer
                try:
                    yield key, fetched
                finally:
                    if holder is not None:
                        holder.release()
        finally:
            with self._lock:
                self._stop = True
                self._turn_ready.notify_all()
            for worker in workers:
                worker.join()

    def _reset(self, feeds: Sequence[tuple[str, Iterator[tuple[Any, str]]]]) -> None:
        """Forget what an earlier call left unfinished, and take up the feeds."""
        with self._lock:
            for host in self._hosts.values():
                host.forget()
            self._outage.forget()
            self._done.clear()
            self._turns.clear()
            self._parked.clear()
            self._suspects, self._watched = 0, _NEVER
            self._stop, self._failure = False, None
            # What this task has no part in is left to the others.
            feeds = [(name, pairs) for name, pairs in feeds if self._limits(name).connections]
            self._open = len(feeds)  # a feed that is not read to its end counts as one thing to do
            self._left.clear()
            self._threads = self._limits.threads({name for name, _ in feeds})
            self._feeds = deque((self._host(name), self._jobs(pairs)) for name, pairs in feeds)
            for _ in range(_ACTIVE_HOSTS):
                self._admit()

    def _admit(self) -> None:
        """Take up the next feed: only so many hosts are worked on at once, as each holds a little memory."""
        if self._feeds:
            host, jobs = self._feeds.popleft()
            host.feeds.append(jobs)
            self._schedule(host)

    def _next_answer(self) -> tuple[Any, Fetched, Holder | None] | None:
        with self._lock:
            self._turn_ready.notify()  # the last answer's bytes were given back, which may be what was waited for
            while not self._done and self._open and self._failure is None and not self._closing.is_set():
                self._answer_ready.wait(_IDLE_SECONDS)
            if self._failure is not None:
                raise self._failure
            if self._done:
                return self._done.popleft()
            if self._open:
                raise PipelineError("the fetcher was closed while media were still asked for")
            return None

    def _jobs(self, pairs: Iterator[tuple[Any, str]]) -> Iterator[Job]:
        """Make the jobs of a feed as they are wanted; URLs that may not be asked end here. Called under the lock."""
        for key, url in pairs:
            self._open += 1
            if (refusal := check_url(url, self._rules)) is None:
                yield Job(key, url, to_uri(url), self._rules.total_timeout)
            else:
                self._finish(key, Fetched(refusal.outcome, detail=refusal.reason))
        self._open -= 1
        self._admit()
        self._answer_ready.notify()

    def _host(self, name: str) -> Host:
        if name not in self._hosts:
            limit = self._limits(name)
            self._hosts[name] = Host(name, limit.rate, limit.rate, limit, self._rules)
        return self._hosts[name]

    def _schedule(self, host: Host) -> None:
        """Put a host in line for its next turn; an earlier turn than the one it waits for takes that one's place."""
        start = host.earliest()
        if start is None or (host.turn_at is not None and host.turn_at <= start):
            return
        host.turn_at = start
        self._number += 1
        heapq.heappush(self._turns, (start, self._number, host))
        if start < self._watched:
            self._turn_ready.notify()

    def _finish(self, key: Any, fetched: Fetched, holder: Holder | None = None) -> None:
        self._open -= 1
        # What needs no decoding goes first: it is noted at once, and so not asked for again by a run that was killed.
        if fetched.data:
            self._done.append((key, fetched, holder))
        else:
            self._done.appendleft((key, fetched, None))
        self._answer_ready.notify()

    def _work(self) -> None:
        """Ask, one request after another, until there is nothing more to ask."""
        try:
            while (turn := self._next_turn()) is not None:
                host, job, suspect = turn
                answer = self._asker.answer(job)
                with self._lock:
                    host.in_flight -= 1
                    if suspect:
                        self._suspects -= 1
                        parked, self._parked = self._parked, []
                        for other in parked:
                            self._schedule(other)
                    held = hold(self._outage, host, job, answer, self._hosts.values(), self._schedule)
                    if held:
                        self._queue(job, 0.0)
                    else:
                        self._take_answer(host, job, answer)
                    self._schedule(host)
                if held:
                    look_around(self._outage, self._lock, host, answer)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, where it is raised
            self.fail(error)

    def _next_turn(self) -> tuple[Host, Job, bool] | None:
        """Wait for the next host whose turn has come; None when there is nothing more to wait for."""
        with self._lock:
            while not self._stop and not self._closing.is_set():
                now = time.monotonic()
                if not self._open:
                    self._answer_ready.notify()
                    self._turn_ready.notify_all()
                    return None
                if not self._turns or len(self._done) > _BACKLOG or self._budget.used >= self._budget.limit:
                    self._turn_ready.wait(_IDLE_SECONDS)
                elif self._turns[0][0] > now:
                    self._wait_for(self._turns[0][0], now)
                else:
                    turn = self._turn(now)
                    if turn is not None:
                        self._turn_ready.notify()  # the next one watches the clock
                        return turn
        return None

    def _wait_for(self, start: float, now: float) -> None:
        """Wait until a time, or to be called when another thread already waits for it."""
        if self._watched <= start:
            self._turn_ready.wait(_IDLE_SECONDS)
            return
        self._watched = start
        self._turn_ready.wait(min(_IDLE_SECONDS, start - now))
        if self._watched == start:
            self._watched = _NEVER

    def _turn(self, now: float) -> tuple[Host, Job, bool] | None:
        """Take the first host in line, if it may be asked now."""
        at, _, host = heapq.heappop(self._turns)
        if host.turn_at != at:
            return None  # it has got an earlier turn since
        host.turn_at = None
        start = host.earliest()  # it may have been told to wait since it was put in line
        if start is None or start > now:
            self._schedule(host)
            return None
        opens = self._outage.admits(host.name, now)
        if opens > now:
            host.held_until = opens
            self._schedule(host)
            return None
        suspect = host.suspect
        if suspect and self._suspects >= max(1, self._threads // 2):
            self._parked.append(host)
            return None
        job = self._permitted(host, host.take(now))
        if job is not None:
            host.start(now)
            self._suspects += suspect
        self._schedule(host)
        return (host, job, suspect) if job is not None else None

    def _permitted(self, host: Host, job: Job) -> Job | None:
        """Return the job to ask now: the given one, its origin's robots.txt first, or none when it ends unasked."""
        if job.robots_of:
            return job
        if host.given_up:
            self._finish(job.key, throttled(job, host.given_up))
            return None
        verdict = host.breaker(origin_of(job.uri)).verdict()
        if verdict is not None:
            self._end(job, *verdict)
            return None
        if not self._rules.robots:
            return job
        origin = origin_of(job.uri)
        known = self._robots.get(origin)
        if known is None and origin in self._left:
            self._leave(job)
            return None
        if known is None:
            host.ready.appendleft(job)
            host.robots_pending = True
            self._open += 1
            return Job(None, "", to_uri(f"{origin}/robots.txt"), self._rules.total_timeout, robots_of=origin)
        if isinstance(known, Fetched):
            self._end(job, known.outcome or Outcome.HTTP_ERROR, known.detail, known.status)
            return None
        host.answered = True
        host.slow_to(known.delay)
        refusal = known.refusal(job.uri.request_uri)
        if refusal:
            self._end(job, Outcome.ROBOTS_DISALLOWED, f"robots.txt: {refusal}")
            return None
        return job

    def _end(self, job: Job, outcome: Outcome, detail: str, status: int = 0) -> None:
        fetched = Fetched(outcome, status=status, final_url=job.uri.url, detail=detail, attempts=job.attempts)
        self._finish(job.key, fetched)

    def _take_answer(self, host: Host, job: Job, answer: Answer) -> None:
        """Note what an answer says of the host, and decide what becomes of the job."""
        now, fetched = time.monotonic(), answer.fetched
        breaker = host.breaker(origin_of(job.uri))
        job.budget -= answer.spent
        if fetched.outcome is Outcome.THROTTLED:
            breaker.answered = True
            host.throttled(now, answer.wait, fetched.status, first=not job.throttles)
            self._put_off(host, job, answer)
            return
        host.bore(now)
        if not job.robots_of:
            breaker.note(fetched.outcome, fetched.detail)
        elif fetched.status:
            breaker.answered = True
        host.paused_until = max(host.paused_until, now + breaker.pause)
        if answer.location:
            ended = follow(self._asker, self._rules, job, answer)
            if ended is None:
                self._queue(job, 0.0)
            else:
                self._conclude(job, replace(ended, attempts=job.attempts + 1))
            return
        job.attempts += 1
        attempts = max(self._rules.attempts, _ROBOTS_ATTEMPTS) if job.robots_of else self._rules.attempts
        if answer.again and job.attempts < attempts and job.budget > 0:
            if not job.robots_of:
                job.uri, job.hops = to_uri(job.url), 0
            wait = backoff(job.uri.url, job.attempts, self._rules.max_retry_after)
            self._queue(job, now + wait)
            return
        self._conclude(job, replace(fetched, attempts=job.attempts), answer.holder)

    def _put_off(self, host: Host, job: Job, answer: Answer) -> None:
        """Keep a throttled job for later, at no cost of its attempts, or end it when patience is at its end."""
        job.throttles += 1
        too_long = answer.wait is not None and answer.wait > self._rules.max_retry_after
        if too_long or host.given_up or host.impatient(job):
            self._conclude(job, throttled(job, answer.fetched.status))
        else:
            self._queue(job, host.paused_until)

    def _queue(self, job: Job, at: float) -> None:
        """Put a job into the queue of the host that it is to be asked of, not before a time."""
        host = self._host(netloc(job.uri))
        if not host.limit.connections:
            self._leave(job)
            return
        self._number += 1
        heapq.heappush(host.robots_jobs if job.robots_of else host.waiting, (at, self._number, job))
        self._schedule(host)

    def _leave(self, job: Job) -> None:
        """Leave a job unanswered, as this task has no part in the host that a redirect leads to: another one has."""
        self._open -= 1
        self._answer_ready.notify()
        if job.robots_of:
            self._left.add(job.robots_of)
            host = self._host(netloc(to_uri(f"{job.robots_of}/")))
            host.robots_pending = False
            self._schedule(host)

    def _conclude(self, job: Job, fetched: Fetched, holder: Holder | None = None) -> None:
        """Return a job's answer to the caller, or to those who wait for this robots.txt."""
        if not job.robots_of:
            self._finish(job.key, fetched, holder)
            return
        if holder is not None:
            holder.release()
        self._open -= 1
        verdict = permission(fetched)
        self._robots.put(job.robots_of, verdict)
        host = self._host(netloc(to_uri(f"{job.robots_of}/")))
        host.robots_pending = False
        if isinstance(verdict, Robots):
            host.slow_to(verdict.delay)
        self._schedule(host)
