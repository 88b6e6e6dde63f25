"""Whether the decisions over all candidates have room in memory: asked before the hours of search, not after them.

All that spills keeps to `limits.memory_mb`, whatever the number of candidates. What decides is held at once, in arrays.
"""

from __future__ import annotations

import psutil

from pipeline.model.errors import RunError

BYTES_A_CANDIDATE = 85
"""Held at once while all are decided on, where one in ten has a near pair; each further pair takes about as much."""


def decision_mb(candidates: int) -> int:
    """Return the MB that deciding on so many candidates takes.

    >>> decision_mb(10_000_000)
    811
    """
    return -(-candidates * BYTES_A_CANDIDATE >> 20)


def check_room(candidates: int, memory_mb: int, available_mb: int | None = None) -> str:
    """Return a line of progress where decisions take more than the recipe's `limits.memory_mb`; else nothing.

    `available_mb`: of this machine; asked of it unless it is given. Raises RunError where even that is less.

    >>> check_room(1_000_000, 2048)
    ''
    >>> check_room(10_000_000, 512, 4096)
    'likeness: 10,000,000 candidates are decided on in some 811 MB, more than limits.memory_mb (512)'
    """
    needed = decision_mb(candidates)
    if needed <= memory_mb:
        return ""
    available = psutil.virtual_memory().available >> 20 if available_mb is None else available_mb
    if needed > available:
        raise RunError(
            f"{candidates:,} candidates are decided on in some {needed:,} MB, and {available:,} MB are free",
            where=f"stage likeness, {BYTES_A_CANDIDATE} bytes a candidate at once",
            expected="room for what decides about all candidates",
            remedy="run the same command on a machine with more memory: it goes on from here",
        )
    said = f"{candidates:,} candidates are decided on in some {needed:,} MB"
    return f"likeness: {said}, more than limits.memory_mb ({memory_mb})"
