"""One band of an exact join: sort by the band's bits, line up the candidates, keep the true pairs.

Both joins come down to the same loop. Each row of one side meets a range of the other side's sorted rows: those whose
key is its own, or differs from it by a pattern the band allows. The word of both is compared first, and only what stays
within the word's budget is compared in full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup.bands import Band, BandPlan, permuted_word
from dedup.errors import CrowdError
from dedup.pairs import Accept, Hashes, Pairs, gather_pairs

_DENSE = 16
"""Keys are looked up in a table of all keys while that has at most this many entries per row, else by bisection."""

_Rows = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Side:
    """The hashes of one side of a join: their rows in the caller's array, and their permuted words."""

    rows: _Rows
    words: tuple[_Words, ...]

    @staticmethod
    def of(hashes: Hashes, rows: _Rows) -> Side:
        """Take some rows, in ascending order: those that are the first of their value, or all."""
        some = hashes if len(rows) == len(hashes) else hashes[rows]
        return Side(rows, tuple(permuted_word(some, word) for word in range(hashes.shape[1] // 8)))


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The rows of a side in order of a band's key, with the key and the word at each place."""

    order: _Rows
    keys: _Rows
    words: _Words

    @staticmethod
    def by(band: Band, side: Side) -> _Sorted:
        # Key and row in one integer: sorting values is several times faster than sorting positions by value.
        word = side.words[band.word]
        items = (word >> np.uint64(band.shift)) & np.uint64((1 << band.key_bits) - 1)
        items = (items << np.uint64(32)) | np.arange(len(items), dtype=np.uint64)
        items.sort()
        order = (items & np.uint64(0xFFFFFFFF)).astype(np.int64)
        return _Sorted(order, (items >> np.uint64(32)).astype(np.int64), word[order])

    def ranges(self, key_bits: int) -> _Ranges:
        table = None
        if 1 << key_bits <= _DENSE * len(self.keys):
            table = np.zeros((1 << key_bits) + 1, np.int64)
            np.cumsum(np.bincount(self.keys, minlength=1 << key_bits), out=table[1:])
        return _Ranges(self.keys, table)


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Where each key's rows lie among the sorted ones."""

    keys: _Rows
    table: _Rows | None

    def of(self, keys: _Rows) -> tuple[_Rows, _Rows]:
        """Give the first place and the number of places of each key."""
        if self.table is None:
            low = np.searchsorted(self.keys, keys, "left")
            return low, np.searchsorted(self.keys, keys, "right") - low
        low = self.table[keys]
        return low, self.table[keys + 1] - low


class _Parts:
    """Pairs as they are found, up to as many as the caller has room for."""

    def __init__(self, most: int | None, accept: Accept | None) -> None:
        self.found: list[Pairs] = []
        self._room = most
        self._accept = accept

    def add(self, pairs: Pairs) -> None:
        if self._accept is not None and len(pairs):
            keep = self._accept(pairs.left, pairs.right, pairs.distance)
            pairs = Pairs(pairs.left[keep], pairs.right[keep], pairs.distance[keep])
        self.found.append(pairs)
        if self._room is not None:
            self._room -= len(pairs)
            if self._room < 0:
                raise CrowdError(
                    "there are more near pairs than there is room for",
                    expected="a set without a crowd of near images, or a decision that needs no list of pairs",
                    remedy="decide with dedup.thin, or fold the crowd first with dedup.fold_crowds",
                )


def self_band(
    side: Side, plan: BandPlan, number: int, candidates: int, most: int | None = None, accept: Accept | None = None
) -> Pairs:
    """Give the pairs within one side whose lowest colliding band is `number` and that `accept` takes.

    CrowdError: more than `most` of them.
    """
    band = plan.bands[number]
    items = _Sorted.by(band, side)
    ranges = items.ranges(band.key_bits) if band.flips else None
    parts = _Parts(most, accept)
    for pattern in band.patterns():
        if pattern == 0 or ranges is None:
            again = np.flatnonzero(items.keys[1:] == items.keys[:-1])
            ends = np.append(np.flatnonzero(items.keys[1:] != items.keys[:-1]) + 1, len(items.keys))
            outer, low = again, again + 1
            counts = ends[np.searchsorted(ends, again, "right")] - low
        else:
            # Each pair of keys is met from its side whose highest differing bit is clear, hence once.
            outer = np.flatnonzero(items.keys & (1 << (pattern.bit_length() - 1)) == 0)
            low, counts = ranges.of(items.keys[outer] ^ pattern)
        for found, place in _near(items.words, outer, low, counts, items.words, band.word_budget, candidates):
            one, other = items.order[found], items.order[place]
            parts.add(_verified(side, np.minimum(one, other), side, np.maximum(one, other), plan, number))
    return gather_pairs(parts.found)


def cross_band(
    a: Side,
    b: Side,
    plan: BandPlan,
    number: int,
    candidates: int,
    most: int | None = None,
    accept: Accept | None = None,
) -> Pairs:
    """Give the pairs between two sides whose lowest colliding band is `number` and that `accept` takes.

    CrowdError: more than `most` of them.
    """
    band = plan.bands[number]
    # Ranges of the larger side are long, so the cost of looking up is paid per row of the smaller one.
    swapped = len(b.rows) < len(a.rows)
    outer, inner = (_Sorted.by(band, side) for side in ((b, a) if swapped else (a, b)))
    ranges = inner.ranges(band.key_bits)
    everyone = np.arange(len(outer.keys), dtype=np.int64)
    parts = _Parts(most, accept)
    for pattern in band.patterns():
        low, counts = ranges.of(outer.keys ^ pattern)
        for found, place in _near(outer.words, everyone, low, counts, inner.words, band.word_budget, candidates):
            left, right = outer.order[found], inner.order[place]
            if swapped:
                left, right = right, left
            parts.add(_verified(a, left, b, right, plan, number))
    return gather_pairs(parts.found)


def _near(
    words: _Words, outer: _Rows, low: _Rows, counts: _Rows, inner: _Words, budget: int, candidates: int
) -> Iterator[tuple[_Rows, _Rows]]:
    """Compare the word at each outer place with inner places low to low + count, `candidates` at a time."""
    some = np.flatnonzero(counts)
    if len(some) < len(counts):
        outer, low, counts = outer[some], low[some], counts[some]
    ends = np.cumsum(counts)
    base = low - (ends - counts)
    chosen = words[outer]
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, total, candidates):
        stop = min(start + candidates, total)
        head = int(np.searchsorted(ends, start, "right"))
        tail = int(np.searchsorted(ends, stop, "left")) + 1
        spans = np.minimum(ends[head:tail], stop)
        spans = np.diff(spans, prepend=start)
        place = np.repeat(base[head:tail], spans)
        place += np.arange(start, stop)
        difference = inner[place]
        difference ^= np.repeat(chosen[head:tail], spans)
        near = np.flatnonzero(np.bitwise_count(difference) <= budget)
        if len(near):
            found = head + np.searchsorted(ends[head:tail], start + near, "right")
            yield outer[found], place[near]


def _verified(a: Side, left: _Rows, b: Side, right: _Rows, plan: BandPlan, number: int) -> Pairs:
    """Keep the candidates within the distance that collide in this band and in no lower one, as the caller's rows."""
    own = plan.bands[number]
    # The own word goes first, and then lower ones: in a crowd of near hashes most candidates collided long before.
    for word in (own.word, *range(own.word)):
        difference = a.words[word][left] ^ b.words[word][right]
        keep = own.collides(difference) if word == own.word else np.ones(len(left), np.bool_)
        for band in plan.bands[:number]:
            if band.word == word:
                keep &= ~band.collides(difference)
        left, right = left[keep], right[keep]
        if not len(left):
            break
    between = np.zeros(len(left), np.int16)
    for one, other in zip(a.words, b.words, strict=True):
        between += np.bitwise_count(one[left] ^ other[right])
    close = np.flatnonzero(between <= plan.distance)
    return Pairs(a.rows[left[close]], b.rows[right[close]], between[close])
