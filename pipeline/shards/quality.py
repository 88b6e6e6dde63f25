"""How well shards are shuffled: how often two samples that are read together bear the same taxon."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int32] | npt.NDArray[np.int64]


def pair_rate(group: Numbers, taxon: Numbers) -> float:
    """Return the rate of same-taxon pairs within groups over that of any pairs: 1 is a perfect shuffle.

    `group` and `taxon` number the group (a shard, a window of it) and the taxon of each sample, from 0. Taxon-ordered
    groups score far above 1. NaN when no group has two samples or no taxon has.

    >>> taxon = np.array([0, 0, 1, 1])
    >>> pair_rate(np.array([0, 0, 1, 1]), taxon), pair_rate(np.array([0, 1, 0, 1]), taxon)
    (3.0, 0.0)
    """
    _, together = np.unique(np.stack([group, taxon]), axis=1, return_counts=True)
    inside = _pairs(np.bincount(group))
    overall = _pairs(np.array([group.size]))
    expected = _pairs(np.bincount(taxon)) / overall if overall else 0.0
    return _pairs(together) / inside / expected if inside and expected else float("nan")


def _pairs(counts: npt.NDArray[np.int64]) -> float:
    return float((counts.astype(np.float64) * (counts - 1) / 2).sum())
