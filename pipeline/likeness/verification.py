"""The one place where a pair of images with near hashes is verified, before one is called a copy of the other.

A hash sees 16 x 16 frequencies; two frames of one camera, with and without an animal, may agree in nearly all of them.
Their thumbnails do not: `dedup.residuals` has the rule. Here it meets thumbnails that are missing, and pairs that come
by the million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dedup import cell_means, residuals, surely_above, thumbnails

Int = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNKNOWN_RESIDUAL = -1.0
"""Residual of a pair of which one thumbnail is not at hand."""
MOST_RESIDUAL = 255.0
"""Largest residual that is written, also where no fit is allowed at all; a limit of it verifies every pair."""
_STEP = 1024
"""Pairs whose thumbnails are in memory at a time, 8 MB."""
_BOUNDED = 4096
"""Pairs of which most are refused by the means of cells: their thumbnails are 32 MB at most, mostly a few."""
_BLANK = bytes(4096)


class Thumbnails(Protocol):
    """Whatever gives the thumbnails of images by their places."""

    def take(self, places: Int) -> Sequence[bytes | None]:
        """Return the thumbnails, 4,096 bytes each, None where there is none."""


@dataclass(frozen=True, slots=True)
class Given:
    """Thumbnails that are in memory already."""

    every: Sequence[bytes | None]

    def take(self, places: Int) -> Sequence[bytes | None]:
        """Return the thumbnails at the places."""
        return [self.every[place] for place in places.tolist()]


def pair_residuals(left: Sequence[bytes | None], right: Sequence[bytes | None]) -> Floats:
    """Return the residuals of pairs of thumbnails, float64[k], at most 255; UNKNOWN_RESIDUAL where one is missing.

    >>> pair_residuals([bytes(4096), None], [bytes(4096), bytes(4096)]).tolist()
    [0.0, -1.0]
    """
    answer = np.full(len(left), UNKNOWN_RESIDUAL)
    pairs = enumerate(zip(left, right, strict=True))
    known = [(i, a, b) for i, (a, b) in pairs if a is not None and b is not None]
    if known:
        apart = residuals(thumbnails([a for _, a, _ in known]), thumbnails([b for _, _, b in known]))
        # Three digits are what a person reads; rounding once, here, makes file and evidence agree.
        answer[[i for i, _, _ in known]] = np.round(np.minimum(apart.astype(np.float64), MOST_RESIDUAL), 3)
    return answer


def residuals_at(shown: Thumbnails, left: Int, right: Int) -> Floats:
    """Return the residuals of pairs of places, as `pair_residuals`; memory is bounded whatever their number.

    >>> residuals_at(Given([bytes(4096), bytes(4096)]), np.array([0]), np.array([1])).tolist()
    [0.0]
    """
    parts = []
    for start in range(0, len(left), _STEP):
        one, other = left[start : start + _STEP], right[start : start + _STEP]
        places, where = np.unique(np.concatenate([one, other]), return_inverse=True)
        found = shown.take(places)
        ends = [found[i] for i in where.reshape(-1).tolist()]
        parts.append(pair_residuals(ends[: len(one)], ends[len(one) :]))
    return np.concatenate(parts) if parts else np.empty(0)


def alike_at(shown: Thumbnails, left: Int, right: Int, limit: float) -> npt.NDArray[np.bool_]:
    """Return which pairs of places are verified: bool[k], as `verified` says of `residuals_at`.

    Most pairs of a camera's frames are refused by the means of their cells, a tenth of the work (`dedup.surely_above`).

    >>> alike_at(Given([bytes(4096), bytes(4096)]), np.array([0]), np.array([1]), 6.0).tolist()
    [True]
    """
    answer = np.ones(len(left), np.bool_)
    for start in range(0, len(left), _BOUNDED):
        one, other = left[start : start + _BOUNDED], right[start : start + _BOUNDED]
        places, where = np.unique(np.concatenate([one, other]), return_inverse=True)
        found = Given(shown.take(places))
        one, other = np.split(where.reshape(-1), 2)
        known = np.array([each is not None for each in found.every])
        cells = cell_means(thumbnails([each or _BLANK for each in found.every]))
        asked = np.flatnonzero(known[one] & known[other])
        above = surely_above(limit, cells, cells, one[asked], other[asked])
        answer[start + asked[above]] = False
        asked = asked[~above]
        answer[start + asked] = verified(residuals_at(found, one[asked], other[asked]), limit)
    return answer


def verified(residual: Floats, largest: float, unknown: bool = True) -> npt.NDArray[np.bool_]:
    """Return which pairs are verified: bool[k]. `unknown`: what is said of pairs without a residual.

    >>> verified(np.array([1.0, 9.0, UNKNOWN_RESIDUAL]), 6.0).tolist()
    [True, False, True]
    """
    known = residual != UNKNOWN_RESIDUAL
    answer: npt.NDArray[np.bool_] = np.where(known, residual <= largest, unknown)
    return answer
