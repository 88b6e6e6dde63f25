"""Deal groups along time: the earliest of each stratum to the first split, the latest to the last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
UNDATED = -1


def chronological(
    stratum: Numbers, date: Numbers, rows: Numbers, shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.int8]:
    """Return the split of every group: int8[groups].

    `stratum`: int64[groups]. `date`: int64[groups], growing with time, UNDATED where it is not known: such groups are
    in the first split. `rows`: int64[groups]. Groups of one stratum and date stay together, in the split in which the
    middle of their rows lies, and the first of each stratum in the first split; so no date of a stratum is in a later
    split than a later date.

    >>> chronological(np.zeros(4, int), np.array([3, 1, 2, -1]), np.ones(4, int), np.array([0.7, 0.3])).tolist()
    [1, 0, 0, 0]
    """
    splits = np.zeros(len(stratum), np.int8)
    dated = np.flatnonzero(date != UNDATED)
    if not len(dated):
        return splits
    order = dated[np.lexsort((date[dated], stratum[dated]))]
    stratum_begins = np.flatnonzero(np.diff(stratum[order], prepend=stratum[order[0]] - 1))
    block_begins = np.flatnonzero(
        (np.diff(stratum[order], prepend=stratum[order[0]] - 1) != 0)
        | (np.diff(date[order], prepend=date[order[0]] - 1) != 0)
    )
    block_rows = np.add.reduceat(rows[order], block_begins)
    of_stratum = np.searchsorted(stratum_begins, block_begins, side="right") - 1
    totals = np.bincount(of_stratum, block_rows)
    before = np.cumsum(block_rows) - block_rows
    starts = before[np.searchsorted(of_stratum, np.arange(len(stratum_begins)))]
    middle = (before - starts[of_stratum] + block_rows / 2) / totals[of_stratum]
    block_split = np.minimum(np.searchsorted(np.cumsum(shares) - 1e-12, middle, side="right"), len(shares) - 1)
    block_split[np.searchsorted(of_stratum, np.arange(len(stratum_begins)))] = 0
    lengths = np.diff(np.append(block_begins, len(order)))
    splits[order] = np.repeat(block_split, lengths).astype(np.int8)
    return splits
