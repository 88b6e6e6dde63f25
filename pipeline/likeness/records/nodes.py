"""Pictures to compare: records of equal pixels are one node, and nodes are numbered by preference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.likeness.records.candidates import Rows, row_type


def picture_nodes(pixels: Rows, usable: npt.NDArray[np.bool_]) -> tuple[Rows, Rows, int]:
    """Return every record's node, the first record of each node, and how many nodes have a usable hash.

    `pixels`: of every record, the first one of equal pixels (`candidates.first_equal`). `usable`: whether the record's
    hash carries information; such nodes come first. Within both parts nodes are in the order of their first records.
    Records of equal hashes and other pixels are nodes of their own: whether they are one picture is for verification to
    say.

    >>> node, first, count = picture_nodes(np.array([0, 1, 2, 0]), np.array([True, False, True, True]))
    >>> node.tolist(), first.tolist(), count
    ([0, 2, 1, 0], [0, 2, 1], 2)
    """
    kind = row_type(len(pixels))
    node, firsts, count = np.zeros(len(pixels), kind), [np.empty(0, kind)], 0
    first = np.zeros(len(pixels), kind)
    for part in (usable, ~usable):
        rows = np.flatnonzero(part).astype(kind)
        own = pixels[rows]
        first[own[::-1]] = rows[::-1]
        new = rows[first[own] == rows]
        node[new] = np.arange(count, count + len(new), dtype=kind)
        node[rows] = node[first[own]]
        firsts.append(new)
        count += len(new)
    return node, np.concatenate(firsts), len(firsts[1])
