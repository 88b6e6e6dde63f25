"""Interval labels of a forest: whether one taxon holds another is a comparison of two numbers.

A walk through the forest numbers the taxa as it meets them; all that a taxon holds lies between its own number and its
last one (nested sets: Celko, Trees and Hierarchies in SQL). Everything works level by level on whole arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from taxonomy.build.lineage import MAXIMUM_DEPTH, Rows


def intervals(parent: Rows) -> tuple[Rows, Rows]:
    """Return the first and the last number of every row; siblings are met in the order of their rows.

    >>> first, last = intervals(np.array([-1, 0, 0, 1], dtype=np.int32))
    >>> first.tolist(), last.tolist()
    ([0, 1, 3, 2], [3, 2, 3, 2])
    """
    count = len(parent)
    levels = _levels(parent)
    size = np.ones(count, dtype=np.int64)
    for rows in reversed(levels[1:]):
        np.add.at(size, parent[rows], size[rows])
    first = np.zeros(count, dtype=np.int64)
    for depth, rows in enumerate(levels):
        order = rows[np.lexsort((rows, parent[rows]))]
        before = np.cumsum(size[order]) - size[order]
        if depth == 0:
            first[order] = before
            continue
        mother = parent[order]
        new = np.r_[True, mother[1:] != mother[:-1]]
        group = np.cumsum(new) - 1
        first[order] = first[mother] + 1 + before - before[new][group]
    return first.astype(np.int32), (first + size - 1).astype(np.int32)


def _levels(parent: Rows) -> list[npt.NDArray[Any]]:
    depth = np.zeros(len(parent), dtype=np.int16)
    at = parent.copy()
    for _ in range(MAXIMUM_DEPTH):
        alive = at >= 0
        if not alive.any():
            break
        depth[alive] += 1
        at[alive] = parent[at[alive]]
    order = np.argsort(depth, kind="stable")
    return np.split(order, np.cumsum(np.bincount(depth))[:-1]) if len(parent) else []


def lowest_holder(parent: npt.NDArray[Any], first: npt.NDArray[Any], last: npt.NDArray[Any], rows: list[int]) -> int:
    """Return the deepest row that is each of the rows or holds it; -1 when there is none.

    >>> parent = np.array([-1, 0, 0, 1], dtype=np.int32)
    >>> first, last = intervals(parent)
    >>> lowest_holder(parent, first, last, [3, 2]), lowest_holder(parent, first, last, [3, 1])
    (0, 1)
    """
    if not rows or min(rows) < 0:
        return -1
    low, high = min(int(first[row]) for row in rows), max(int(first[row]) for row in rows)
    at = rows[0]
    for _ in range(MAXIMUM_DEPTH):
        if at < 0 or (first[at] <= low and high <= last[at]):
            return int(at)
        at = int(parent[at])
    return -1
