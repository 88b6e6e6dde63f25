"""How many workers pay for themselves: what nobody said by `--workers` follows from the work, the cores, the memory.

A worker process costs two CPU seconds to start, and loads in each what one process has once. A stage therefore says
how many CPU seconds its units take, about; the number changes nothing that is written.
"""

from __future__ import annotations

import psutil

_SECONDS_EACH = 10.0
"""CPU seconds of work that one more worker is started for: five times what it costs."""
_MEMORY_EACH = 1 << 30
"""Bytes of free memory for each."""


def workers_for(seconds: float, most: int) -> int:
    """Return how many workers a stage gets whose units take so many CPU seconds; at most `most`, mostly the cores.

    >>> [workers_for(seconds, 1) for seconds in (0.0, 1e6)], workers_for(19.0, 64)
    ([1, 1], 1)
    """
    room = int(psutil.virtual_memory().available // _MEMORY_EACH)
    return max(1, min(most, room, int(seconds / _SECONDS_EACH)))
