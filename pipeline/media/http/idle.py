"""Which idle connection is used next: the one that was silent for longest.

What a host sends late, behind an answer that was complete, is seen when its connection is taken up again; if the next
request is under way by then, it is taken for the answer to that. So connections get time to show it, as far as there
are others to use.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from typing import Any, Protocol

QUIET_SECONDS = 0.25
"""Seconds of idleness after which a connection is used again rather than a new one opened."""


class Idle(Protocol):
    """A connection that waits for its next request."""

    idle_since: float
    """`time.monotonic()` of the end of its last answer."""


class LongestIdle(queue.LifoQueue[Any]):
    """The queue of a pool of urllib3: of idle connections, and of None for each one that may still be opened.

    >>> class Connection:
    ...     idle_since = time.monotonic() - 1
    >>> idle, first, second = LongestIdle(3), Connection(), Connection()
    >>> for item in (None, first, second):
    ...     idle.put(item)
    >>> [idle.get() is item for item in (first, second, None)]
    [True, True, True]
    """

    def _init(self, maxsize: int) -> None:
        self._places = 0
        self._waiting: deque[Idle] = deque()

    def _qsize(self) -> int:
        return self._places + len(self._waiting)

    def _put(self, item: Idle | None) -> None:
        if item is None:
            self._places += 1
        else:
            self._waiting.append(item)

    def _get(self) -> Idle | None:
        if self._waiting and (not self._places or time.monotonic() - self._waiting[0].idle_since >= QUIET_SECONDS):
            return self._waiting.popleft()
        self._places -= 1
        return None
