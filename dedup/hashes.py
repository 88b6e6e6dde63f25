"""The hashes of one image: pHash, canonical PDQ with its quality, and a digest of the pixels.

PDQ as published starts from the image at whatever size it came, so that one photograph at two sizes differs by some 16
bits. Here every image first becomes the same 64 x 64 block of luma (HASH_SPEC), after which a copy at another size or
JPEG quality stays within a few bits. The price is that these hashes must not be mixed with PDQ lists made elsewhere.

The DCT runs on integers. Float matrix products round differently from one BLAS to the next, and a coefficient close to
the median would then change its bit with the machine; integer sums have one value everywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from dedup.errors import LikenessError

HASH_SPEC = "pdq-l64/1"
"""Pillow 'L' luma, LANCZOS to 64 x 64, PDQ's 16 x 16 DCT, above the lower median: 256 bits, highest frequency first."""

PDQ_BYTES = 32
PHASH_BYTES = 8
DIHEDRAL = ("identity", "rotate90", "rotate180", "rotate270", "flip_y", "flip_x", "transpose", "transverse")
"""What was done to the image for each variant of `dihedral`: rotations are anticlockwise, flip_y is upside down."""

_SIDE, _LOW = 64, 16
_SCALE = 1 << 21
"""Fixed point of the cosines. Two passes over pixels of at most 255 stay below 2**61, inside int64."""


@dataclass(frozen=True, slots=True)
class ImageHashes:
    """What is kept of an image for likeness.

    `phash`: unsigned 64 bits, equal to `imagehash.phash`; row 0, column 0 of its 8 x 8 matrix is the highest bit.
    `pdq`: 32 bytes under HASH_SPEC; `pdq.hex()` has the digit order of Meta's PDQ tools.
    `quality`: 0 to 100, PDQ's gradient metric; a flat image has 0.
    `pixel_sha256`: hex digest of mode RGB, size and raw RGB bytes; equal for one picture in two lossless files.
    """

    phash: int
    pdq: bytes
    quality: int
    pixel_sha256: str


def hash_image(image: Image.Image) -> ImageHashes:
    """Hash an image that has already been turned upright (EXIF orientation applied).

    Any Pillow mode that converts to 'L' and 'RGB' will do; otherwise, or without pixels: LikenessError.
    Sources: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010); Meta, The TMK+PDQF
    Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm (2019).

    >>> picture = Image.radial_gradient("L").crop((0, 0, 200, 150))
    >>> hashes = hash_image(picture)
    >>> hashes.pdq == hash_image(picture.convert("RGB")).pdq, f"{hashes.phash:016x}" == str(imagehash.phash(picture))
    (True, True)
    >>> hash_image(Image.new("RGB", (40, 30), "grey")).quality
    0
    """
    luma = _convert(image, "L")
    block = _block(luma)
    bits = imagehash.phash(luma).hash
    return ImageHashes(
        phash=int.from_bytes(np.packbits(bits).tobytes(), "big"),
        pdq=_above_median(_low_frequencies(block)[np.newaxis])[0].tobytes(),
        quality=_quality(block),
        pixel_sha256=_pixel_digest(_convert(image, "RGB")),
    )


def dihedral(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Give the PDQ of the image turned and mirrored in all 8 ways, in the order of DIHEDRAL: uint8[8, 32].

    All come from one 64 x 64 block, since turning a block only swaps and negates its DCT coefficients. Row 0 is the PDQ
    of `hash_image`. The turned image itself, hashed anew, differs by the few bits that its resizing rounds otherwise.

    >>> variants = dihedral(Image.radial_gradient("L").crop((0, 0, 200, 150)))
    >>> variants.shape, len({row.tobytes() for row in variants})
    ((8, 32), 8)
    """
    dct = _low_frequencies(_block(_convert(image, "L")))
    # Coefficient (i, j) stands for frequencies (i + 1, j + 1): mirroring an axis negates its odd frequencies.
    odd = np.where(np.arange(_LOW) % 2 == 0, -1, 1)
    down, across = odd[:, np.newaxis], odd[np.newaxis, :]
    turned = dct.T
    variants = np.stack(
        [
            dct,
            turned * down,
            dct * down * across,
            turned * across,
            dct * down,
            dct * across,
            turned,
            turned * down * across,
        ]
    )
    return _above_median(variants)


def _cosines() -> npt.NDArray[np.int64]:
    """Give rows 1 to 16 of the 64-point DCT-II in fixed point, mirrored from one half so that symmetry is exact."""
    frequency, position = np.arange(1, _LOW + 1)[:, np.newaxis], np.arange(_SIDE // 2)[np.newaxis, :]
    half = np.rint(np.cos(np.pi / (2 * _SIDE) * frequency * (2 * position + 1)) * _SCALE).astype(np.int64)
    return np.concatenate([half, half[:, ::-1] * np.where(frequency % 2 == 0, 1, -1)], axis=1)


_DCT = _cosines()


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


def _block(luma: Image.Image) -> npt.NDArray[np.int64]:
    """Give the 64 x 64 block of luma values, 0 to 255."""
    return np.asarray(luma.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=np.int64)


def _low_frequencies(block: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the DCT coefficients of frequencies 1 to 16, int64[16, 16] in a scale of no matter to the median."""
    # No kept coefficient holds the mean; taking it out leaves a flat block with exact zeros instead of rounding dust.
    level = block - int(block.sum()) // block.size
    return _DCT @ level @ _DCT.T


def _above_median(dct: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Pack int64[k, 16, 16] into uint8[k, 32]: a bit is set above the lower median, coefficient (15, 15) first."""
    flat = dct.reshape(len(dct), -1)
    middle = flat.shape[1] // 2 - 1
    median = np.partition(flat, middle, axis=1)[:, middle]
    return np.packbits((flat > median[:, np.newaxis])[:, ::-1], axis=1)


def _quality(block: npt.NDArray[np.int64]) -> int:
    """Give PDQ's quality: the sum of visible steps between neighbouring pixels, scaled and capped at 100."""
    steps = 0
    for axis in (0, 1):
        steps += int((np.abs(np.diff(block, axis=axis)) * 100 // 255).sum())
    return min(100, steps // 90)


def _pixel_digest(rgb: Image.Image) -> str:
    digest = hashlib.sha256(f"RGB {rgb.width} {rgb.height}\n".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()
