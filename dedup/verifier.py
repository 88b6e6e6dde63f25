"""Verification as a rule for many pairs: most of a camera's are refused by their cells, the rest are fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup.blocks import Blocks
from dedup.pairs import Pairs
from dedup.refusal import cell_means, surely_above
from dedup.verify import RESIDUAL_LIMIT, verify_pairs

_PAIRS = 4096
"""Pairs whose thumbnails are read at a time, 32 MB at most."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """The rule by which a candidate pair is one picture, for `thin`: thumbnails within a residual of each other.

    `blocks`: uint8[n, 64, 64]. `degenerate`: bool[n], images that no perceptual match may merge; none: all may.

    >>> rule = Verifier(np.zeros((2, 64, 64), np.uint8), degenerate=np.array([False, True]))
    >>> rule(np.array([0]), np.array([1]), np.array([0], np.int16)).tolist()
    [False]
    """

    blocks: Blocks
    limit: float = RESIDUAL_LIMIT
    degenerate: npt.NDArray[np.bool_] | None = None

    def __call__(
        self, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], distance: npt.NDArray[np.int16]
    ) -> npt.NDArray[np.bool_]:
        """Return which pairs are one picture: bool[k]."""
        answer = np.zeros(len(left), np.bool_)
        for start in range(0, len(left), _PAIRS):
            one, other = left[start : start + _PAIRS], right[start : start + _PAIRS]
            places, where = np.unique(np.concatenate([one, other]), return_inverse=True)
            cells = cell_means(self.blocks[places])
            asked = np.flatnonzero(~surely_above(self.limit, cells, cells, *np.split(where.reshape(-1), 2)))
            if self.degenerate is not None:
                asked = asked[~(self.degenerate[one[asked]] | self.degenerate[other[asked]])]
            near = Pairs(one[asked], other[asked], distance[start + asked])
            answer[start + asked] = verify_pairs(near, self.blocks, self.limit).confirmed
        return answer
