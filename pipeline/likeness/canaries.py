"""Canaries: copies of held-out images planted among the kept ones, every one of which a leak search must find.

They follow from the items' names alone, so that a certificate says the same each time it is made.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from dedup import HeldOut, ImageHashes, hash_image
from pipeline.model.ids import hash64

HASHES = 100
"""Most hashes planted per benchmark and hash."""
IMAGES = 24
"""Most images planted per benchmark."""


def planted_hashes(held_out: HeldOut, distance: int, most: int = HASHES) -> npt.NDArray[np.uint8]:
    """Return copies of held-out hashes, each turned some way and with 0 to `distance` bits flipped: uint8[k, bytes].

    >>> from dedup import HASH_LIST_SCHEMA
    >>> import pyarrow as pa
    >>> rows = [{"item": "a", "pdq": "0f" * 32, "quality": 90}]
    >>> held = HeldOut.from_table(pa.Table.from_pylist(rows, HASH_LIST_SCHEMA))
    >>> planted = planted_hashes(held, 30, most=3)
    >>> [int(np.bitwise_count(row ^ held.pdq[0]).sum()) for row in planted]
    [0, 15, 30]
    """
    if not len(held_out.pdq) or most < 1:
        return held_out.pdq[:0]
    bits = held_out.pdq.shape[1] * 8
    names = [
        f"{held_out.benchmark[o]}/{held_out.item[o]}/{v}" for o, v in zip(held_out.owner, held_out.variant, strict=True)
    ]
    order = sorted(range(len(names)), key=lambda row: (hash64(0, f"canary:{names[row]}"), names[row]))
    planted = []
    for number in range(most):
        row = order[number % len(order)]
        flips = distance * number // max(1, most - 1)
        ranked = sorted(range(bits), key=lambda bit: hash64(number, f"{names[row]}:{bit}"))
        mask = np.zeros(bits, np.uint8)
        mask[ranked[:flips]] = 1
        planted.append(held_out.pdq[row] ^ np.packbits(mask))
    return np.stack(planted)


def planted_images(
    thumbnails: Mapping[str, bytes], minimum_quality: int, most: int = IMAGES
) -> list[tuple[str, bytes]]:
    """Return the PDQ of re-encoded, reduced, brightened, mirrored and turned copies of held-out images.

    `thumbnails`: 64 x 64 luma by item, which the run keeps, so that no image is needed. Gives (what was done, hash) of
    at most `most` items; copies whose hash carries too little information are left out.

    >>> grain = np.random.default_rng(1).integers(0, 256, (8, 8), dtype=np.uint8)
    >>> thumbnail = Image.fromarray(grain).resize((64, 64), Image.Resampling.BICUBIC).tobytes()
    >>> [(done, len(pdq)) for done, pdq in planted_images({"a.jpg": thumbnail}, 50)]
    [('a.jpg, re-encoded at quality 50', 32)]
    """
    copies = changed_copies(thumbnails, _changed, minimum_quality, most)
    return [(name, hashes.pdq) for name, hashes in copies]


def changed_copies(
    thumbnails: Mapping[str, bytes],
    changed: Callable[[Image.Image, int], tuple[str, bytes]],
    minimum_quality: int,
    most: int = IMAGES,
) -> Iterator[tuple[str, ImageHashes]]:
    """Yield name and hashes of changed copies of held-out images, made from their thumbnails of 64 x 64 grey levels.

    `changed`: gives what was done to the image of 256 x 256 of that number, and the copy as an encoded image. Copies
    whose hash tells too little are left out.
    """
    order = sorted(thumbnails, key=lambda item: (hash64(0, f"canary:{item}"), item))
    for number, item in enumerate(order[:most]):
        small = Image.frombytes("L", (64, 64), thumbnails[item])
        name, copy = changed(small.resize((256, 256), Image.Resampling.BICUBIC), number)
        hashes = hash_image(Image.open(io.BytesIO(copy)))
        if hashes.quality >= minimum_quality:
            yield f"{item}, {name}", hashes


def audited(
    kept: int, everything: int, columns: int, name_of: Callable[[int], str], audit: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Return which rows, and how many of the held-out hashes, brute force compares: all, or as many as `audit` pairs.

    The canaries, which stand behind the first `kept` rows, are always compared; kept rows that are left out follow from
    their names.

    >>> rows, held_out = audited(4, 5, 3, str, 1_000)
    >>> rows.tolist(), held_out
    ([0, 1, 2, 3, 4], 3)
    """
    canaries = everything - kept
    some = min(columns, max(1, audit // max(1, canaries)))
    most = max(0, audit // max(1, some) - canaries)
    rows = list(range(kept))
    if most < kept:
        rows = sorted(sorted(rows, key=lambda row: hash64(0, f"audit:{name_of(row)}"))[:most])
    return np.array([*rows, *range(kept, everything)], np.int64), some


def _changed(image: Image.Image, number: int) -> tuple[str, bytes]:
    """Return one of six changed copies as JPEG."""
    changes: tuple[tuple[str, Image.Image, int], ...] = (
        ("re-encoded at quality 50", image, 50),
        ("half the size", image.resize((128, 128), Image.Resampling.BICUBIC), 85),
        ("brightened by a tenth", image.point([min(255, value * 11 // 10) for value in range(256)]), 85),
        ("mirrored", image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 85),
        ("turned by 90 degrees", image.transpose(Image.Transpose.ROTATE_90), 85),
        ("turned by 180 degrees and reduced", image.transpose(Image.Transpose.ROTATE_180).resize((96, 96)), 70),
    )
    name, copy, quality = changes[number % len(changes)]
    encoded = io.BytesIO()
    copy.save(encoded, "JPEG", quality=quality)
    return name, encoded.getvalue()
