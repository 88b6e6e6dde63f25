"""pHash of many luma blocks at a time, bit for bit what `imagehash.phash` gives for the block as an image.

The block is the one that PDQ starts from, so one reduction of the raster serves both; against `imagehash.phash` of the
raster itself, one photograph in twenty differs, by 2 bits.

imagehash transforms the whole 32 x 32 luma and keeps 8 x 8 coefficients; two small matrix products give the same 64
values up to rounding. Where the two values around the median lie so close that rounding could decide a bit, the image
is handed to imagehash itself, so the answer is its own in every case.

Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010); the ImageHash library.
"""

from __future__ import annotations

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from dedup.blocks import Blocks, check_blocks
from dedup.pairs import Hashes
from dedup.pdq import DIHEDRAL
from dedup.verify import turned

PHASH_BYTES = 8
PHASH_SIDE = 32
_LOW = 8
_CLOSE = 1e-4
"""Gap around the median that is left to imagehash. Values reach 10**6, so their rounding stays below 10**-8."""


def phash_hashes(blocks: Blocks) -> Hashes:
    """Return the pHash of each block, uint8[n, 8] from uint8[n, 64, 64]: imagehash's first bit is the highest.

    >>> import imagehash
    >>> block = np.asarray(Image.radial_gradient("L").resize((64, 64)))
    >>> phash_hashes(block[np.newaxis])[0].tobytes().hex() == str(imagehash.phash(Image.fromarray(block)))
    True
    """
    check_blocks(blocks)
    if not len(blocks):
        return np.empty((0, PHASH_BYTES), np.uint8)
    small = np.stack([_reduced(block) for block in blocks])
    low = (_DCT @ small.astype(np.float64) @ _DCT.T).reshape(len(blocks), _LOW * _LOW)
    middle = low.shape[1] // 2
    near = np.partition(low, (middle - 1, middle), axis=1)[:, middle - 1 : middle + 1]
    bits = low > near.mean(axis=1)[:, np.newaxis]
    for row in np.flatnonzero(near[:, 1] - near[:, 0] < _CLOSE).tolist():
        bits[row] = imagehash.phash(Image.fromarray(blocks[row])).hash.ravel()
    return np.packbits(bits, axis=1)


def phash_variants(blocks: Blocks) -> npt.NDArray[np.uint8]:
    """Return the pHash of each block turned and mirrored in all 8 ways, in the order of DIHEDRAL: uint8[n, 8, 8].

    The pHash keeps the mean of the image as its first bit, so that turning does not merely swap and negate its other
    bits as it does for PDQ; each variant is transformed anew, which only held-out images need.

    >>> block = np.asarray(Image.radial_gradient("L").crop((0, 0, 200, 150)).resize((64, 64)))
    >>> variants = phash_variants(block[np.newaxis])
    >>> variants.shape, len({row.tobytes() for row in variants[0]})
    ((1, 8, 8), 8)
    """
    places = [np.full(len(blocks), place) for place in range(len(DIHEDRAL))]
    return np.stack([phash_hashes(turned(blocks, place)) for place in places], axis=1)


def _reduced(block: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    small = Image.fromarray(block).resize((PHASH_SIDE, PHASH_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(small)


def _cosines() -> npt.NDArray[np.float64]:
    """Return rows 0 to 7 of the 32-point DCT-II in SciPy's scale."""
    frequency, position = np.arange(_LOW)[:, np.newaxis], np.arange(PHASH_SIDE)[np.newaxis, :]
    rows: npt.NDArray[np.float64] = 2 * np.cos(np.pi / (2 * PHASH_SIDE) * frequency * (2 * position + 1))
    return rows


_DCT = _cosines()
