"""Pictures to compare: records of equal pixels are one node, and nodes are numbered by preference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.likeness.verification import Int


def picture_nodes(pixels: Sequence[str], usable: npt.NDArray[np.bool_]) -> tuple[Int, Int, int]:
    """Return every record's node, the first record of each node, and how many nodes have a usable hash.

    `pixels`: what tells one picture from another, the digest of its pixels. `usable`: whether the record's hash carries
    information; such nodes come first. Within both parts nodes are in the order of their first records. Records of
    equal hashes and other pixels are nodes of their own: whether they are one picture is for verification to say.

    >>> node, first, count = picture_nodes(["a", "flat", "b", "a"], np.array([True, False, True, True]))
    >>> node.tolist(), first.tolist(), count
    ([0, 2, 1, 0], [0, 2, 1], 2)
    """
    found: dict[tuple[bool, str], int] = {}
    useless = (~usable).tolist()
    for index, key in enumerate(zip(useless, pixels, strict=True)):
        found.setdefault(key, index)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], item[1]))
    place = {key: number for number, (key, _) in enumerate(ordered)}
    node = np.array([place[key] for key in zip(useless, pixels, strict=True)], np.int64)
    first = np.array([index for _, index in ordered], np.int64)
    return node, first, sum(not key[0] for key in place)
