"""The rows that one epoch reads, in ascending order: all, or a set that is held as one bit a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline.feed.permutation import Rows

_STRETCH = 512
"""Bytes of bits between two counts that are kept."""
_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint16)


class Members(Protocol):
    """Rows in ascending order, each once."""

    size: int

    def slice(self, start: int, stop: int) -> Rows:
        """Return the members from the place `start` up to `stop`, in ascending order."""

    def before(self, rows: Rows) -> Rows:
        """Return how many members are smaller than each of the rows."""


class AllRows:
    """Every row of so many."""

    def __init__(self, size: int) -> None:
        self.size = size

    def slice(self, start: int, stop: int) -> Rows:
        """Return the rows from `start` up to `stop`."""
        return np.arange(start, min(stop, self.size))

    def before(self, rows: Rows) -> Rows:
        """Return the rows themselves."""
        return rows


class RowSet:
    """Some of `rows` rows, given in parts in any order.

    >>> chosen = RowSet(9000, [np.array([8999, 3]), np.array([5000])])
    >>> chosen.size, chosen.slice(0, 3).tolist(), chosen.before(np.array([0, 4, 5000, 9000])).tolist()
    (3, [3, 5000, 8999], [0, 1, 1, 3])
    """

    def __init__(self, rows: int, parts: Iterable[Rows]) -> None:
        # Counting needs whole stretches, and one more for the rows behind the last.
        self._bits: npt.NDArray[np.uint8] = np.zeros((rows // 8 // _STRETCH + 1) * _STRETCH, np.uint8)
        for part in parts:
            np.bitwise_or.at(self._bits, part >> 3, np.uint8(128) >> (part & 7).astype(np.uint8))
        ones = _ONES[self._bits.reshape(-1, _STRETCH)].sum(axis=1, dtype=np.int64)
        self._counts = np.concatenate([[0], np.cumsum(ones)])
        self.size = int(self._counts[-1])

    def slice(self, start: int, stop: int) -> Rows:
        """Return the members from the place `start` up to `stop`."""
        first, last = np.searchsorted(self._counts, [start, max(start, stop - 1)], side="right") - 1
        bits = np.unpackbits(self._bits[first * _STRETCH : (last + 1) * _STRETCH])
        skipped = start - int(self._counts[first])
        found: Rows = np.flatnonzero(bits)[skipped : skipped + stop - start] + int(first) * _STRETCH * 8
        return found

    def before(self, rows: Rows) -> Rows:
        """Return how many members are smaller than each of the rows."""
        return np.array([self._before(row) for row in rows.tolist()], np.int64)

    def _before(self, row: int) -> int:
        stretch, rest = divmod(row, _STRETCH * 8)
        bits = np.unpackbits(self._bits[stretch * _STRETCH : stretch * _STRETCH + rest // 8 + 1])
        return int(self._counts[stretch]) + int(bits[:rest].sum(dtype=np.int64))
