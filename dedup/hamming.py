"""The exact Hamming join: every pair of hashes within a distance, found without comparing them all.

For each band of a plan the rows are sorted by the band's bits; only rows whose bits agree, or differ by an allowed
pattern, become candidates. Candidates are compared a bounded number at a time, so memory is that of the hashes, of one
sort and of the pairs found. A pair is given by the lowest band in which it collides, so bands can run as independent
units, in any order or place, and the union of their pairs holds each pair once.

Equal hashes are collapsed first: a self join gives all pairs among distinct values, each value standing at its first
row, and one edge of distance 0 from every later row of a value to the first. A hundred thousand equal images thus
cost a hundred thousand edges. `components`, and `dominating_set` with the pairs' distances, decide on these as they
would on all pairs. Values that are near but not equal are given pair by pair, k of them as up to k**2 / 2 pairs; `most`
bounds their number, and `dedup.thinning` decides on such a dense group without listing it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dedup.bandjoin import Side, cross_band, self_band
from dedup.bands import BandPlan, plan_bands
from dedup.errors import LikenessError
from dedup.pairs import (
    Hashes,
    Pairs,
    as_words,
    check_hashes,
    check_same_width,
    make_pairs,
    merge_pairs,
)

CANDIDATES = 1 << 17
"""Candidates compared at a time, some 40 bytes each; this many stay inside a core's cache."""

_Rows = npt.NDArray[np.int64]


def first_rows(hashes: Hashes) -> _Rows:
    """Return, for each row, the number of the first row with the same hash: int64[n].

    >>> first_rows(np.array([[7] * 8, [1] * 8, [7] * 8], np.uint8)).tolist()
    [0, 1, 0]
    """
    check_hashes(hashes)
    words = as_words(hashes)
    first = np.arange(len(words), dtype=np.int64)
    mixed = mixed_words(words)
    order = np.argsort(mixed)
    same = mixed[order][1:] == mixed[order][:-1]
    at = np.flatnonzero(same)
    if (words[order[at]] != words[order[at + 1]]).any():
        # Two values share a digest, which takes intent or 2**32 rows: sort by the whole value instead.
        order = np.lexsort(words.T)
        same = (words[order][1:] == words[order][:-1]).all(axis=1)
        at = np.flatnonzero(same)
    if len(at):
        starts = np.flatnonzero(np.concatenate([[True], ~same]))
        lengths = np.diff(np.append(starts, len(order)))
        first[order] = np.repeat(np.minimum.reduceat(order, starts), lengths)
    return first


