"""What a stage cost: wall and CPU seconds, and the peak memory of this process and its workers together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

_INTERVAL_SECONDS = 0.1


@dataclass
class Cost:
    """Filled in when the metered block ends."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _family(known: dict[int, float]) -> int:
    """Remember the CPU seconds of every process seen, and give their resident bytes now."""
    me = psutil.Process()
    total = 0
    for process in (me, *me.children(recursive=True)):
        try:
            known[process.pid] = _cpu(process)
            total += process.memory_info().rss
        except psutil.Error:  # ended between listing and asking; its last figures stand
            continue
    return total


@contextmanager
def metered() -> Iterator[Cost]:
    """Measure the block.

    >>> with metered() as cost:
    ...     _ = sum(range(100_000))
    >>> cost.peak_rss_mb > 1
    True
    """
    cost = Cost()
    known: dict[int, float] = {}
    before_rss = _family(known)
    before = dict(known)
    started = time.monotonic()
    stop = threading.Event()
    peak = [before_rss]

    def sample() -> None:
        while not stop.wait(_INTERVAL_SECONDS):
            peak[0] = max(peak[0], _family(known))

    thread = threading.Thread(target=sample, name="meter", daemon=True)
    thread.start()
    try:
        yield cost
    finally:
        stop.set()
        thread.join()
        peak[0] = max(peak[0], _family(known))
        cost.wall_s = round(time.monotonic() - started, 3)
        cost.cpu_s = round(sum(known.values()) - sum(before.values()), 3)
        cost.peak_rss_mb = round(peak[0] / 2**20, 1)
