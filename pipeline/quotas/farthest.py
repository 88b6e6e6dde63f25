"""Pick pictures one after another, each the farthest from those picked, by the Hamming distance of their hashes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pick_farthest(hashes: npt.NDArray[np.uint8], picks: int) -> npt.NDArray[np.int64]:
    """Return the first `picks` items in the order in which they are picked: int64[p], p at most the items.

    `hashes`: uint8[n, bytes]. The first item is picked first; then always the one whose nearest picked item is the
    farthest (Gonzalez, 1985), among equals the one of the smallest number. Costs n distances a pick.

    >>> pick_farthest(np.array([[0], [1], [255]], np.uint8), 2).tolist()
    [0, 2]
    """
    picks = min(picks, len(hashes))
    order = np.zeros(picks, np.int64)
    nearest = np.full(len(hashes), hashes.shape[1] * 8 + 1, np.int64)
    for place in range(picks):
        chosen = int(nearest.argmax()) if place else 0
        order[place] = chosen
        apart = np.bitwise_count(hashes ^ hashes[chosen]).sum(axis=1, dtype=np.int64)
        nearest = np.minimum(nearest, apart)
        nearest[chosen] = -1
    return order
