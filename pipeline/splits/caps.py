"""Which groups of a split that has a cap per taxon go back to the first split: those of which nothing is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of which taxon each group has: one entry a group and taxon, sorted by group: int64[k] each."""

    group: Numbers
    taxon: Numbers
    rows: Numbers


def beyond_cap(
    counts: Counts, here: npt.NDArray[np.bool_], bound: npt.NDArray[np.bool_], order: npt.NDArray[np.uint64], cap: int
) -> Numbers:
    """Return the groups of a split that it does not need, in order of their numbers: int64[k].

    `here`: bool[groups], the groups of the split. `bound`: bool[groups], those that can lie in no other. `order`: a
    seeded hash of each group. A group goes where each of its taxa has `cap` rows without it, so that every taxon keeps
    the smaller of `cap` and what it had. Those of several taxa are looked at first, then the others, in their order.

    >>> two = Counts(np.arange(3), np.zeros(3, int), np.array([2, 2, 2]))
    >>> beyond_cap(two, np.ones(3, bool), np.zeros(3, bool), np.array([5, 1, 3], np.uint64), 3).tolist()
    [0]
    """
    inside = here[counts.group]
    group, taxon, rows = counts.group[inside], counts.taxon[inside], counts.rows[inside]
    held = np.zeros(int(taxon.max(initial=-1)) + 1, np.int64)
    stays = bound[group]
    np.add.at(held, taxon[stays], rows[stays])
    group, taxon, rows = group[~stays], taxon[~stays], rows[~stays]
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    lengths = np.diff(np.append(begins, len(group)))
    several = begins[lengths > 1]
    away: list[int] = []
    sizes = dict(zip(begins.tolist(), lengths.tolist(), strict=True))
    for begin in several[np.argsort(order[group[several]], kind="stable")].tolist():
        of_group = slice(begin, begin + sizes[begin])
        if (held[taxon[of_group]] >= cap).all():
            away.append(int(group[begin]))
        else:
            held[taxon[of_group]] += rows[of_group]
    single = begins[lengths == 1]
    single = single[np.lexsort((order[group[single]], taxon[single]))]
    before = _before(taxon[single], rows[single])
    beyond = single[before + held[taxon[single]] >= cap]
    return np.sort(np.concatenate([np.array(away, np.int64), group[beyond]]))


def _before(taxon: Numbers, rows: Numbers) -> Numbers:
    """Return the rows that stand before each entry of its own taxon; `taxon` is sorted.

    >>> _before(np.array([0, 0, 1]), np.array([4, 2, 3])).tolist()
    [0, 4, 0]
    """
    summed = np.cumsum(rows) - rows
    begins = np.flatnonzero(np.diff(taxon, prepend=-1))
    return np.asarray(summed - np.repeat(summed[begins], np.diff(np.append(begins, len(taxon)))))