def mixed_words(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return a digest of each row of words, uint64[n]: equal for equal rows, and by chance only for others.

    >>> len(set(mixed_words(np.array([[0, 1], [1, 0], [0, 1]], np.uint64)).tolist()))
    2
    """
    mixed, odd = np.zeros(len(words), np.uint64), np.uint64(0x9E3779B97F4A7C15)
    for column in words.T:
        # Multiplied on both sides of the shift: with one product, two near hashes of a million have the highest bit of
        # one word undone by a bit or two of the next.
        mixed ^= column
        mixed *= odd
        mixed ^= mixed >> np.uint64(32)
        mixed *= odd
    return mixed


def distinct_rows(first: _Rows) -> _Rows:
    """Return the rows that are the first of their value, ascending: int64[m]; `first` as `first_rows` gives it.

    >>> distinct_rows(np.array([0, 1, 0])).tolist()
    [0, 1]
    """
    return np.flatnonzero(first == np.arange(len(first)))


def pairs_within(
    hashes: Hashes, distance: int, candidates: int = CANDIDATES, *, collapse: bool = True, most: int | None = None
) -> Pairs:
    """Return the pairs of rows within the distance, equal hashes as representative edges (see the module).

    `hashes`: uint8[n, 32] or uint8[n, 8]. `candidates`: how many are compared at a time. `collapse` False: every pair
    of rows, equal hashes included. LikenessError: other shapes, or a distance of half the bits or more; PairLimitError:
    more than `most` pairs.

    >>> pairs = pairs_within(np.array([[0] * 8, [255] * 8, [0] * 7 + [5]], np.uint8), 6)
    >>> pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist()
    ([0], [2], [2])
    """
    check_hashes(hashes)
    plan = plan_bands(hashes.shape[1] * 8, distance)
    first = first_rows(hashes) if collapse else np.arange(len(hashes), dtype=np.int64)
    side = Side.of(hashes, distinct_rows(first))
    bands = [_representative_edges(first)]
    for number in range(len(plan.bands)):
        bands.append(self_band(side, plan, number, candidates, most))
        most = None if most is None else max(0, most - len(bands[-1]))
    return merge_pairs(bands)


def band_pairs(hashes: Hashes, plan: BandPlan, band: int, candidates: int = CANDIDATES) -> Pairs:
    """Return those pairs of `pairs_within` whose lowest colliding band is `band`; representative edges come with band
    0.

    >>> hashes = np.array([[0] * 8, [255] * 8, [0] * 7 + [5]], np.uint8)
    >>> plan = plan_bands(64, 6)
    >>> sum(len(band_pairs(hashes, plan, band)) for band in range(len(plan.bands)))
    1
    """
    check_hashes(hashes)
    _check_plan(hashes, plan, band)
    first = first_rows(hashes)
    side = Side.of(hashes, distinct_rows(first))
    found = self_band(side, plan, band, candidates)
    return merge_pairs([_representative_edges(first), found] if band == 0 else [found])


def cross_pairs_within(
    a: Hashes, b: Hashes, distance: int, candidates: int = CANDIDATES, *, collapse: bool = True, most: int | None = None
) -> Pairs:
    """Return the pairs of a row of `a` (left) and a row of `b` (right) within the distance.

    Every row of `a` is answered for; of equal rows of `b` the first stands for all, unless `collapse` is False. Shapes
    and errors as in `pairs_within`.

    >>> a, b = np.zeros((2, 8), np.uint8), np.array([[255] * 8, [1] * 8, [1] * 8], np.uint8)
    >>> pairs = cross_pairs_within(a, b, 10)
    >>> pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist()
    ([0, 1], [1, 1], [8, 8])
    """
    check_same_width(a, b)
    plan = plan_bands(a.shape[1] * 8, distance)
    # Repeated afterwards, equal rows of `a` would not count towards `most`.
    once = collapse and most is None
    first = first_rows(a) if once else np.arange(len(a), dtype=np.int64)
    left = Side.of(a, distinct_rows(first))
    right = Side.of(b, distinct_rows(first_rows(b)) if collapse else np.arange(len(b), dtype=np.int64))
    bands: list[Pairs] = []
    for number in range(len(plan.bands)):
        bands.append(cross_band(left, right, plan, number, candidates, most))
        most = None if most is None else max(0, most - len(bands[-1]))
    pairs = merge_pairs(bands)
    return _every_left(pairs, first) if once else pairs


def cross_band_pairs(a: Hashes, b: Hashes, plan: BandPlan, band: int, candidates: int = CANDIDATES) -> Pairs:
    """Return those pairs of `cross_pairs_within` whose lowest colliding band is `band`.

    >>> plan = plan_bands(64, 0)
    >>> len(cross_band_pairs(np.zeros((2, 8), np.uint8), np.zeros((3, 8), np.uint8), plan, 0))
    2
    """
    check_same_width(a, b)
    _check_plan(a, plan, band)
    first = first_rows(a)
    left, right = Side.of(a, distinct_rows(first)), Side.of(b, distinct_rows(first_rows(b)))
    return _every_left(cross_band(left, right, plan, band, candidates), first)


def _representative_edges(first: _Rows) -> Pairs:
    """Return one edge of distance 0 from each later row of a value to the first."""
    later = np.flatnonzero(first != np.arange(len(first)))
    return make_pairs(first[later], later, np.zeros(len(later), np.int16))


def _every_left(pairs: Pairs, first: _Rows) -> Pairs:
    """Repeat the pairs of each first row of a value for all its rows."""
    rows = np.argsort(first, kind="stable")
    low = np.searchsorted(first[rows], pairs.left, "left")
    counts = np.searchsorted(first[rows], pairs.left, "right") - low
    which = np.repeat(np.arange(len(pairs)), counts)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return make_pairs(rows[low[which] + offset], pairs.right[which], pairs.distance[which])


def _check_plan(hashes: Hashes, plan: BandPlan, band: int) -> None:
    if plan.bits != hashes.shape[1] * 8 or not 0 <= band < len(plan.bands):
        raise LikenessError(
            f"band {band} of a plan for {plan.bits} bits does not fit hashes of {hashes.shape[1] * 8} bits",
            expected=f"a plan for these hashes and a band from 0 to {len(plan.bands) - 1}",
            remedy="make the plan with plan_bands for these hashes",
        )
