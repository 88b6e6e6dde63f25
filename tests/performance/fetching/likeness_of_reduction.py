"""How much a picture loses when its JPEG is decoded at 1/2, 1/4 or 1/8 and then reduced, instead of reduced whole."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image, ImageOps

from manifests.recipe import ImageRules
from pipeline.media import Processed, stored_raster

_MAX_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class Loss:
    """PSNR in dB of the stored raster against the one reduced from all pixels, over images decoded at 1/`scale`."""

    scale: int
    images: int
    lowest: float
    middle: float


def losses(photographs: Iterable[Path], sides: Iterable[int]) -> Iterator[Loss]:
    """Measure every photograph at every side at which scaled decoding takes place."""
    found: dict[int, list[float]] = {}
    sides = list(sides)
    for path in photographs:
        data = path.read_bytes()
        for side in sides:
            rules = ImageRules(side=side, rule="longest", min_side=1)
            stored = stored_raster(data, rules, _MAX_PIXELS)
            if isinstance(stored, Processed):
                break  # no picture, or a broken one
            with Image.open(path) as image:
                bound = max(image.size)
                if image.format != "JPEG" or image.mode != "RGB" or bound < 4 * side or image.info.get("icc_profile"):
                    continue
            whole = stored_raster(_lossless(path), rules, _MAX_PIXELS)
            assert not isinstance(whole, Processed)
            scale = min(8, 1 << int(math.log2(bound / side / 2)))
            found.setdefault(scale, []).append(psnr(np.asarray(stored), np.asarray(whole)))
    for scale in sorted(found):
        yield Loss(scale, len(found[scale]), min(found[scale]), median(found[scale]))


def _lossless(path: Path) -> bytes:
    """Return the photograph as a BMP, which is always decoded whole; its orientation is applied, as BMP has none."""
    out = io.BytesIO()
    with Image.open(path) as image:
        ImageOps.exif_transpose(image).save(out, "BMP")
    return out.getvalue()


def psnr(
    one: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], two: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> float:
    """Return the peak signal-to-noise ratio of two rasters of one shape in dB; 99 for equal ones."""
    error = float(np.mean((one.astype(np.float64) - two) ** 2))
    return 99.0 if error == 0 else 10 * math.log10(255**2 / error)
