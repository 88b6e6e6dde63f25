"""The hashes of one image: pHash, canonical PDQ and its quality, a digest of the pixels, the thumbnail behind them.

One 64 x 64 block of luma gives everything but the digest. Each hash has a name and a version in `dedup.specs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from dedup.blocks import SIDE, Blocks, block_of, luma_of, pixel_digest
from dedup.information import DEGENERATE, degeneracy
from dedup.pdq import DIHEDRAL as DIHEDRAL
from dedup.pdq import pdq_hashes, pdq_quality, pdq_variants
from dedup.phash import phash_hashes
from dedup.specs import HASH_SPEC as HASH_SPEC


@dataclass(frozen=True, slots=True)
class ImageHashes:
    """What is kept of an image for likeness.

    `phash`: unsigned 64 bits, `imagehash.phash` of the thumbnail; row 0, column 0 of its matrix is the highest bit.
    `pdq`: 32 bytes under HASH_SPEC; `pdq.hex()` has the digit order of Meta's PDQ tools.
    `quality`: 0 to 100, PDQ's gradient metric; a flat image has 0.
    `pixel_sha256`: hex digest of mode RGB, size and raw RGB bytes; equal for one picture in two lossless files.
    `thumbnail`: the 64 x 64 luma block, 4,096 bytes row by row, for verification and for the dihedral variants.
    `degenerate`: '' or why the perceptual hashes say little, one of `information.DEGENERATE`, at its usual threshold.
    """

    phash: int
    pdq: bytes
    quality: int
    pixel_sha256: str
    thumbnail: bytes = b""
    degenerate: str = ""


def hash_image(image: Image.Image) -> ImageHashes:
    """Hash an image that has already been turned upright (EXIF orientation applied).

    Any Pillow mode that converts to 'L' and 'RGB' will do; otherwise, or without pixels: LikenessError.

    >>> import imagehash
    >>> picture = Image.radial_gradient("L").crop((0, 0, 200, 150))
    >>> hashes = hash_image(picture)
    >>> hashes.pdq == hash_image(picture.convert("RGB")).pdq
    True
    >>> f"{hashes.phash:016x}" == str(imagehash.phash(Image.frombytes("L", (64, 64), hashes.thumbnail)))
    True
    >>> blank = hash_image(Image.new("RGB", (40, 30), "grey"))
    >>> blank.quality, blank.degenerate
    (0, 'flat')
    """
    block = block_of(luma_of(image))[np.newaxis]
    quality = pdq_quality(block)
    return ImageHashes(
        phash=int.from_bytes(phash_hashes(block)[0].tobytes(), "big"),
        pdq=pdq_hashes(block)[0].tobytes(),
        quality=int(quality[0]),
        pixel_sha256=pixel_digest(image),
        thumbnail=block.tobytes(),
        degenerate=DEGENERATE[int(degeneracy(block, quality)[0])],
    )


def dihedral(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the PDQ of the image turned and mirrored in all 8 ways, in the order of `pdq.DIHEDRAL`: uint8[8, 32].

    Row 0 is the PDQ of `hash_image`. The turned image itself, hashed anew, differs by the few bits that its resizing
    rounds otherwise. Where the thumbnail is at hand, `pdq_variants` gives the same without the image.

    >>> picture = Image.radial_gradient("L").crop((0, 0, 200, 150))
    >>> variants = dihedral(picture)
    >>> variants.shape, len({row.tobytes() for row in variants})
    ((8, 32), 8)
    >>> bool((pdq_variants(thumbnails([hash_image(picture).thumbnail]))[0] == variants).all())
    True
    """
    variants: npt.NDArray[np.uint8] = pdq_variants(block_of(luma_of(image))[np.newaxis])[0]
    return variants


def thumbnails(packed: list[bytes]) -> Blocks:
    """Return stored thumbnails of 4,096 bytes each as blocks: uint8[n, 64, 64].

    >>> thumbnails([bytes(4096)] * 3).shape
    (3, 64, 64)
    """
    return np.frombuffer(b"".join(packed), np.uint8).reshape(-1, SIDE, SIDE)
