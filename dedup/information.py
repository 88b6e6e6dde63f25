"""Degenerate images: pictures whose perceptual hash says little, and so may neither merge them nor clear them.

A blank page and another blank page share all visible content and nothing else: their hashes are equal, or are decided
by noise. Such images carry a flag. Flagged images count as duplicates by bytes or pixels only, and a flagged image that
is near no held-out image has not thereby been shown to be none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dedup.blocks import SIDE, Blocks, check_blocks

DEGENERATE = ("", "flat", "blank", "low_information")
"""The flags by code. flat: one tone; blank: one tone but for specks; low_information: too few visible edges."""

MINIMUM_QUALITY = 50
"""PDQ quality below which Meta's tools discard a hash."""

_FLAT_RANGE = 12
_SPECK_LEVELS, _SPECK_CELLS = 12, 41
"""A block is blank when at most 41 of its 4,096 cells (1 %) lie more than 12 grey levels from its median."""


def degeneracy(
    blocks: Blocks, quality: Sequence[int] | npt.NDArray[np.integer], minimum: int = MINIMUM_QUALITY
) -> npt.NDArray[np.uint8]:
    """Return the flag of each 64 x 64 luma block, as places in DEGENERATE: uint8[n]; the first that applies.

    `quality`: PDQ quality of each block. A flat block spans at most 12 of 255 grey levels.

    >>> page = np.full((64, 64), 250, np.uint8)
    >>> speck = page.copy()
    >>> speck[3:6, 3:6] = 0
    >>> [DEGENERATE[code] for code in degeneracy(np.stack([page, speck]), [0, 20])]
    ['flat', 'blank']
    """
    check_blocks(blocks)
    cells = blocks.reshape(len(blocks), SIDE * SIDE)
    codes = np.where(np.asarray(quality) < minimum, 3, 0).astype(np.uint8)
    if not len(cells):
        return codes
    middle = np.partition(cells, cells.shape[1] // 2, axis=1)[:, cells.shape[1] // 2].astype(np.int16)
    away = np.abs(cells - middle[:, np.newaxis]) > _SPECK_LEVELS
    codes[away.sum(axis=1) <= _SPECK_CELLS] = 2
    codes[np.ptp(cells, axis=1) <= _FLAT_RANGE] = 1
    return codes
