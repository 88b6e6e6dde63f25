"""pHash of many images at a time, bit for bit that of `imagehash.phash`.

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

from dedup.blocks import check_blocks, luma_of
from dedup.pairs import Hashes

PHASH_BYTES = 8
PHASH_SIDE = 32
_LOW = 8
_CLOSE = 1e-4
"""Gap around the median that is left to imagehash. Values reach 10**6, so their rounding stays below 10**-8."""


def phash_block(luma: Image.Image) -> npt.NDArray[np.uint8]:
    """Give the 32 x 32 block that pHash starts from: uint8[32, 32].

    >>> phash_block(Image.new("L", (300, 200), 7)).shape
    (32, 32)
    """
    return np.asarray(luma.resize((PHASH_SIDE, PHASH_SIDE), Image.Resampling.LANCZOS))


def phash_hashes(blocks: npt.NDArray[np.uint8]) -> Hashes:
    """Give the pHash of each 32 x 32 block, uint8[n, 8]: row 0, column 0 of imagehash's matrix is the highest bit.

    >>> picture = Image.radial_gradient("L")
    >>> phash_hashes(phash_block(picture)[np.newaxis])[0].tobytes().hex() == str(imagehash.phash(picture))
    True
    """
    check_blocks(blocks, PHASH_SIDE)
    low = (_DCT @ blocks.astype(np.float64) @ _DCT.T).reshape(len(blocks), _LOW * _LOW)
    middle = low.shape[1] // 2
    near = np.partition(low, (middle - 1, middle), axis=1)[:, middle - 1 : middle + 1]
    bits = low > near.mean(axis=1)[:, np.newaxis]
    for row in np.flatnonzero(near[:, 1] - near[:, 0] < _CLOSE).tolist():
        bits[row] = imagehash.phash(Image.fromarray(blocks[row])).hash.ravel()
    return np.packbits(bits, axis=1)


def phash_dihedral(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Give the pHash of the image turned and mirrored in all 8 ways, in the order of DIHEDRAL: uint8[8, 8].

    The pHash keeps the mean of the image as its first bit, so that turning does not merely swap and negate its other
    bits as it does for PDQ; each variant is reduced anew, which only held-out images need. LikenessError: as
    `hash_image`.

    >>> variants = phash_dihedral(Image.radial_gradient("L").crop((0, 0, 200, 150)))
    >>> variants.shape, len({row.tobytes() for row in variants})
    ((8, 8), 8)
    """
    luma = luma_of(image)
    return phash_hashes(np.stack([phash_block(luma if turn is None else luma.transpose(turn)) for turn in _TURNS]))


_TURNS = (
    None,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
)


def _cosines() -> npt.NDArray[np.float64]:
    """Give rows 0 to 7 of the 32-point DCT-II in SciPy's scale."""
    frequency, position = np.arange(_LOW)[:, np.newaxis], np.arange(PHASH_SIDE)[np.newaxis, :]
    rows: npt.NDArray[np.float64] = 2 * np.cos(np.pi / (2 * PHASH_SIDE) * frequency * (2 * position + 1))
    return rows


_DCT = _cosines()
