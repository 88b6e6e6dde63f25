"""Choose what only one split holds: whole taxa or individuals, with everything that hangs together with them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dedup import components

Numbers = npt.NDArray[np.int64]
NONE = -1


def choose_unseen(
    group: Numbers,
    value: Numbers,
    sizes: Numbers,
    open_groups: npt.NDArray[np.bool_],
    order: npt.NDArray[np.uint64],
    wanted: float,
) -> Numbers:
    """Return the groups that a split holds alone, in order of their numbers: int64[k].

    `group`, `value`: int64[n], one pair for each value that a group holds; NONE: a record without one, whose group is
    not chosen. `sizes`: rows of each group. `open_groups`: bool[groups], those that are free. `order`: uint64[values],
    a seeded hash of each value. `wanted`: rows. Values that share a group are chosen together or not at all. They are
    tried in their order, and taken where that brings the number of rows nearer to what is wanted.

    >>> free, order = np.ones(3, bool), np.array([1, 0], np.uint64)
    >>> choose_unseen(np.arange(3), np.array([0, 0, 1]), np.array([2, 2, 9]), free, order, 4.0).tolist()
    [0, 1]
    """
    values = len(order)
    known = value != NONE
    first = np.full(len(sizes), NONE)
    first[group[known][::-1]] = value[known][::-1]
    unit_of_value = components(values, first[group[known]].astype(np.int64), value[known])
    unit = np.where(first == NONE, NONE, unit_of_value[first])
    tainted = np.zeros(values, np.bool_)
    tainted[unit_of_value[value[known & ~open_groups[group]]]] = True
    nameless = np.zeros(len(sizes), np.bool_)
    nameless[group[~known]] = True
    tainted[unit[nameless & (unit != NONE)]] = True
    rows = np.bincount(unit[unit != NONE], sizes[unit != NONE], values).astype(np.int64)
    first_of_unit = np.full(values, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first_of_unit, unit_of_value, order)
    units = np.flatnonzero((rows > 0) & ~tainted)
    units = units[np.lexsort((units, first_of_unit[units]))]
    chosen = np.zeros(values, np.bool_)
    left = wanted
    for each, size in zip(units.tolist(), rows[units].tolist(), strict=True):
        if abs(left - size) < abs(left):
            chosen[each] = True
            left -= size
    return np.flatnonzero((unit != NONE) & chosen[unit])
