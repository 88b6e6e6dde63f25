"""The pHash of an image in all eight ways of turning and mirroring it."""

from __future__ import annotations

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

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


def phash_dihedral(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Give the pHash of the image turned and mirrored in all 8 ways, in the order of DIHEDRAL: uint8[8, 8].

    The pHash keeps the mean of the image as its first bit, so that turning does not merely swap and negate its other
    bits as it does for PDQ; each variant is hashed anew, which only held-out images need.

    >>> variants = phash_dihedral(Image.radial_gradient("L").crop((0, 0, 200, 150)))
    >>> variants.shape, len({row.tobytes() for row in variants})
    ((8, 8), 8)
    """
    luma = image.convert("L")
    return np.stack(
        [np.packbits(imagehash.phash(luma if turn is None else luma.transpose(turn)).hash) for turn in _TURNS]
    )
