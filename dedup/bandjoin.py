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
from dedup.errors import PairLimitError
from dedup.pairs import Accept, Hashes, Pairs, gather_pairs

_DENSE = 16
"""Keys are looked up in a table of all keys while it has at most this many entries per row and look-up, else by
bisection."""
_SPARSE = 8
"""Rows that meet no key are left out of a sort where a table of keys, with this many entries per key, can tell."""

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
    def by(band: Band, side: Side, places: _Rows | None = None) -> _Sorted:
        """Sort the rows at some places of the side, or all."""
        word = side.words[band.word] if places is None else side.words[band.word][places]
        # Key and row in one integer: sorting values is several times faster than sorting positions by value.
        items = (_keys(band, word) << np.uint64(32)) | np.arange(len(word), dtype=np.uint64)
        items.sort()
        order = (items & np.uint64(0xFFFFFFFF)).astype(np.int64)
        keys = (items >> np.uint64(32)).astype(np.int64)
        return _Sorted(order if places is None else places[order], keys, word[order])

    def ranges(self, key_bits: int, lookups: int) -> _Ranges:
        table = None
        if 1 << key_bits <= _DENSE * min(len(self.keys), lookups):
            table = np.zeros((1 << key_bits) + 1, np.int64)
            np.cumsum(np.bincount(self.keys, minlength=1 << key_bits), out=table[1:])
        return _Ranges(self.keys, table)


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Where each key's rows lie among the sorted ones."""

    keys: _Rows
    table: _Rows | None

    def of(self, keys: _Rows) -> tuple[_Rows, _Rows]:
        """Return the first place and the number of places of each key."""
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
                raise PairLimitError(
                    "there are more near pairs than there is room for",
                    expected="a set without a dense group of near images, or a decision that needs no list of pairs",
                    remedy="decide with dedup.thin, or fold the dense group first with dedup.fold_dense",
                )


def self_band(
    side: Side, plan: BandPlan, number: int, candidates: int, most: int | None = None, accept: Accept | None = None
) -> Pairs:
    """Return the pairs within one side whose lowest colliding band is `number` and that `accept` takes.

    PairLimitError: more than `most` of them.
    """
    band = plan.bands[number]
    items = _Sorted.by(band, side)
    ranges = items.ranges(band.key_bits, len(items.keys)) if band.flips else None
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
        for found, place, difference in _near(items.words, outer, low, counts, items.words, plan, number, candidates):
            one, other = items.order.take(found), items.order.take(place)
            one, other = np.minimum(one, other), np.maximum(one, other)
            parts.add(_verified(side, one, side, other, difference, plan, number))
    return gather_pairs(parts.found)


def cross_band(
    a: Side,
    b: Side,
    plan: BandPlan,
    number: int,
    candidates: int,
    most: int | None = None,
    accept: Accept | None = None,
    asked: npt.NDArray[np.bool_] | None = None,
) -> Pairs:
    """Return the pairs between two sides whose lowest colliding band is `number` and that `accept` takes.

    `asked`: bool[rows of a], the places of `a` whose pairs are wanted; none: all. PairLimitError: more than `most`
    pairs.
    """
    band = plan.bands[number]
    # Ranges of the larger side are long, so the cost of looking up is paid per row of the smaller one.
    swapped = len(b.rows) < len(a.rows)
    small, large = (b, a) if swapped else (a, b)
    patterns = tuple(band.patterns())
    outer = _Sorted.by(band, small, None if asked is None or swapped else np.flatnonzero(asked))
    inner = _Sorted.by(band, large, _met(band, patterns, outer.keys, large, asked if swapped else None))
    ranges = inner.ranges(band.key_bits, len(patterns) * len(outer.keys))
    everyone = np.arange(len(outer.keys), dtype=np.int64)
    parts = _Parts(most, accept)
    for pattern in patterns:
        low, counts = ranges.of(outer.keys ^ pattern)
        for found, place, difference in _near(
            outer.words, everyone, low, counts, inner.words, plan, number, candidates
        ):
            left, right = outer.order.take(found), inner.order.take(place)
            if swapped:
                left, right = right, left
            parts.add(_verified(a, left, b, right, difference, plan, number))
    return gather_pairs(parts.found)


def _keys(band: Band, word: _Words) -> _Words:
    return (word >> np.uint64(band.shift)) & np.uint64((1 << band.key_bits) - 1)


def _met(
    band: Band, patterns: tuple[int, ...], keys: _Rows, large: Side, asked: npt.NDArray[np.bool_] | None
) -> _Rows | None:
    """Return the places asked about in the large side that may meet one of the keys, or None for all of them.

    Only some bits of a key are looked at, so places that meet none are among them, and none that does is left out.
    """
    bits = (_SPARSE * len(patterns) * len(keys)).bit_length()
    if bits > band.key_bits:
        # Most keys would be met.
        return None if asked is None else np.flatnonzero(asked)
    mask = (1 << bits) - 1
    met = np.zeros(1 << bits, np.bool_)
    for pattern in patterns:
        met[(keys ^ pattern) & mask] = True
    wanted = met[(_keys(band, large.words[band.word]) & np.uint64(mask)).view(np.int64)]
    if asked is not None:
        wanted &= asked
    return np.flatnonzero(wanted)


def _near(
    words: _Words,
    outer: _Rows,
    low: _Rows,
    counts: _Rows,
    inner: _Words,
    plan: BandPlan,
    number: int,
    candidates: int,
) -> Iterator[tuple[_Rows, _Rows, _Words]]:
    """Compare the word at each outer place with inner places low to low + count, `candidates` at a time.

    Gives the places and the differences of those that meet the budgets of the band and its word, and of no lower band
    in the word.
    """
    own = plan.bands[number]
    lower = [band for band in plan.bands[:number] if band.word == own.word]
    partial = own.key_bits < own.width
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
        # Gathered by `take`, and chosen by place rather than by mask: both take half the time of indexing.
        difference = inner.take(place)
        difference ^= np.repeat(chosen[head:tail], spans)
        near = np.flatnonzero(np.bitwise_count(difference) <= own.word_budget)
        difference = difference.take(near)
        keep = own.agrees(difference) if partial else None
        for band in lower:
            apart = ~band.agrees(difference)
            keep = apart if keep is None else keep & apart
        if keep is not None:
            some = np.flatnonzero(keep)
            near, difference = near.take(some), difference.take(some)
        if len(near):
            found = head + np.searchsorted(ends[head:tail], start + near, "right")
            yield outer.take(found), place.take(near), difference


def _verified(a: Side, left: _Rows, b: Side, right: _Rows, difference: _Words, plan: BandPlan, number: int) -> Pairs:
    """Keep the candidates within the distance that meet the budget of no lower word, as the caller's rows.

    `difference`: of the band's own word, as `_near` gives it.
    """
    own = plan.bands[number].word
    # At most the distance after each word, so 8 bits hold the sum with the next; in a hash of one word, its budget.
    between = np.bitwise_count(difference)
    for word in (word for word in range(len(a.words)) if word != own):
        bits = np.bitwise_count(a.words[word].take(left) ^ b.words[word].take(right))
        between += bits
        keep = between <= plan.distance
        if word < own:
            # Whoever meets the budget of a word meets that of one of its bands: the pigeonhole condition.
            keep &= bits > plan.word_budget(word)
        close = np.flatnonzero(keep)
        left, right, between = left.take(close), right.take(close), between.take(close)
    return Pairs(a.rows.take(left), b.rows.take(right), between.astype(np.int16))
