"""The exact join in pieces that fit into memory, whatever the number of hashes.

All hashes of 214 million images take 6.8 GB; a join of them all at once would take several times that. But rows can
only be near in a band when the band's keys agree or differ by few bits. A piece (`KeyRange`) is one band and one range
of key prefixes: it reads the hashes once from front to back, a slice at a time, keeps the rows whose prefix is in its
range, and those further on that the band's flips could lead to, and joins these. The pieces depend only on the hashes
and the budget; each can run alone, in any order, on any machine, and their pairs together are those of `pairs_within`.

Where even one prefix holds more rows than fit, its rows are taken in parts, and every two parts are a piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from dedup.bandjoin import Side, cross_band, self_band
from dedup.bands import Band, BandPlan, permuted_bits
from dedup.errors import LikenessError
from dedup.hamming import CANDIDATES, first_rows
from dedup.pairs import Accept, Hashes, Pairs, check_hashes, make_pairs, merge_pairs

MINIMUM_BUDGET = 32 << 20
_PREFIX_BITS = 12
_SLICE = 1 << 18
"""Rows read at a time."""
_FIXED = 24 << 20
"""What a piece needs however few its rows: a slice, its keys, and the candidates under comparison."""

_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KeyRange:
    """One piece of a join: the pairs whose lowest colliding band is `band` and whose smaller key prefix is in a range.

    `low`, `high`: prefixes low to high - 1. `part`, `other`, `parts`: of the rows of an overfull prefix, the part
    numbers that are joined; 0, 0, 1 where all rows fit.
    """

    band: int
    low: int
    high: int
    part: int = 0
    other: int = 0
    parts: int = 1


def row_bytes(width: int) -> int:
    """Return the memory that one row of a piece takes while it is joined, in bytes; `width`: bytes of a hash.

    >>> row_bytes(32), row_bytes(8)
    (160, 112)
    """
    # The row number and the hash, its permuted words, and what telling equal hashes apart and sorting keys take.
    return 96 + 2 * width


def key_ranges(hashes: Hashes, plan: BandPlan, budget: int) -> tuple[KeyRange, ...]:
    """Cut a self join into pieces that each need at most `budget` bytes beyond the pairs they find.

    `hashes`: uint8[n, 32] or uint8[n, 8], an array or memory map. LikenessError: other shapes, another plan, a budget
    below MINIMUM_BUDGET. Fewer bytes make more pieces, and each piece reads all hashes once.

    >>> from dedup.bands import plan_bands
    >>> hashes = np.arange(800, dtype=np.uint8).reshape(100, 8)
    >>> plan = plan_bands(64, 6)
    >>> pieces = key_ranges(hashes, plan, 64 << 20)
    >>> len(pieces) == len(plan.bands), sum(len(range_pairs(hashes, plan, piece)) for piece in pieces)
    (True, 68)
    """
    _check(hashes, plan)
    if budget < MINIMUM_BUDGET:
        raise LikenessError(
            f"a budget of {budget} bytes is too small",
            expected=f"at least {MINIMUM_BUDGET}",
            remedy="allow more memory",
        )
    return cut_ranges(hashes, plan, (budget - _FIXED) // row_bytes(hashes.shape[1]))


def cut_ranges(hashes: Hashes, plan: BandPlan, most: int) -> tuple[KeyRange, ...]:
    """Cut a self join into pieces of at most `most` rows each, as `key_ranges` does for a budget in bytes.

    >>> from dedup.bands import plan_bands
    >>> cut_ranges(np.zeros((9, 8), np.uint8), plan_bands(64, 0), 6)[0]
    KeyRange(band=0, low=0, high=1, part=0, other=0, parts=3)
    """
    pieces: list[KeyRange] = []
    for number, band in enumerate(plan.bands):
        counts = _prefix_counts(hashes, band)
        near = _near_prefixes(band)
        low = 0
        while low < len(counts):
            high = low + 1
            if _rows_of(counts, near, low, high) > most:
                # Two parts are in memory at a time.
                parts = -(-2 * _rows_of(counts, near, low, high) // most)
                pieces += [KeyRange(number, low, high, a, b, parts) for a in range(parts) for b in range(a, parts)]
            else:
                step = 1
                while high < len(counts) and step:
                    # The longest range that fits, by doubling and halving: its rows never shrink as it grows.
                    if high + step <= len(counts) and _rows_of(counts, near, low, high + step) <= most:
                        high, step = high + step, step * 2
                    else:
                        step //= 2
                pieces.append(KeyRange(number, low, high))
            low = high
    return tuple(pieces)


def range_pairs(
    hashes: Hashes,
    plan: BandPlan,
    piece: KeyRange,
    most: int | None = None,
    *,
    accept: Accept | None = None,
    collapse: bool = True,
) -> Pairs:
    """Return the pairs of one piece, sorted; the pieces share none. PairLimitError: more than `most` of them.

    Equal hashes are joined by representative edges of distance 0 in the pieces of band 0, as `pairs_within` gives them;
    in an overfull prefix by representative edges per part, and an edge between the representatives. `accept`: which
    pairs are kept as they are found, some thousands at a time, so that memory need not hold the others; representative
    edges are not asked about. `collapse` False: every pair of rows, equal hashes included.
    """
    _check(hashes, plan)
    band = plan.bands[piece.band]
    own_prefix = np.zeros(1 << _bits(band), np.bool_)
    own_prefix[piece.low : piece.high] = True
    further = _reached(_near_prefixes(band), own_prefix)
    further[: piece.high] = False
    own, beyond = _gathered(hashes, band, (own_prefix, further))
    if piece.parts == 1:
        return _joined(_Source(hashes, plan, piece.band, collapse, most, accept), own, beyond)
    return _parted(_Source(hashes, plan, piece.band, collapse, most, accept), piece, own, beyond)


@dataclass(frozen=True, slots=True)
class _Source:
    """What the parts of one piece have in common: the hashes, the band, and which pairs are asked for."""

    hashes: Hashes
    plan: BandPlan
    number: int
    collapse: bool
    most: int | None
    accept: Accept | None

    def side(self, rows: _Rows) -> tuple[Side, Pairs]:
        """Return the rows as a side, the first of every value only, and in band 0 the edges to the others."""
        some = np.ascontiguousarray(self.hashes[rows])
        place = np.arange(len(some), dtype=np.int64)
        first = first_rows(some) if self.collapse else place
        firsts = np.flatnonzero(first == place)
        later = np.flatnonzero(first != place) if self.number == 0 else np.empty(0, np.int64)
        equal = make_pairs(rows[first[later]], rows[later], np.zeros(len(later), np.int16))
        side = Side.of(some, firsts)
        return Side(rows[side.rows], side.words), equal

    def within(self, side: Side) -> Pairs:
        """Return the pairs within one side."""
        return self_band(side, self.plan, self.number, CANDIDATES, self.most, self.accept)

    def between(self, one: Side, other: Side) -> Pairs:
        """Return the pairs between two sides, the smaller row first."""
        return _ordered(cross_band(one, other, self.plan, self.number, CANDIDATES, self.most, self.accept))


def _joined(source: _Source, own: _Rows, beyond: _Rows) -> Pairs:
    """Join the rows of a range with themselves, and with the rows of further prefixes that flips reach."""
    side, equal = source.side(own)
    found = [equal, source.within(side)]
    if len(beyond):
        found.append(source.between(side, source.side(beyond)[0]))
    return merge_pairs(found)


def _parted(source: _Source, piece: KeyRange, own: _Rows, beyond: _Rows) -> Pairs:
    """Join two parts of an overfull prefix; the rows of further prefixes go with the part of their number."""
    side, equal = source.side(own[piece.part :: piece.parts])
    if piece.part == piece.other:
        found = [equal, source.within(side)]
    else:
        found = [source.between(side, source.side(own[piece.other :: piece.parts])[0])]
    for a, b in {(piece.part, piece.other), (piece.other, piece.part)}:
        some = beyond[b :: piece.parts]
        if len(some):
            found.append(source.between(source.side(own[a :: piece.parts])[0], source.side(some)[0]))
    return merge_pairs(found)


def _ordered(pairs: Pairs) -> Pairs:
    return Pairs(np.minimum(pairs.left, pairs.right), np.maximum(pairs.left, pairs.right), pairs.distance)


def _bits(band: Band) -> int:
    return min(_PREFIX_BITS, band.key_bits)


def _prefixes(hashes: Hashes, band: Band) -> Iterator[tuple[int, npt.NDArray[np.uint16]]]:
    """Yield, slice by slice, the first row of the slice and the prefix of each of its rows."""
    # The band is the word's bits from `shift` on, of which the lowest `key_bits` make the key.
    shift = band.shift + band.key_bits - _bits(band)
    for start in range(0, len(hashes), _SLICE):
        yield start, permuted_bits(np.asarray(hashes[start : start + _SLICE]), band.word, shift, _bits(band))


def _prefix_counts(hashes: Hashes, band: Band) -> npt.NDArray[np.int64]:
    counts = np.zeros(1 << _bits(band), np.int64)
    for _, prefix in _prefixes(hashes, band):
        counts += np.bincount(prefix, minlength=len(counts))
    return counts


def _gathered(hashes: Hashes, band: Band, wanted: tuple[npt.NDArray[np.bool_], ...]) -> tuple[_Rows, ...]:
    """Return the rows whose prefix is wanted, ascending, for each table of wanted prefixes."""
    found: list[list[_Rows]] = [[] for _ in wanted]
    asked = [(rows, table) for rows, table in zip(found, wanted, strict=True) if table.any()]
    for start, prefix in _prefixes(hashes, band):
        for rows, table in asked:
            rows.append(np.flatnonzero(table[prefix]) + start)
    return tuple(np.concatenate(rows) if rows else np.empty(0, np.int64) for rows in found)


def _near_prefixes(band: Band) -> tuple[int, ...]:
    """Return the differences that the prefixes of two colliding keys may show, other than none."""
    bits = _bits(band)
    flips = range(1, min(band.flips, bits) + 1)
    return tuple(sum(1 << bit for bit in some) for count in flips for some in combinations(range(bits), count))


def _reached(near: tuple[int, ...], prefixes: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the prefixes that differ from one of the given ones by an allowed pattern."""
    places = np.flatnonzero(prefixes)
    reached = np.zeros_like(prefixes)
    for pattern in near:
        reached[places ^ pattern] = True
    return reached


def _rows_of(counts: npt.NDArray[np.int64], near: tuple[int, ...], low: int, high: int) -> int:
    """Return the rows in memory for a range of prefixes: its own, and those further on that flips reach."""
    prefixes = np.zeros(len(counts), np.bool_)
    prefixes[low:high] = True
    further = _reached(near, prefixes)
    further[:high] = False
    return int(counts[low:high].sum() + counts[further].sum())


def _check(hashes: Hashes, plan: BandPlan) -> None:
    check_hashes(hashes)
    if plan.bits != hashes.shape[1] * 8:
        raise LikenessError(
            f"a plan for {plan.bits} bits does not fit hashes of {hashes.shape[1] * 8} bits",
            expected="a plan for these hashes",
            remedy="make the plan with plan_bands for these hashes",
        )
