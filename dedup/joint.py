"""The leak search by two hashes at once: pHash and PDQ both near, each too wide a distance to tell by itself.

A crop of 5 %, a border of 2 % or a turn of 2 degrees moves a pHash by some 8 of 64 bits and a PDQ by some 60 of 256.
Among different photographs each of the two alone is met often at such distances, both at once hardly ever. The bands of
the exact join of pHashes (`dedup.bandjoin`) find the candidates and each is compared under the PDQ as it is found, so
no pair within both distances is missed, and none of the pHash's many others is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.bandjoin import Side, cross_band
from dedup.bands import plan_bands
from dedup.errors import LikenessError
from dedup.hamming import CANDIDATES, first_rows
from dedup.leakage import HeldOut
from dedup.pairs import Hashes, as_words, check_hashes, distances

_SLICE = 1 << 20
"""Training images searched at a time."""
_NOTHING = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class BothHashes:
    """The two hashes of n pictures: `phash`, uint8[n, 8], and `pdq`, uint8[n, 32], row by row of the same picture."""

    phash: Hashes
    pdq: Hashes

    def __post_init__(self) -> None:
        check_hashes(self.phash, "phash")
        check_hashes(self.pdq, "pdq")
        if self.phash.shape[1] != 8 or self.pdq.shape[1] != 32 or len(self.phash) != len(self.pdq):
            raise LikenessError(
                f"phash is uint8{list(self.phash.shape)} and pdq is uint8{list(self.pdq.shape)}",
                expected="uint8[n, 8] and uint8[n, 32], both hashes of every picture",
                remedy="leave out pictures that lack one of the two",
            )

    def __len__(self) -> int:
        return len(self.phash)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> BothHashes:
        return BothHashes(self.phash[rows], self.pdq[rows])


@dataclass(frozen=True, slots=True)
class BothNear:
    """Pairs of rows near under both hashes, by `left`: int64[k] rows, and int16[k] distances in bits."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    phash: npt.NDArray[np.int16]
    pdq: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, slots=True)
class HeldOutPair:
    """Held-out items that have both hashes: row i of `hashes` is item `owner[i]`, turned as `variant[i]`."""

    items: HeldOut
    hashes: BothHashes
    owner: npt.NDArray[np.int64]
    variant: npt.NDArray[np.int8]

    @staticmethod
    def from_table(table: pa.Table) -> HeldOutPair:
        """Take a hash list's rows; a variant of which only one of the two hashes is listed takes no part.

        >>> from dedup.hashlist import HASH_LIST_SCHEMA
        >>> row = {"item": "a.jpg", "pdq": " ".join(["0f" * 32] * 8), "phash": "0f" * 8, "quality": 90}
        >>> pair = HeldOutPair.from_table(pa.Table.from_pylist([row, {"item": "b.jpg"}], HASH_LIST_SCHEMA))
        >>> len(pair.items), pair.owner.tolist(), pair.variant.tolist()
        (2, [0], [0])
        """
        pdq, phash = HeldOut.from_table(table, "pdq"), HeldOut.from_table(table, "phash")
        one, two = (each.owner * 8 + each.variant for each in (pdq, phash))
        both, ours, theirs = np.intersect1d(one, two, assume_unique=True, return_indices=True)
        hashes = BothHashes(phash.pdq[theirs], pdq.pdq[ours])
        return HeldOutPair(pdq, hashes, both // 8, (both % 8).astype(np.int8))


def nearest_of_both(
    a: BothHashes, b: BothHashes, phash_distance: int, pdq_distance: int, candidates: int = CANDIDATES
) -> BothNear:
    """Return each row of `a` that has one of `b` within both distances, with the nearest (right).

    Nearest by pHash, then by PDQ, then the first of `b`. `candidates`: how many are compared at a time. Memory: that of
    the hashes and of one sort, however many pairs there are. LikenessError: a pHash distance of 32 or more.

    >>> import numpy as np
    >>> a = BothHashes(np.zeros((2, 8), np.uint8), np.zeros((2, 32), np.uint8))
    >>> b = BothHashes(np.array([[1] * 8, [3] * 8], np.uint8), np.array([[255] * 32, [1] * 32], np.uint8))
    >>> near = nearest_of_both(a, b, 16, 90)
    >>> near.left.tolist(), near.right.tolist(), near.phash.tolist(), near.pdq.tolist()
    ([0, 1], [1, 1], [16, 16], [32, 32])
    """
    plan = plan_bands(64, phash_distance)
    mine, of_row = _distinct(a)
    theirs, _ = _distinct(b)
    left, right = Side.of(a.phash[mine], np.arange(len(mine))), Side.of(b.phash[theirs], np.arange(len(theirs)))
    ours, others = as_words(a.pdq[mine]), as_words(b.pdq[theirs])
    # Both distances and the row in one integer, whose least one is the answer; so no pair is ever kept.
    best = np.full(len(mine), _NOTHING, np.int64)

    def reduced(
        one: npt.NDArray[np.int64], two: npt.NDArray[np.int64], between: npt.NDArray[np.int16]
    ) -> npt.NDArray[np.bool_]:
        apart = distances(ours[one], others[two])
        near = np.flatnonzero(apart <= pdq_distance)
        value = (between[near].astype(np.int64) << 48) | (apart[near].astype(np.int64) << 32) | two[near]
        np.minimum.at(best, one[near], value)
        return np.zeros(len(one), np.bool_)

    for number in range(len(plan.bands)):
        undecided = best >= plan.least_apart(number) << 48
        asked = None if undecided.all() else undecided
        cross_band(left, right, plan, number, candidates, accept=reduced, asked=asked)
    found = best[of_row]
    rows = np.flatnonzero(found < _NOTHING)
    found = found[rows]
    return BothNear(
        rows, theirs[found & 0xFFFFFFFF], (found >> 48).astype(np.int16), (found >> 32 & 0xFFFF).astype(np.int16)
    )


def find_pair_leaks(train: BothHashes, held: HeldOutPair, phash_distance: int, pdq_distance: int) -> BothNear:
    """Find every training image within both distances of one held-out image under the same turn of it.

    `right` are rows of `held.hashes`. All rows are compared, whatever their quality; -1 for either distance: none.

    >>> from dedup.hashlist import HASH_LIST_SCHEMA
    >>> row = {"item": "a.jpg", "pdq": "0f" * 32, "phash": "0f" * 8, "quality": 90}
    >>> held = HeldOutPair.from_table(pa.Table.from_pylist([row], HASH_LIST_SCHEMA))
    >>> train = BothHashes(np.full((1, 8), 15, np.uint8), np.full((1, 32), 31, np.uint8))
    >>> found = find_pair_leaks(train, held, 10, 90)
    >>> found.phash.tolist(), found.pdq.tolist(), len(find_pair_leaks(train, held, -1, 90))
    ([0], [32], 0)
    """
    parts = [_NOBODY]
    if phash_distance >= 0 and pdq_distance >= 0 and len(held.hashes):
        for start in range(0, len(train), _SLICE):
            near = nearest_of_both(train[start : start + _SLICE], held.hashes, phash_distance, pdq_distance)
            parts.append(BothNear(near.left + start, near.right, near.phash, near.pdq))
    return BothNear(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("left", "right", "phash", "pdq"))
    )


def _distinct(hashes: BothHashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first row of each distinct pair of hashes, ascending, and for each row the place of its pair there."""
    both = (first_rows(hashes.phash) << 32) | first_rows(hashes.pdq)
    _, first, inverse = np.unique(both, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order].astype(np.int64), place[inverse]


_NOBODY = BothNear(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0, np.int16))
