"""Thin a crowd of near hashes without listing its pairs.

A camera that looks at one spot for a year gives k images of which all k**2 / 2 pairs are near; a list of them may not
fit into memory although one image may stand for all. The dominating set can be had without the list: the items are
taken in order of priority, a block at a time. A block first meets the items kept so far, which are few where the crowd
is dense; only what is still standing meets its own kind. Blocks double, so their number grows with the logarithm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dedup.clusters import Dominated, check_order, dominating_set
from dedup.hamming import cross_pairs_within, pairs_within
from dedup.pairs import Hashes, check_hashes

_FIRST_BLOCK = 1 << 13


def thin(hashes: Hashes, distance: int, order: npt.NDArray[np.int64], first_block: int = _FIRST_BLOCK) -> Dominated:
    """Give the dominating set of all pairs within the distance, the same one as from their list.

    `hashes`: uint8[n, 32] or uint8[n, 8]. `order`: int64[n], all items, best first. `first_block`: items in the first
    two blocks; changes memory and time, never the answer. `edge` of the answer is -1 throughout, there being no list.
    LikenessError: other shapes, a distance of half the bits or more, an order that is no permutation.

    >>> crowd = np.packbits(np.tri(6, 64, k=0, dtype=np.uint8), axis=1)  # row i has i + 1 ones
    >>> thin(crowd, 2, np.arange(6)).representative.tolist()
    [0, 0, 0, 3, 3, 3]
    """
    check_hashes(hashes)
    n = len(hashes)
    check_order(n, order)
    representative = np.arange(n, dtype=np.int64)
    between = np.zeros(n, np.int16)
    fallen = np.zeros(n, np.bool_)
    kept = np.empty(0, np.int64)
    start, size = 0, max(1, first_block)
    while start < n:
        block = order[start : start + size]
        # `kept` is in order of priority, so the smallest right end is the best kept neighbour.
        near = cross_pairs_within(hashes[block], hashes[kept], distance)
        loser, at = np.unique(near.left, return_index=True)
        fallen[block[loser]] = True
        representative[block[loser]] = kept[near.right[at]]
        between[block[loser]] = near.distance[at]

        standing = block[~fallen[block]]
        pairs = pairs_within(hashes[standing], distance)
        own = dominating_set(len(standing), pairs.left, pairs.right, np.arange(len(standing)), pairs.distance)
        representative[standing] = standing[own.representative]
        between[standing] = own.distance
        fallen[standing[~own.kept]] = True
        kept = np.concatenate([kept, standing[own.kept]])
        start += size
        size = max(size, start)
    return Dominated(~fallen, representative, np.full(n, -1, np.int64), between)
