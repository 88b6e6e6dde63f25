"""The rows of a selection ordered by taxon, as samplers draw from them: made in parts, mapped by all.

It is a counting sort: each part of the rows is put where the rows of its taxa before it end, so that what is held while
it is made does not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.feed.arrays import ArrayWriter, new_array, open_array
from pipeline.feed.permutation import Permutation, Rows

Numbers = npt.NDArray[np.int32] | npt.NDArray[np.int64]
_PART = 1 << 18


@dataclass(frozen=True, slots=True)
class ByTaxon:
    """Rows ordered by taxon; taxa without rows are left out.

    >>> found = by_taxon(np.array([1, 0, 1, 3]))
    >>> found.rows.tolist(), found.starts.tolist(), found.counts.tolist()
    ([1, 0, 2, 3], [0, 1, 3], [1, 2, 1])
    """

    rows: Numbers
    starts: npt.NDArray[np.int64]
    """Where the rows of each taxon begin in `rows`."""
    counts: npt.NDArray[np.int64]
    """How many they are."""

    def at(self, places: Rows) -> Rows:
        """Return the rows at the places."""
        found: Rows = self.rows[places].astype(np.int64)
        return found


def by_taxon(taxa: Numbers, key: int | None = None) -> ByTaxon:
    """Return the rows ordered by their taxa, numbers from 0; those of a taxon ascend, or are permuted by `key`."""
    rows = np.empty(taxa.size, np.int64)
    counts = _counts(taxa, int(taxa.max()) + 1)
    _fill(rows, taxa, counts, key)
    return _laid_out(rows, counts)


def write_by_taxon(taxa: Numbers, kinds: int, key: int | None, folder: Path) -> Mapping[str, Any]:
    """Write the rows ordered by their taxa, of which there are so many kinds, into a folder."""
    counts = _counts(taxa, kinds)
    # Four bytes number the rows of all but the largest datasets.
    _fill(new_array(folder, "rows", taxa.size, "<i4" if taxa.size < 2**31 else "<i8"), taxa, counts, key)
    with ArrayWriter(folder) as writer:
        writer.append("counts", counts)
    return {}


def read_by_taxon(folder: Path, facts: Mapping[str, Any]) -> ByTaxon:
    """Return what `write_by_taxon` wrote; raise OSError or ValueError when it is not there."""
    return _laid_out(open_array(folder, "rows"), open_array(folder, "counts"))


def _laid_out(rows: Numbers, counts: npt.NDArray[np.int64]) -> ByTaxon:
    counts = counts[counts > 0]
    return ByTaxon(rows, np.cumsum(counts) - counts, counts)


def _counts(taxa: Numbers, kinds: int) -> npt.NDArray[np.int64]:
    counts = np.zeros(kinds, np.int64)
    for start in range(0, taxa.size, _PART):
        counts += np.bincount(taxa[start : start + _PART], minlength=kinds)
    return counts


def _fill(rows: Numbers, taxa: Numbers, counts: npt.NDArray[np.int64], key: int | None) -> None:
    """Fill `rows` with all rows by taxon, rows of a taxon in the order in which they are met."""
    order = None if key is None else Permutation(taxa.size, key)
    ends = np.cumsum(counts) - counts  # of what is placed of each taxon
    for start in range(0, taxa.size, _PART):
        part = np.arange(start, min(taxa.size, start + _PART))
        part = part if order is None else order(part)
        kinds = taxa[part]
        turn = np.argsort(kinds, kind="stable")
        part, kinds = part[turn], kinds[turn]
        fresh = np.flatnonzero(np.diff(kinds, prepend=-1))  # where each taxon's rows begin in the part
        sizes = np.diff(fresh, append=kinds.size)
        within = np.arange(kinds.size) - np.repeat(fresh, sizes)
        rows[ends[kinds] + within] = part
        ends[kinds[fresh]] += sizes
