"""Pairs of near hashes, and the quadratic search that defines which pairs those are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup.errors import LikenessError

Hashes = npt.NDArray[np.uint8]
"""Packed hashes, one row each: uint8[n, 32] (256 bits) or uint8[n, 8] (64 bits)."""

Accept = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int16]], npt.NDArray[np.bool_]]
"""Says which candidate pairs count: (rows, rows, distances), k each, to bool[k]; the same whichever way round."""

_BLOCK = 1 << 19


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows within a distance of each other, sorted by (left, right), each pair once.

    `left`, `right`: int64[k], row numbers; in a self join left < right.
    `distance`: int16[k], Hamming distance in bits.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    distance: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.left)


def make_pairs(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], distance: npt.NDArray[np.int16]) -> Pairs:
    """Sort parallel arrays into Pairs."""
    # Rows are fewer than 2**32, so both fit one integer, which sorts several times faster than two.
    order = np.argsort((left.astype(np.uint64) << np.uint64(32)) | right.astype(np.uint64))
    return Pairs(left[order], right[order], distance[order])


def gather_pairs(parts: Sequence[Pairs]) -> Pairs:
    """Put pairs together in the order they come, for whoever sorts them later."""
    if not parts:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int16))
    return Pairs(
        np.concatenate([part.left for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.distance for part in parts]),
    )


def merge_pairs(parts: Sequence[Pairs]) -> Pairs:
    """Put the pairs of several bands together, sorted; the bands share no pair, so none is looked for.

    >>> one = Pairs(np.array([4]), np.array([5]), np.array([2], np.int16))
    >>> two = Pairs(np.array([1]), np.array([9]), np.array([0], np.int16))
    >>> merge_pairs([one, two]).left.tolist()
    [1, 4]
    """
    every = gather_pairs(parts)
    return make_pairs(every.left, every.right, every.distance)


def check_hashes(hashes: Hashes, name: str = "hashes") -> None:
    """Raise LikenessError unless the array is uint8[n, 8] or uint8[n, 32] with fewer than 2**32 rows."""
    if hashes.dtype != np.uint8 or hashes.ndim != 2 or hashes.shape[1] not in (8, 32):
        raise LikenessError(
            f"{name} is {hashes.dtype}{list(hashes.shape)}",
            expected="packed hashes: uint8[n, 32] for PDQ or uint8[n, 8] for pHash",
            remedy="pack bits with numpy.packbits, and keep rows without a hash out of the array",
        )
    if len(hashes) >= 1 << 32:
        raise LikenessError(f"{name} has {len(hashes)} rows", expected="fewer than 2**32", remedy="join it in parts")


def check_same_width(a: Hashes, b: Hashes) -> None:
    """Raise LikenessError unless both arrays are packed hashes of one width."""
    check_hashes(a, "a")
    check_hashes(b, "b")
    if a.shape[1] != b.shape[1]:
        raise LikenessError(
            f"hashes of {a.shape[1] * 8} bits are compared with hashes of {b.shape[1] * 8} bits",
            expected="two arrays of the same kind of hash",
            remedy="compare PDQ with PDQ, or pHash with pHash",
        )


def as_words(hashes: Hashes) -> npt.NDArray[np.uint64]:
    """Return the rows as 64-bit words, uint64[n, 1 or 4]; only for comparing rows, since the byte order is the
    machine's.

    >>> as_words(np.zeros((2, 32), np.uint8)).shape
    (2, 4)
    """
    return np.ascontiguousarray(hashes).view(np.uint64)


def distances(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> npt.NDArray[np.int16]:
    """Return the Hamming distances between matching rows of words, int16.

    >>> distances(as_words(np.zeros((1, 8), np.uint8)), as_words(np.full((1, 8), 3, np.uint8))).tolist()
    [16]
    """
    total: npt.NDArray[np.int16] = np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int16)
    return total


def brute_pairs(hashes: Hashes, distance: int) -> Pairs:
    """Return every pair of rows within the distance by comparing all of them; for audits and small sets.

    Time grows with n**2 / 2, memory with the pairs found. Unlike `pairs_within`, equal hashes are not collapsed.

    >>> len(brute_pairs(np.zeros((4, 8), np.uint8), 0))
    6
    """
    check_hashes(hashes)
    words = as_words(hashes)
    parts = []
    step = max(1, _BLOCK // max(1, len(words)))
    for start in range(0, len(words), step):
        stop = min(start + step, len(words))
        between = distances(words[start:stop, np.newaxis], words[np.newaxis, start:])
        row, column = np.nonzero(between <= distance)
        above = column > row
        row, column = row[above], column[above]
        parts.append(Pairs(row + start, column + start, between[row, column]))
    return merge_pairs(parts)


def brute_cross_pairs(a: Hashes, b: Hashes, distance: int) -> Pairs:
    """Return every pair of a row of `a` and a row of `b` within the distance by comparing all of them.

    >>> len(brute_cross_pairs(np.zeros((4, 8), np.uint8), np.zeros((2, 8), np.uint8), 0))
    8
    """
    check_same_width(a, b)
    left, right = as_words(a), as_words(b)
    parts = []
    step = max(1, _BLOCK // max(1, len(right)))
    for start in range(0, len(left), step):
        between = distances(left[start : start + step, np.newaxis], right[np.newaxis])
        row, column = np.nonzero(between <= distance)
        parts.append(Pairs(row + start, column, between[row, column]))
    return merge_pairs(parts)
