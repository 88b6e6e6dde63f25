"""Lineages as integer arrays: parents, loops, and the seven ranks above every taxon.

A taxonomy is an array `parent` of row numbers, -1 at a root. Everything here works on whole arrays, because published
backbones have millions of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from taxonomy.names.ranks import SEVEN

Rows = npt.NDArray[np.int32]
MAXIMUM_DEPTH = 256
"""Steps after which a walk towards the root is given up; the deepest published trees have about 90."""


def follow(pointer: Rows) -> Rows:
    """Return where every row ends that keeps following its pointer; rows that point to themselves are ends.

    A row that ends nowhere (-1), or that goes round in a loop, gets -1.

    >>> follow(np.array([0, 0, 1, 4, 3, -1], dtype=np.int32)).tolist()
    [0, 0, 0, -1, -1, -1]
    """
    ends = pointer.copy()
    for _ in range(max(1, len(pointer)).bit_length() + 1):
        ends = np.where(ends >= 0, ends[ends], ends)
    here = np.arange(len(pointer), dtype=np.int32)
    stays = (pointer == here)[ends] & (ends >= 0)
    return np.where(stays, ends, -1).astype(np.int32)


def break_loops(parent: Rows) -> tuple[Rows, list[int]]:
    """Return the parents with every loop cut at its smallest row, and the rows that were cut.

    >>> parents, cut = break_loops(np.array([-1, 2, 3, 1, 1], dtype=np.int32))
    >>> parents.tolist(), cut
    ([-1, -1, 3, 1, 1], [1])
    """
    ends = parent.copy()
    for _ in range(max(1, len(parent)).bit_length() + 1):
        ends = np.where(ends >= 0, ends[ends], ends)
    # After more steps than there are rows, whoever has not reached a root stands on a loop.
    on_loop = sorted(set(ends[ends >= 0].tolist()))
    fixed, cut, done = parent.copy(), [], set[int]()
    for start in on_loop:
        if start in done:
            continue
        ring, row = [start], int(parent[start])
        while row != start:
            ring.append(row)
            row = int(parent[row])
        done.update(ring)
        cut.append(min(ring))
        fixed[min(ring)] = -1
    return fixed, sorted(cut)


def seven_ranks(parent: Rows, slot: npt.NDArray[np.int8], level: npt.NDArray[np.int16]) -> Rows:
    """Return, for every row, the rows of its kingdom to species (-1: none): itself or the nearest ancestor of the rank.

    `slot` is the place of a row's rank in SEVEN (-1: another rank), `level` its `rank_level`. An ancestor counts only
    when it stands above what was met before, so that a class below an order (a known flaw of sources) names no order.

    >>> parent = np.array([-1, 0, 1], dtype=np.int32)
    >>> seven_ranks(parent, np.array([0, 4, 5], dtype=np.int8), np.array([10, 50, 60], dtype=np.int16))[2].tolist()
    [0, -1, -1, -1, 1, 2, -1]
    """
    count = len(parent)
    ranks = np.full((count, len(SEVEN)), -1, dtype=np.int32)
    rows = np.arange(count, dtype=np.int32)
    at = rows.copy()
    # The next slot must be smaller than this; an own rank between two of the seven bounds it from the start.
    bound = np.where(level > 0, (level - 1) // 10 + 1, len(SEVEN) + 1).astype(np.int16)
    bound = np.minimum(bound, len(SEVEN))
    for _ in range(MAXIMUM_DEPTH):
        found = slot[at].astype(np.int16)
        fits = (found >= 0) & (found < bound[rows])
        ranks[rows[fits], found[fits]] = at[fits]
        bound[rows[fits]] = found[fits]
        up = parent[at]
        alive = up >= 0
        rows, at = rows[alive], up[alive]
        if len(rows) == 0:
            break
    return ranks


def path_to_root(parent: npt.NDArray[Any], row: int) -> list[int]:
    """Return the row and its ancestors, the root last.

    >>> path_to_root(np.array([-1, 0, 1]), 2)
    [2, 1, 0]
    """
    path: list[int] = []
    while row >= 0 and len(path) < MAXIMUM_DEPTH:
        path.append(row)
        row = int(parent[row])
    return path


def lowest_common(parent: npt.NDArray[Any], rows: list[int]) -> int:
    """Return the deepest row that is each of the rows or an ancestor of it; -1 when there is none.

    >>> parent = np.array([-1, 0, 0, 1])
    >>> lowest_common(parent, [3, 2]), lowest_common(parent, [3, 1])
    (0, 1)
    """
    if not rows or min(rows) < 0:
        return -1
    first, *others = [path_to_root(parent, row) for row in rows]
    shared = set(first).intersection(*others)
    return next((row for row in first if row in shared), -1)
