"""Thin a dense group of near hashes without listing its pairs.

A camera that looks at one spot for a year gives k images of which all k**2 / 2 pairs are near; a list of them may not
fit into memory although one image may stand for all. The dominating set can be had without the list. While the pairs
of a set are few they are listed and decided. Else the set is halved by priority: the better half is decided first, what
of the other half falls to it is taken out by a cross join, and only what still stands is decided in turn. In a dense
group nearly all of the other half falls, so the work is that of some joins, not of all pairs.

The answer is the same, item by item, as `dominating_set` gives on the list of all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup.clusters import Dominated, check_order, dominating_set
from dedup.errors import PairLimitError
from dedup.hamming import cross_pairs_within, first_rows, pairs_within
from dedup.pairs import Accept, Hashes, Pairs, check_hashes

PAIRS = 1 << 21
"""Pairs listed at a time, some 100 bytes each while they are sorted and decided."""


def thin(
    hashes: Hashes, distance: int, order: npt.NDArray[np.int64], accept: Accept | None = None, pairs: int = PAIRS
) -> Dominated:
    """Return the dominating set of all pairs within the distance, the same one as from their list.

    `hashes`: uint8[n, 32] or uint8[n, 8]. `order`: int64[n], all items, best first. `accept`: which of these pairs
    count, such as those that a `Verifier` confirms; none: all do. `pairs`: how many are held at a time; changes memory
    and time, never the answer. `edge` of the answer is -1 throughout, there being no list. Where `accept` refuses, k
    near items that all stay cost k**2 / 2 comparisons, in bounded memory. LikenessError: other shapes, a distance of
    half the bits or more, an order that is no permutation.

    >>> dense = np.packbits(np.tri(6, 64, k=0, dtype=np.uint8), axis=1)  # row i has i + 1 ones
    >>> thin(dense, 2, np.arange(6)).representative.tolist()
    [0, 0, 0, 3, 3, 3]
    """
    check_hashes(hashes)
    rank = check_order(len(hashes), order)
    work = _Thinning(hashes, distance, accept, max(1, pairs), np.arange(len(hashes), dtype=np.int64))
    if accept is not None:
        work.keep(order)
        return work.answer()
    # Equal hashes are equally near to everything, so the best of each value decides for all of them.
    first = first_rows(hashes)
    best = np.full(len(hashes), len(hashes), np.int64)
    np.minimum.at(best, first, rank)
    host = order[best[first]]
    work.keep(order[host[order] == order])
    # What is equal to a fallen item lies as far from its representative as that item does.
    return work.answer(host)


def thin_after(
    hashes: Hashes,
    distance: int,
    kept: npt.NDArray[np.int64],
    rest: npt.NDArray[np.int64],
    accept: Accept | None = None,
    pairs: int = PAIRS,
) -> npt.NDArray[np.int64]:
    """Thin some rows of which none may be near a row that is kept already, nor near another that stays.

    `kept`, `rest`: int64, rows of `hashes` that share none, best first. Gives, for each of `rest`, the row it falls to,
    itself when it stays. Memory, time and errors as in `thin`; the kept rows are not compared with each other.

    >>> thin_after(np.zeros((3, 8), np.uint8), 2, np.array([2]), np.array([0, 1])).tolist()
    [2, 2]
    """
    check_hashes(hashes)
    work = _Thinning(hashes, distance, accept, max(1, pairs), np.arange(len(hashes), dtype=np.int64))
    if len(rest) and len(kept):
        work.fall(rest, kept)
    work.keep(rest[work.to[rest] == rest])
    return work.to[rest]


@dataclass(slots=True)
class _Thinning:
    """The state of one thinning: whom each item has fallen to so far, itself while it stands."""

    hashes: Hashes
    distance: int
    accept: Accept | None
    pairs: int
    to: npt.NDArray[np.int64]

    def keep(self, items: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Decide on some items, best first, among themselves; give those that stay, best first."""
        near = self._among(items)
        if near is not None:
            own = dominating_set(len(items), near.left, near.right, np.arange(len(items)))
            self.to[items] = items[own.representative]
            return items[own.kept]
        half = len(items) // 2
        kept = self.keep(items[:half])
        rest = items[half:]
        self.fall(rest, kept)
        more = self.keep(rest[self.to[rest] == rest])
        return np.concatenate([kept, more])

    def _among(self, items: npt.NDArray[np.int64]) -> Pairs | None:
        """Return the pairs that count, as places in `items`; None when they are too many to be listed."""
        # So few items can be listed whatever they are, and halving ends.
        most = None if len(items) <= 2 else self.pairs
        try:
            return self._counting(pairs_within(self.hashes[items], self.distance, collapse=False, most=most), items)
        except PairLimitError:
            return None

    def fall(self, items: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]) -> None:
        """Let items fall to the best of the kept ones that they are near."""
        most = None if len(items) <= 1 else self.pairs
        try:
            near = cross_pairs_within(
                self.hashes[items], self.hashes[kept], self.distance, collapse=self.accept is None, most=most
            )
        except PairLimitError:
            half = len(items) // 2
            self.fall(items[:half], kept)
            self.fall(items[half:], kept)
            return
        near = self._counting(near, items, kept)
        # `kept` is in order of priority, so the smallest right end is the best kept neighbour.
        loser, at = np.unique(near.left, return_index=True)
        self.to[items[loser]] = kept[near.right[at]]

    def _counting(
        self, near: Pairs, items: npt.NDArray[np.int64], others: npt.NDArray[np.int64] | None = None
    ) -> Pairs:
        if self.accept is None or not len(near):
            return near
        right = items if others is None else others
        keep = self.accept(items[near.left], right[near.right], near.distance)
        return Pairs(near.left[keep], near.right[keep], near.distance[keep])

    def answer(self, host: npt.NDArray[np.int64] | None = None) -> Dominated:
        """Return what became of every item; an item with another host shares that host's decision."""
        to = self.to if host is None else self.to[host]
        own = np.arange(len(to), dtype=np.int64)
        between = np.bitwise_count(self.hashes ^ self.hashes[to]).sum(axis=1, dtype=np.int16)
        return Dominated(to == own, to, np.full(len(to), -1, np.int64), between)
