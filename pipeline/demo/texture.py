"""Seeded noise fields: the only source of variety in a drawing, and the same on every platform.

The numbers come from SHAKE-128 over a key (a counter-based hash: any field can be made by itself, in any order) and
are spread over the picture by Pillow's fixed-point resampling, so that no floating-point library can change a byte.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[np.int16]

OCTAVES = ((3, 30), (6, 44), (11, 52), (19, 40))
"""(cells along the longer side, amplitude): structure at the scales that a perceptual hash looks at."""


def noise_field(key: str, size: tuple[int, int], octaves: tuple[tuple[int, int], ...] = OCTAVES) -> Field:
    """Return a smooth random field of int16, shape (height, width), roughly within plus or minus the sum of amplitudes.

    `size` is (width, height) in pixels; every octave is a coarse grid of hash bytes, enlarged bicubically.

    >>> field = noise_field("a", (32, 20))
    >>> field.shape, [bool((field == noise_field(key, (32, 20))).all()) for key in "ab"]
    ((20, 32), [True, False])
    """
    width, height = size
    longer = max(width, height)
    total: Field = np.zeros((height, width), dtype=np.int16)
    for cells, amplitude in octaves:
        across, down = max(2, -(-cells * width // longer)), max(2, -(-cells * height // longer))
        data = hashlib.shake_128(f"{key}|{cells}".encode()).digest(across * down)
        grid = Image.frombytes("L", (across, down), data).resize(size, Image.Resampling.BICUBIC)
        # int16 holds 127 * 255, so that the weighting needs no wider type.
        total += ((np.asarray(grid, dtype=np.int16) - 128) * np.int16(amplitude)) // np.int16(128)
    return total


def tinted(colour: tuple[int, int, int], field: Field) -> npt.NDArray[np.uint8]:
    """Return an RGB raster (height, width, 3) of one colour, made lighter and darker by a field.

    >>> tinted((10, 200, 250), np.array([[0, 20]], dtype=np.int16)).tolist()
    [[[10, 200, 250], [30, 220, 255]]]
    """
    lit = np.asarray(colour, dtype=np.int16)[None, None, :] + field[:, :, None]
    raster: npt.NDArray[np.uint8] = np.clip(lit, 0, 255).astype(np.uint8)
    return raster
