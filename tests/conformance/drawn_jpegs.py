"""JPEGs as every encoder at hand writes them: what must never be called damaged."""

from __future__ import annotations

import importlib.util
import io
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image, ImageFilter

SIZES = ((1, 1), (1, 40), (40, 1), (7, 9), (8, 8), (16, 16), (17, 33), (64, 48), (120, 90), (250, 333), (640, 480))
LARGE = ((1600, 1200), (3000, 500))
CONTENTS = ("flat", "black", "noise", "gradient", "photo", "drawing", "tiles")
UNNAMED_SAMPLINGS = ("4x2", "2x4", "3x1", "2x2,2x1,2x1")
"""Factors that TurboJPEG has no name for, so that Pillow decodes them."""
SAMPLINGS = ("1x1", "2x1", "1x2", "2x2", "4x1", "1x4", *UNNAMED_SAMPLINGS)
_MAGICK = shutil.which("magick") or shutil.which("convert-im6.q16") or ""
Encoder = Callable[[Image.Image, random.Random], tuple[str, bytes]]


def draw(content: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Return a picture in RGB: flat ones give codes of zero bits without end, noise every code there is."""
    width, height = size
    numbers = np.random.default_rng(rng.randrange(1 << 30))
    if content in ("flat", "black"):
        return Image.new("RGB", size, tuple(rng.randbytes(3)) if content == "flat" else (0, 0, 0))
    if content == "noise":
        return Image.fromarray(numbers.integers(0, 256, (height, width, 3), dtype=np.uint8))
    if content == "gradient":
        across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        return Image.fromarray(np.stack([across, down, 255 - across], axis=2).astype(np.uint8))
    if content == "photo":
        coarse = Image.fromarray(numbers.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        grain = numbers.normal(0, rng.choice((1, 4, 12)), (height, width, 1))
        return Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8))
    if content == "tiles":
        tile = numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        return Image.fromarray(np.tile(tile, (height // 8 + 1, width // 8 + 1, 1))[:height, :width])
    image = Image.new("RGB", size, "white")
    for _ in range(6):
        left, top = rng.randrange(width), rng.randrange(height)
        image.paste(tuple(rng.randbytes(3)), (left, top, min(width, left + 30), min(height, top + 20)))
    return image.filter(ImageFilter.SMOOTH) if rng.random() < 0.5 else image


def with_pillow(image: Image.Image, rng: random.Random) -> tuple[str, bytes]:
    mode = rng.choice(("RGB", "RGB", "RGB", "L", "CMYK"))
    options: dict[str, Any] = {
        "quality": rng.choice((1, 10, 50, 75, 90, 95, 100)),
        "progressive": rng.random() < 0.4,
        "optimize": rng.random() < 0.4,
    }
    if mode == "RGB":
        options["subsampling"] = rng.choice(("4:4:4", "4:2:2", "4:2:0"))
        options["keep_rgb"] = rng.random() < 0.1 and options["subsampling"] == "4:4:4"
    if rng.random() < 0.3:
        options[rng.choice(("restart_marker_blocks", "restart_marker_rows"))] = rng.choice((1, 3, 17))
    out = io.BytesIO()
    try:
        image.convert(mode).save(out, "JPEG", **options)
    except OSError:  # Pillow gives tiny pictures too small a buffer for these
        options = {"quality": options["quality"]}
        out = io.BytesIO()
        image.convert(mode).save(out, "JPEG", **options)
    return f"Pillow {mode} {options}", out.getvalue()


def with_simplejpeg(image: Image.Image, rng: random.Random) -> tuple[str, bytes]:
    sampling, quality = rng.choice(("444", "422", "420", "440", "411", "Gray")), rng.choice((1, 30, 75, 90, 100))
    pixels = np.ascontiguousarray(np.asarray(image))
    return f"simplejpeg {sampling} {quality}", simplejpeg.encode_jpeg(pixels, quality, "RGB", sampling)


def with_cjpeg(image: Image.Image, rng: random.Random) -> tuple[str, bytes]:
    options = ["-quality", str(rng.choice((1, 30, 75, 90, 100)))]
    options += rng.choice(([], ["-progressive"], ["-arithmetic"], ["-arithmetic", "-progressive"], ["-optimize"]))
    options += rng.choice(([], [], ["-restart", "1"], ["-restart", "3B"]))
    options += rng.choice((["-grayscale"], ["-rgb"], *(["-sample", s] for s in SAMPLINGS)))
    out = io.BytesIO()
    image.save(out, "PPM")
    return f"cjpeg {' '.join(options)}", subprocess.run(
        ["cjpeg", *options], input=out.getvalue(), stdout=subprocess.PIPE, check=True
    ).stdout


def with_magick(image: Image.Image, rng: random.Random) -> tuple[str, bytes]:
    options = ["-quality", str(rng.choice((1, 30, 75, 92, 100)))]
    options += rng.choice(([], ["-interlace", "JPEG"]))
    options += ["-sampling-factor", rng.choice(("4:4:4", "4:2:2", "4:2:0", "4:1:1", "4:4:0", "2x2,1x1,1x1"))]
    options += rng.choice(([], ["-colorspace", "Gray"], ["-colorspace", "CMYK"]))
    out = io.BytesIO()
    image.save(out, "PPM")
    return f"ImageMagick {' '.join(options)}", subprocess.run(
        [_MAGICK, "ppm:-", *options, "jpeg:-"], input=out.getvalue(), stdout=subprocess.PIPE, check=True
    ).stdout


def with_opencv(image: Image.Image, rng: random.Random) -> tuple[str, bytes]:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, rng.choice((1, 30, 75, 95, 100))]
    options += [cv2.IMWRITE_JPEG_PROGRESSIVE, rng.randrange(2), cv2.IMWRITE_JPEG_OPTIMIZE, rng.randrange(2)]
    options += [cv2.IMWRITE_JPEG_RST_INTERVAL, rng.choice((0, 0, 1, 9))]
    factors = (0x411111, 0x111111, 0x211111, 0x221111, 0x121111)
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, rng.choice(factors)]
    return f"OpenCV {options}", bytes(cv2.imencode(".jpg", np.asarray(image)[:, :, ::-1], options)[1])


def encoders() -> dict[str, Encoder]:
    """Return the encoders that are installed here."""
    found: dict[str, Encoder] = {"Pillow": with_pillow, "simplejpeg": with_simplejpeg}
    if shutil.which("cjpeg"):
        found["cjpeg"] = with_cjpeg
    if _MAGICK:
        found["ImageMagick"] = with_magick
    if importlib.util.find_spec("cv2"):
        found["OpenCV"] = with_opencv
    return found


def drawn(seed: int, number: int, large: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield that many JPEGs with a name each, from all encoders in turn; the same for the same seed and encoders."""
    rng, tools = random.Random(seed), list(encoders().values())
    for turn in range(number):
        content = rng.choice(CONTENTS)
        size = rng.choice(LARGE if large and turn % 20 == 0 else SIZES)
        name, data = tools[turn % len(tools)](draw(content, size, rng), rng)
        yield f"{content} {size[0]} x {size[1]} {name}", data


if __name__ == "__main__":
    from pipeline.media.images.decoding import RejectedError, Source

    wanted, refused = int(sys.argv[1]) if len(sys.argv) > 1 else 5000, 0
    for name, data in drawn(5, wanted, large=True):
        try:
            Source(data, 100_000_000).load()
        except RejectedError as error:
            refused += 1
            print(name, error.outcome.code, error.detail)
    print(f"{wanted} whole JPEGs of {', '.join(encoders())}: {refused} refused")
