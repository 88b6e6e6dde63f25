"""Bytes to hashes and a stored JPEG, alone: what each resampler costs beside Pillow's own steps, and how near it is.

The same JPEGs go every way in turn, image by image; CPU milliseconds per image, means of the best of some rounds. PSNR
is of the raster before the last JPEG, against a full decode reduced by Pillow's LANCZOS.
"""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean, median

import numpy as np
from PIL import Image, ImageOps

from manifests.checks import CYKOOZ, RESAMPLERS
from manifests.recipe import ImageRules
from pipeline.media import Processed, process, stored_raster
from tests.performance.fetching.likeness_of_reduction import psnr

_MAX_PIXELS = 200_000_000


def resamplers() -> tuple[str, ...]:
    """Return the resamplers that are installed here."""
    return RESAMPLERS if importlib.util.find_spec("cykooz_resizer") else tuple(n for n in RESAMPLERS if n != CYKOOZ)


def pixel_lines(files: Sequence[Path], rule: str, side: int, quality: int, rounds: int = 3) -> Iterator[str]:
    """Yield one line per way."""
    rules = {name: ImageRules(side=side, rule=rule, quality=quality, resampler=name) for name in resamplers()}
    ways: dict[str, Callable[[bytes], object]] = {
        f"biomill, {name}": lambda data, each=each: process(data, [None], each, _MAX_PIXELS)  # type: ignore[misc]
        for name, each in rules.items()
    }
    ways["Pillow HAMMING + encode, no hashes"] = lambda data: _plain(data, rule, side, quality)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, list[float]] = {name: [] for name in rules}
    for file in files:
        data = file.read_bytes()
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(rounds):
            for name, work in ways.items():
                started = time.process_time()
                work(data)
                best[name] = min(best[name], time.process_time() - started)
        for name, least in best.items():
            spent[name].append(least * 1000)
        for name, each in rules.items():
            stored = stored_raster(data, each, _MAX_PIXELS)
            assert not isinstance(stored, Processed)
            with Image.open(io.BytesIO(data)) as image:
                whole = ImageOps.exif_transpose(image).resize(stored.size, Image.Resampling.LANCZOS)
            found[name].append(psnr(np.asarray(stored), np.asarray(whole)))
    for name, took in spent.items():
        near = found.get(name.removeprefix("biomill, "))
        nearness = f"; {median(near):.1f} dB to LANCZOS, lowest {min(near):.1f}" if near else ""
        yield f"{name:36} {mean(took):6.2f} ms CPU per image{nearness}"


def _plain(data: bytes, rule: str, side: int, quality: int) -> None:
    image = Image.open(io.BytesIO(data))
    scale = min(1.0, side / (max if rule == "longest" else min)(image.size))
    small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.HAMMING)
    small.save(io.BytesIO(), "JPEG", quality=quality, subsampling="4:2:0")
