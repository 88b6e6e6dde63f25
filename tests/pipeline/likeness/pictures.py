"""Pictures that the tests of likeness share: grain of a seed, which no two seeds have in common."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image


def grain(seed: int, size: tuple[int, int] = (240, 180)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (10, 14, 3), dtype=np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def lay(folder: Path, **files: bytes | Image.Image) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.jpg").write_bytes(content if isinstance(content, bytes) else jpeg(content))
    return folder
