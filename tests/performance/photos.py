"""JPEGs to measure with: windows of real photographs from a folder, or drawn pictures where none is named."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from pathlib import Path

from PIL import Image, ImageFilter


def jpegs(count: int, size: tuple[int, int], folder: Path | None) -> list[bytes]:
    """Return `count` JPEGs of quality 90 and the given width and height, different ones, always the same."""
    pictures = _photographs(folder) if folder else [_drawn(number) for number in range(12)]
    return [_window(pictures, number, size) for number in range(count)]


def _photographs(folder: Path) -> list[Image.Image]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg"):
            try:
                with Image.open(path) as opened:
                    if opened.mode == "RGB" and min(opened.size) >= 300:
                        found.append(opened.convert("RGB"))
            except OSError:
                continue  # a folder of photographs for tests holds broken ones, too
    if not found:
        raise SystemExit(f"{folder} holds no RGB photograph of at least 300 pixels")
    return found


@cache
def _drawn(number: int) -> Image.Image:
    """Draw smooth shapes with fine noise, which compress about as photographs do."""
    noise = Image.effect_noise((640, 480), 40 + number)
    colour = Image.effect_mandelbrot((640, 480), (-2.0 + number / 20, -1.2, 1.0, 1.2), 60)
    soft = Image.merge("RGB", (colour, noise.filter(ImageFilter.GaussianBlur(6)), colour.rotate(180)))
    return Image.blend(soft, Image.merge("RGB", (noise, noise, noise)), 0.12)


def _window(pictures: list[Image.Image], number: int, size: tuple[int, int]) -> bytes:
    digest = hashlib.sha256(str(number).encode()).digest()
    picture = pictures[digest[0] % len(pictures)]
    share = 0.6 + 0.35 * digest[1] / 255
    width, height = round(picture.width * share), round(picture.height * share)
    left, top = (picture.width - width) * digest[2] // 255, (picture.height - height) * digest[3] // 255
    part = picture.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    part.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
