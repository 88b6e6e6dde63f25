"""Canaries: copies of held-out images planted among the kept ones, every one of which a leak search must find.

They follow from the items' names alone, so that a certificate says the same each time it is made.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from dedup import HeldOut, hash_image
from manifests import BiomillError, ImageRules
from pipeline.ids import hash64
from pipeline.likeness.sets import pictures
from pipeline.media import Processed, stored_raster

HASHES = 100
"""Most hashes planted per benchmark and hash."""
IMAGES = 24
"""Most images planted per benchmark."""
_MAX_PIXELS = 100_000_000


def planted_hashes(held_out: HeldOut, distance: int, most: int = HASHES) -> npt.NDArray[np.uint8]:
    """Give copies of held-out hashes, each turned some way and with 0 to `distance` bits flipped: uint8[k, bytes].

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
    folder: Path, items: Sequence[str], rules: ImageRules, minimum_quality: int, most: int = IMAGES
) -> list[tuple[str, bytes]]:
    """Give the PDQ of re-encoded, halved, greyed, mirrored and turned copies of held-out images: (what was done, hash).

    `items`: names in the folder. Copies whose hash carries too little information, and images that are no longer
    there, are left out: the former end as leak_unknown in a run, the latter are the digest's matter.
    """
    order = sorted(items, key=lambda item: (hash64(0, f"canary:{item}"), item))
    found = []
    for number, item in enumerate(order[:most]):
        try:
            picture = next(iter(pictures([folder / item])))
        except BiomillError:
            continue
        raster = stored_raster(picture.data, ImageRules(side=1024, min_side=1), _MAX_PIXELS)
        if isinstance(raster, Processed):
            continue
        name, copy = _changed(raster, number)
        copied = stored_raster(copy, ImageRules(rules.side, rules.rule, rules.quality, 1), _MAX_PIXELS)
        if isinstance(copied, Processed):
            continue
        hashes = hash_image(copied)
        if hashes.quality >= minimum_quality:
            found.append((f"{item}, {name}", hashes.pdq))
    return found


def _changed(image: Image.Image, number: int) -> tuple[str, bytes]:
    """Give one of six changed copies as JPEG."""
    half = (max(1, image.width // 2), max(1, image.height // 2))
    changes: tuple[tuple[str, Image.Image, int], ...] = (
        ("re-encoded at quality 50", image, 50),
        ("half the size", image.resize(half, Image.Resampling.BICUBIC), 85),
        ("greyed", image.convert("L").convert("RGB"), 85),
        ("mirrored", image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 85),
        ("turned by 90 degrees", image.transpose(Image.Transpose.ROTATE_90), 85),
        ("turned by 180 degrees and half the size", image.transpose(Image.Transpose.ROTATE_180).resize(half), 70),
    )
    name, copy, quality = changes[number % len(changes)]
    encoded = io.BytesIO()
    copy.convert("RGB").save(encoded, "JPEG", quality=quality)
    return name, encoded.getvalue()
