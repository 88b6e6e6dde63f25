"""Procedural JPEGs that weigh and vary like photographs: the same bytes for the same arguments.

Each is a part of one large textured ground with noise of its own, so that a picture costs its encoder and little more.
A quarter are progressive, qualities go from 80 to 95, chroma is 4:2:0 in two of three and 4:4:4 in the others, and half
carry EXIF with an orientation (1, 3, 6 or 8), a camera and a position.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.demo.texture import noise_field

_OCTAVES = ((5, 26), (17, 40), (60, 36), (190, 30), (560, 22), (1500, 14))


def write_corpus(folder: Path, count: int, megapixels: float, seed: int = 1) -> list[Path]:
    """Write `count` JPEGs of about so many megapixels (half to twice, on average as asked), once; give their paths."""
    paths = [folder / f"{number:05d}.jpg" for number in range(count)]
    mark, facts = folder / "corpus.json", {"count": count, "megapixels": megapixels, "seed": seed}
    if mark.is_file() and json.loads(mark.read_text()) == facts:
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    longest = math.ceil(math.sqrt(megapixels * 2e6 * 1.5)) + 8
    ground = np.stack([noise_field(f"{seed}|{band}", (longest, longest), _OCTAVES) for band in range(3)], axis=-1)
    ground[..., 1:] = (ground[..., :1] * 2 + ground[..., 1:]) // 3  # colours of photographs go together
    grain = np.random.default_rng(seed).normal(0, 3, (longest, longest, 1)).astype(np.int16)
    for number, path in enumerate(paths):
        path.write_bytes(_picture(ground, grain, np.random.default_rng([seed, number]), megapixels))
    mark.write_text(json.dumps(facts))
    return paths


def _picture(
    ground: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
    grain: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
    random: np.random.Generator,
    megapixels: float,
) -> bytes:
    pixels = megapixels * 1e6 * 2 ** random.uniform(-1, 1) / 1.082  # the mean of 2**u over that range
    aspect = random.choice([4 / 3, 3 / 2, 1.0])
    width, height = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
    limit = ground.shape[0]
    x, y = (int(random.integers(0, limit - side)) for side in (width, height))
    shift = random.integers(-40, 40, 3).astype(np.int16)
    raster = (
        np.roll(grain, int(random.integers(0, limit)), axis=0)[:height, :width] + ground[y : y + height, x : x + width]
    )
    image = Image.fromarray(np.clip(raster + 128 + shift, 0, 255).astype(np.uint8))
    exif = Image.Exif()
    if random.random() < 0.5:
        exif[0x0112] = int(random.choice([1, 3, 6, 8]))
        exif[0x010F] = "Bench"
        exif.get_ifd(0x8825).update({1: "N", 2: (12.0, 30.0, 0.0), 3: "E", 4: (7.0, 15.0, 0.0)})
    out = io.BytesIO()
    image.save(
        out,
        "JPEG",
        quality=int(random.integers(80, 96)),
        progressive=bool(random.random() < 0.25),
        subsampling="4:4:4" if random.random() < 1 / 3 else "4:2:0",
        exif=exif.tobytes(),
    )
    return out.getvalue()
