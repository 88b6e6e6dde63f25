"""Choose what only one split holds: whole taxa or individuals, with everything that hangs together with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    if not values:
        return np.empty(0, np.int64)
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


@dataclass(frozen=True, slots=True)
class Claim:
    """A split that holds alone the values of what its list names: one pair for each value that a group holds."""

    split: int
    group: Numbers
    value: Numbers


def hold_alone(split: npt.NDArray[np.int8], claims: Sequence[Claim], splits: int) -> npt.NDArray[np.int8]:
    """Return the split of every group (-1: none yet), so that no value of a claim lies in its split and in another.

    `split`: int8[groups], as lists named them; `splits`: how many there are. Whatever shares a value with what a claim
    names comes along, also where another split's list names it; of two claims the later split has it.

    >>> claim = Claim(1, np.array([0, 1, 2]), np.array([0, 0, 1]))
    >>> hold_alone(np.array([1, -1, -1], np.int8), [claim], 2).tolist()
    [1, 1, -1]
    """
    place = np.arange(splits)
    rank_of = place + splits * np.isin(place, [claim.split for claim in claims])
    rank = np.where(split < 0, NONE, rank_of[split])
    before = np.empty(0, np.int64)
    while not np.array_equal(before, rank):  # ranks only grow, so that it ends
        before = rank.copy()
        for claim in claims:
            known = claim.value != NONE
            group, value = claim.group[known], claim.value[known]
            values = int(value.max(initial=NONE)) + 1
            most = np.full(values, NONE)
            np.maximum.at(most, value, rank[group])
            held = np.zeros(values, np.bool_)
            held[value[rank[group] == rank_of[claim.split]]] = True
            shared = held[value]
            np.maximum.at(rank, group[shared], most[value[shared]])
    return np.where(rank < 0, NONE, rank % splits).astype(np.int8)
