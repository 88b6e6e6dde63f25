"""The nearest neighbour of each row in another set of hashes, within a distance, without a list of the near pairs.

The bands of the exact join are taken one after the other, and each pair is reduced to the nearest of its row at once.
A row is decided, and asked about no more, when its neighbour so far is nearer than any pair can be that the bands so
far have left out. In a dense group of near hashes the rows decided early are those that would make most of the
candidates.
"""

from __future__ import annotations

import numpy as np

from dedup.bandjoin import Side, cross_band
from dedup.bands import plan_bands
from dedup.hamming import CANDIDATES, distinct_rows, first_rows
from dedup.pairs import Hashes, Pairs, check_same_width


def nearest_within(a: Hashes, b: Hashes, distance: int, candidates: int = CANDIDATES) -> Pairs:
    """Return each row of `a` (left) that has one of `b` within the distance, with the nearest (right).

    Of equally near rows of `b` the first is given. `a`, `b`, `distance`, `candidates` and errors as in
    `cross_pairs_within`. Memory: that of the hashes and of one sort, and the pairs of one band.

    >>> a, b = np.array([[0] * 8, [255] * 8], np.uint8), np.array([[1] * 8, [0] * 7 + [1], [0] * 7 + [4]], np.uint8)
    >>> pairs = nearest_within(a, b, 10)
    >>> pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist()
    ([0], [1], [1])
    """
    check_same_width(a, b)
    plan = plan_bands(a.shape[1] * 8, distance)
    # Reduced to the nearest before equal rows are told apart again: a flat image may come a million times.
    first = first_rows(a)
    rows = distinct_rows(first)
    values = Side(np.arange(len(rows), dtype=np.int64), Side.of(a, rows).words)
    others = Side.of(b, distinct_rows(first_rows(b)))
    # Distance and row in one integer, whose least one is the answer; so no pair is ever sorted or kept.
    nothing = np.iinfo(np.int64).max
    nearest = np.full(len(a), nothing, np.int64)
    best = nearest[: len(rows)].copy()
    for number in range(len(plan.bands)):
        undecided = best >= plan.least_apart(number) << 32
        asked = None if undecided.all() else undecided
        pairs = cross_band(values, others, plan, number, candidates, asked=asked)
        np.minimum.at(best, pairs.left, (pairs.distance.astype(np.int64) << 32) | pairs.right)
    nearest[rows] = best
    found = nearest[first]
    left = np.flatnonzero(found < nothing)
    return Pairs(left, found[left] & 0xFFFFFFFF, (found[left] >> 32).astype(np.int16))
