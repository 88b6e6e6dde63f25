"""Random order without memory: keyed permutations and uniform numbers that are functions of their position alone.

A Feistel network permutes a power of four; walking its cycles until the value is small enough permutes any range. The
round function and the uniform numbers come from the finaliser of SplitMix64, in 64-bit integers, so that they are the
same on every machine and in every version of NumPy.

Sources: Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains", method 3; Steele, Lea and Flood 2014, "Fast
Splittable Pseudorandom Number Generators".
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

_ROUNDS = 6
_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 2**64


def subkey(seed: int, *parts: object) -> int:
    """Return a 64-bit key for one use of a seed; keys of other parts are independent of it.

    >>> subkey(0, "epoch", 1) == subkey(0, "epoch", 1), subkey(0, "epoch", 1) == subkey(0, "epoch", 2)
    (True, False)
    """
    text = "\x1f".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def mix(words: Words) -> Words:
    """Return well mixed words of the same shape; a bijection of the 64-bit integers."""
    mixed = words ^ (words >> np.uint64(30))
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniforms(key: int, positions: Rows, count: int) -> npt.NDArray[np.float64]:
    """Return `count` numbers in [0, 1) for each position, of shape (positions, count).

    >>> uniforms(1, np.array([0, 7]), 3).shape
    (2, 3)
    >>> bool((uniforms(1, np.array([7]), 3) == uniforms(1, np.array([0, 7]), 3)[1]).all())
    True
    """
    base = mix(positions.astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(key))
    steps = np.array([(i + 1) * _GOLDEN % _WORD for i in range(count)], dtype=np.uint64)
    return (mix(base[:, None] + steps) >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Permutation:
    """A permutation of 0 ... size - 1 that is computed where it is asked, and keeps nothing.

    >>> sorted(Permutation(10, key=3)(np.arange(10)).tolist()) == list(range(10))
    True
    """

    def __init__(self, size: int, key: int) -> None:
        if size < 1:
            raise ValueError(f"a permutation has at least one element, not {size}")
        self.size = size
        self._half = max(1, -(-max(1, (size - 1).bit_length()) // 2))
        self._keys = [np.uint64(subkey(key, "round", i)) for i in range(_ROUNDS)]

    def __call__(self, positions: Rows) -> Rows:
        """Return the elements at the positions, each in 0 ... size - 1."""
        values = self._network(positions.astype(np.uint64))
        # The network's domain has at most four times the size, so that few steps are needed.
        while (outside := np.flatnonzero(values >= np.uint64(self.size))).size:
            values[outside] = self._network(values[outside])
        return values.astype(np.int64)

    def _network(self, values: Words) -> Words:
        half, mask = np.uint64(self._half), np.uint64((1 << self._half) - 1)
        left, right = values >> half, values & mask
        for key in self._keys:
            left, right = right, left ^ (mix(right + key) & mask)
        return (left << half) | right
