"""Fold dense groups before their pairs are listed: a hundred thousand near-identical images must not make 5e9 pairs.

Rows that share a band's key with more than `largest` others are thinned among themselves, and only what stays is
listed.

What remains exact: every pair of rows that were not folded is listed, and every folded row has an edge to a named row
that was not folded, comes before it in the order, and lies within the distance. What is left out: the other pairs of
the folded rows. So who has a near neighbour, and a kept one to fall to, is known for every row; how often a folded row
is near to others is not. `thin` decides on all pairs, folded or not, and needs no list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup.bands import Band, permuted_word, plan_bands
from dedup.clusters import check_order
from dedup.pairs import Accept, Hashes, Pairs, check_hashes, make_pairs
from dedup.thinning import PAIRS, thin

DENSE = 1024
"""Rows of one key that still count as chance: a hundred times more than unrelated images at a hundred million."""
_PREFIX_BITS = 20
_STEP = 1 << 20
"""Rows whose keys are made at a time."""


@dataclass(frozen=True, slots=True)
class Folded:
    """Which rows stay, and for each other the row that it was folded into.

    `stays`: int64[m], ascending. `edges`: one pair for each folded row, the row it was folded into and itself.
    `dense`: bool[n], the rows that were thinned; those of them that stay are not near each other.
    """

    stays: npt.NDArray[np.int64]
    edges: Pairs
    dense: npt.NDArray[np.bool_]


def fold_dense(
    hashes: Hashes,
    distance: int,
    order: npt.NDArray[np.int64],
    accept: Accept | None = None,
    largest: int = DENSE,
    pairs: int = PAIRS,
) -> Folded:
    """Fold rows of dense groups into near ones that come before them; see the module for what this keeps.

    `hashes`, `distance`, `order`, `accept`, `pairs`: as in `thin`. Where nothing is refused, a row
    afterwards has at most `largest` candidates for each key that a band allows it to meet; rows that `accept` tells
    apart stay dense. LikenessError: as `thin`.

    >>> dense = np.zeros((5000, 8), np.uint8)
    >>> dense[:, 0] = np.arange(5000) % 4
    >>> folded = fold_dense(dense, 6, np.arange(5000))
    >>> folded.stays.tolist(), len(folded.edges)
    ([0], 4999)
    """
    check_hashes(hashes)
    check_order(len(hashes), order)
    dense = dense_rows(hashes, distance, largest)
    rows = np.flatnonzero(dense)
    chosen = order[dense[order]]
    own = None if accept is None else _Within(accept, rows)
    thinned = thin(hashes[rows], distance, np.searchsorted(rows, chosen), own, pairs)
    gone = np.flatnonzero(~thinned.kept)
    one, other = rows[thinned.representative[gone]], rows[gone]
    edges = make_pairs(np.minimum(one, other), np.maximum(one, other), thinned.distance[gone])
    stays = np.ones(len(hashes), np.bool_)
    stays[other] = False
    return Folded(np.flatnonzero(stays), edges, dense)


def dense_rows(hashes: Hashes, distance: int, largest: int = DENSE) -> npt.NDArray[np.bool_]:
    """Return which rows share a band's key with more than `largest` rows, themselves included: bool[n].

    Rows are counted by the first bits of their keys; only where these alone are shared by so many is a key looked at as
    a whole. Memory: 5 bytes a row and some 50 MB, and 40 bytes for each row that is looked at so.

    >>> dense_rows(np.array([[0] * 8, [0] * 8, [255] * 8], np.uint8), 6, largest=1).tolist()
    [True, True, False]
    """
    check_hashes(hashes)
    dense = np.zeros(len(hashes), np.bool_)
    prefix = np.empty(len(hashes), np.uint32)
    for band in plan_bands(hashes.shape[1] * 8, distance).bands:
        bits = min(band.key_bits, _PREFIX_BITS)
        counts = np.zeros(1 << bits, np.int64)
        for start in range(0, len(hashes), _STEP):
            some = _keys(hashes[start : start + _STEP], band) >> np.uint64(band.key_bits - bits)
            prefix[start : start + _STEP] = some
            counts += np.bincount(some.view(np.int64), minlength=len(counts))
        often = counts > largest
        rows = np.flatnonzero(often[prefix]) if often.any() else np.empty(0, np.int64)
        _, place, lengths = np.unique(_keys(hashes[rows], band), return_inverse=True, return_counts=True)
        dense[rows[lengths[place.reshape(-1)] > largest]] = True
    return dense


def _keys(hashes: Hashes, band: Band) -> npt.NDArray[np.uint64]:
    return (permuted_word(hashes, band.word) >> np.uint64(band.shift)) & np.uint64((1 << band.key_bits) - 1)


@dataclass(frozen=True, slots=True)
class _Within:
    """An acceptance for places in some rows, by one for the rows themselves."""

    accept: Accept
    rows: npt.NDArray[np.int64]

    def __call__(
        self, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], distance: npt.NDArray[np.int16]
    ) -> npt.NDArray[np.bool_]:
        return self.accept(self.rows[left], self.rows[right], distance)
