"""Pick items one after another so that what they hold is as varied as may be: greedy maximum entropy.

After each pick the entropies of all columns together lie as near as they can to the greatest possible ones, the
logarithms of how many values each column has (Delmas, Wysocka and Freitas, 2024, "Relation extraction in underexplored
biomedical domains", section 3). An item may hold several values of a column. Only the counts that an item touches
change, so that a pick costs one pass over the pairs of items and values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
_DECIMALS = 5
"""To which entropies are rounded before they are compared, so that equals are equal on every machine."""


class Column:
    """The values of one column: which item holds which, and what has been picked.

    `item`, `value`: int64[k], one pair for each value that an item holds; a value that is held twice counts twice.
    """

    def __init__(self, item: Numbers, value: Numbers, items: int) -> None:
        """Begin with nothing picked."""
        known, values = np.unique(value, return_inverse=True)
        self.cardinality = len(known)
        pairs, self.times = np.unique(np.stack([item, values]), axis=1, return_counts=True)
        self.item, self.value = pairs
        self.start = np.searchsorted(self.item, np.arange(items + 1))
        self.added = np.bincount(self.item, self.times, items)
        self.counts = np.zeros(max(self.cardinality, 1), np.int64)
        self.items = items

    def entropies(self) -> npt.NDArray[np.float64]:
        """Return the entropy (natural logarithm) that the picked items have with each item added: float64[items]."""
        now = self.counts[self.value]
        change = _terms(now + self.times) - _terms(now)
        total = self.counts.sum() + self.added
        summed = _terms(self.counts).sum() + np.bincount(self.item, change, self.items)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log(total) - summed / total
        return np.asarray(np.round(np.where(total > 0, found, 0.0), _DECIMALS), np.float64)

    def pick(self, item: int) -> None:
        """Count the values of an item."""
        here = slice(self.start[item], self.start[item + 1])
        self.counts[self.value[here]] += self.times[here]


def pick_diverse(columns: Sequence[Column], picks: int) -> tuple[Numbers, npt.NDArray[np.float64]]:
    """Return the first `picks` items in the order in which they are picked, and each column's entropy at every pick.

    `columns`: at least one, all of the same items; among equals the item of the smallest number is picked. Items:
    int64[p], entropies: float64[p, columns], p the smaller of `picks` and the items.

    >>> two = [Column(np.arange(3), np.array([0, 0, 1]), 3)]
    >>> pick_diverse(two, 2)[0].tolist()
    [0, 2]
    """
    items = columns[0].items
    picks = min(picks, items)
    greatest = np.log([max(column.cardinality, 1) for column in columns])
    order, told = np.empty(picks, np.int64), np.empty((picks, len(columns)))
    taken = np.zeros(items, np.bool_)
    for place in range(picks):
        entropies = np.stack([column.entropies() for column in columns], axis=1)
        distance = np.sqrt(((entropies - greatest) ** 2).sum(axis=1))
        distance[taken] = np.inf
        chosen = int(distance.argmin())
        order[place], told[place] = chosen, entropies[chosen]
        taken[chosen] = True
        for column in columns:
            column.pick(chosen)
    return order, told


def _terms(counts: Numbers) -> npt.NDArray[np.float64]:
    """Return n log n of every count, 0 of none."""
    return np.asarray(counts * np.log(np.maximum(counts, 1)))
