"""Timing several works in turn, so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def interleaved(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each work over rounds in which every one runs once."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            if turn:  # the first round warms up
                taken[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in taken.items()}
