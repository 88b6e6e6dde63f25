"""One budget of bytes for all bodies that are held at once, so that memory is bounded whatever hosts send.

Every body takes from the budget as it arrives and gives back when it has been used. When nothing is left, one reader
at a time may go on beyond it (else readers that all hold a part of theirs would wait for each other for ever); so at
most `limit` bytes and one largest body are held.
"""

from __future__ import annotations

import threading
import time


class ByteBudget:
    """A bound on the bytes held by all readers together.

    >>> budget = ByteBudget(100)
    >>> first = budget.holder()
    >>> first.take(60), budget.used
    (0.0, 60)
    >>> first.release(); budget.used
    0
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._free = threading.Condition()
        self._beyond: Holder | None = None
        self._closed = False

    def holder(self) -> Holder:
        """Return the account of one body."""
        return Holder(self)

    def close(self) -> None:
        """Let nobody wait any more: whoever reads now is about to be thrown away."""
        with self._free:
            self._closed = True
            self._free.notify_all()

    def _take(self, holder: Holder, count: int) -> float:
        started = time.monotonic()
        with self._free:
            while not self._closed and self._beyond is not holder and self.used + count > self.limit:
                if self._beyond is None:
                    self._beyond = holder
                    break
                self._free.wait(1.0)
            self.used += count
        waited = time.monotonic() - started
        return waited if waited > 0.01 else 0.0

    def _release(self, holder: Holder, count: int) -> None:
        with self._free:
            self.used -= count
            if self._beyond is holder:
                self._beyond = None
            self._free.notify_all()


class Holder:
    """What one body holds of the budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.held = 0

    def take(self, count: int) -> float:
        """Take bytes; give the seconds that had to be waited for them."""
        waited = self._budget._take(self, count)
        self.held += count
        return waited

    def release(self) -> None:
        """Hand everything back; may be called again."""
        held, self.held = self.held, 0
        self._budget._release(self, held)
