"""Jobs that end otherwise than by their answer: held because the network seems lost, or throttled with their host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from pipeline.media.http.asking import Answer
from pipeline.media.http.control import found_again
from pipeline.media.http.guards import bare_host, port_of
from pipeline.media.http.hosts import Host, Job
from pipeline.media.http.reachability import Channel
from pipeline.media.outage import FIRST_PAUSE, Outage
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome


def hold(
    outage: Outage, host: Host, job: Job, answer: Answer, hosts: Iterable[Host], schedule: Callable[[Host], None]
) -> bool:
    """Return whether a job is to be put back as if it had not been asked, as its failure may be about us.

    Its host is then left alone for a pause; when an answer ends the pause, all `hosts` are let go. Called under the
    scheduler's lock. Raises NetworkLostError when nobody has answered for too long.
    """
    now, shown = time.monotonic(), answer.shown
    answered = answer.fetched.status > 0
    if answered and shown.worked and Channel.PROXY not in shown.worked:
        outage.known.answered(bare_host(job.uri), port_of(job.uri))
    if outage.hear(host.name, shown, answered, now):
        for other in hosts:
            if other.held_until > now + FIRST_PAUSE:
                other.held_until = now + FIRST_PAUSE
                schedule(other)
    until = outage.strike(host.name, shown, now, now - answer.spent)
    if until is not None:
        host.held_until = max(host.held_until, until)
    return until is not None


def look_around(outage: Outage, lock: threading.Lock, host: Host, answer: Answer) -> None:
    """Look for a host that answered before, so that a dead host is told from a lost network; without the lock."""
    channel = answer.shown.failed
    with lock:
        known = outage.known.others(host.name) if outage.looks(time.monotonic()) else []
    if channel is not None and known and found_again(known, channel):
        with lock:
            outage.found(channel, time.monotonic())


def throttled(job: Job, status: int) -> Fetched:
    """Return the answer of a URL whose host asked for too much patience.

    How often a URL was put off, and whether it was asked at all before its host was given up, depend on the moment:
    neither is said, so that two runs write the same.
    """
    detail = "the host asks for more patience than the rules give"
    return Fetched(Outcome.THROTTLED, status=status, final_url=job.uri.url, detail=detail, attempts=job.attempts)
