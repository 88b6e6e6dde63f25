"""The one fixed reduction: any raster becomes one luma plane, and that a block of fixed size.

A hash of the whole raster would depend on how many pixels the image happens to have: PDQ as published differs by some
16 bits between a photograph and its half-size copy. From a block of 64 x 64 the two differ by a bit or two.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from dedup.errors import LikenessError

SIDE = 64
_GAP = 4.0
"""Means of whole pixels leave at least this many times SIDE: a quarter of the cost of LANCZOS over the whole plane, and
at most 2 of 256 bits of PDQ moved by it (237 photographs of 720 pixels). A bicubic filter would save a quarter more,
and lower the quality of dark pictures below what counts as information."""
Blocks = npt.NDArray[np.uint8]
"""Luma blocks, one image each: uint8[n, 64, 64]."""


def luma_of(image: Image.Image) -> Image.Image:
    """Return the image as 8-bit luma (ITU-R 601); LikenessError for a mode without one, or for no pixels.

    >>> luma_of(Image.new("RGB", (3, 2), "white")).getpixel((0, 0))
    255
    """
    return _convert(image, "L")


def block_of(luma: Image.Image) -> Blocks:
    """Return the 64 x 64 block of a luma plane under `specs.THUMBNAIL_SPEC`, its aspect squashed: uint8[64, 64].

    >>> block_of(Image.new("L", (300, 200), 7)).shape
    (64, 64)
    """
    return np.asarray(luma.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=_GAP))


def pixel_digest(image: Image.Image) -> str:
    """Return the hex digest of `specs.PIXEL_SPEC`: equal for one picture in two lossless files.

    >>> pixel_digest(Image.new("L", (1, 2))) == pixel_digest(Image.new("RGB", (1, 2)))
    True
    >>> pixel_digest(Image.new("L", (1, 2))) == pixel_digest(Image.new("L", (2, 1)))
    False
    """
    rgb = _convert(image, "RGB")
    digest = hashlib.sha256(f"RGB {rgb.width} {rgb.height}\n".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def check_blocks(blocks: Blocks, side: int = SIDE) -> None:
    """Raise LikenessError unless the array is uint8[n, side, side]."""
    if blocks.dtype != np.uint8 or blocks.ndim != 3 or blocks.shape[1:] != (side, side):
        raise LikenessError(
            f"blocks are {blocks.dtype}{list(blocks.shape)}",
            expected=f"uint8[n, {side}, {side}]",
            remedy="stack the luma blocks of the images, one each",
        )


def _convert(image: Image.Image, mode: str) -> Image.Image:
    """Convert to the mode, refusing what has no pixels or no such conversion."""
    if image.width < 1 or image.height < 1:
        raise LikenessError(
            "an image without pixels has no hash",
            where=f"size {image.width} x {image.height}",
            remedy="end such images before they are hashed",
        )
    try:
        return image if image.mode == mode else image.convert(mode)
    except ValueError as error:
        raise LikenessError(
            f"an image of mode {image.mode!r} cannot be hashed",
            where=str(error),
            expected="a mode that Pillow converts to 'L' and 'RGB'",
            remedy="convert the image to RGB first",
        ) from error
