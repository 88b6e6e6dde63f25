"""Politeness: no host sees more requests per second, or more open connections, than the recipe says.

The limits hold per host name for one process; a run that cuts a host's work into lanes gives each its share of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import PipelineError


class HostGate:
    """The turnstile of one host: evenly spaced starts, bounded company, and pauses that hold for everybody.

    `rate`: requests per second; `connections`: requests at the same time. Times are of `time.monotonic`.
    """

    def __init__(self, rate: float, connections: int) -> None:
        self._spacing = 1.0 / rate
        self._slots = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._next = 0.0
        self._paused_until = 0.0

    def pause(self, seconds: float) -> None:
        """Let no request start for some seconds: the host asked for patience, and meant all of us."""
        with self._lock:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def _wait_needed(self) -> float:
        """Take the next start and give 0, or give the seconds until it is worth asking again."""
        with self._lock:
            now = time.monotonic()
            start = max(self._next, self._paused_until)
            if start > now:
                return start - now
            self._next = now + self._spacing
            return 0.0

    @contextmanager
    def turn(self, closing: threading.Event) -> Iterator[None]:
        """Hold one of the host's connections, from the moment the next request may start.

        Raises PipelineError when `closing` is set while waiting.
        """
        with self._slots:
            while (wait := self._wait_needed()) > 0:
                if closing.wait(wait):
                    break
            if closing.is_set():
                raise PipelineError("the fetcher was closed while media were still asked for")
            yield


class Hosts:
    """All gates of one fetcher, made when a host is first met."""

    def __init__(self, rate: float, connections: int) -> None:
        self._rate, self._connections = rate, connections
        self._lock = threading.Lock()
        self._gates: dict[str, HostGate] = {}

    def gate(self, host: str) -> HostGate:
        """Give the gate of a host (lower case, without port: ports of one host share its machine)."""
        with self._lock:
            gate = self._gates.get(host)
            if gate is None:
                gate = self._gates[host] = HostGate(self._rate, self._connections)
            return gate
