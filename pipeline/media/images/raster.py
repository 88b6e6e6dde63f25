"""From any decoded raster to 8-bit sRGB: depth, palette, transparency, ink and colour profile."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

MAX_PROFILE = 4 << 20
"""Bytes of an ICC profile that are still parsed; printer profiles reach 2 MB."""
SAME_COLOUR = 2
"""Levels of 255 by which a conversion may move a colour through rounding alone."""
Shallow = npt.NDArray[np.uint8]
_STRIP = 4_000_000  # pixels
_INTENT = ImageCms.Intent.PERCEPTUAL
_DEEP = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N", "F"})


def to_shallow(image: Image.Image) -> Image.Image | Shallow:
    """Return the raster in mode L, RGB or CMYK: 8 bits a channel, transparency laid on white.

    As an array (height x width, or x 3) where it was made in strips, so that the caller can let go of the image first.

    16-bit and deeper greys are scaled by their range and never clipped: to the smallest power of two that holds the
    brightest pixel, so that 12-bit cameras in 16-bit files do not come out black; floats and signed numbers by their
    minimum and maximum. Must see the whole image, so that all crops of it are scaled alike.
    """
    mode = image.mode
    if mode in ("L", "RGB", "CMYK"):
        # PNG may name one transparent colour without an alpha channel.
        return _on_white(image) if "transparency" in image.info and mode != "CMYK" else image
    if mode in _DEEP:
        return _scaled(image)
    if mode == "1":
        return image.convert("L")
    if mode == "P" and "transparency" not in image.info:
        return image.convert("RGB")
    if mode in ("LA", "La", "PA", "P", "RGBA", "RGBa"):
        return _on_white(image)
    return image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """Return an L, RGB, RGBX or CMYK raster in sRGB by its ICC profile, and a note when the profile could not be used.

    A profile that cannot be parsed, or that is for another kind of colour, is left aside: the picture counts more.
    Source: ICC.1; conversion by LittleCMS, perceptual intent.
    """
    if not profile:
        return _rgb(image), ""
    if image.mode == "RGBX":
        image = image.convert("RGB")
    if len(profile) > MAX_PROFILE:
        return _rgb(image), f"ICC profile of {len(profile)} bytes ignored"
    try:
        transform = _transform(profile, image.mode)
        converted = ImageCms.applyTransform(image, transform) if transform is not None else image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        return _rgb(image), f"ICC profile ignored: {str(error)[:80]}"
    if converted is None:  # only an in-place conversion gives nothing
        return _rgb(image), "ICC profile ignored"
    return converted, ""


def changes_colours(profile: bytes | None) -> bool:
    """Whether `to_srgb` would give an RGB raster other colours because of its profile.

    >>> changes_colours(None), changes_colours(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (False, False)
    """
    if not profile or len(profile) > MAX_PROFILE:
        return False
    try:
        return _transform(profile, "RGB") is not None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False  # left aside, as `to_srgb` leaves it aside and says so


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Make the conversion of a profile to sRGB once: releases have millions of images and a few profiles.

    None for a profile that is sRGB: it moves no colour of a grid by more than SAME_COLOUR levels.
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    made = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", renderingIntent=_INTENT)
    if mode != "RGB":
        return made
    levels = np.linspace(0, 255, 17).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(17, -1, 3)
    moved = np.asarray(ImageCms.applyTransform(Image.fromarray(grid), made), dtype=np.int16)
    return made if int(np.abs(moved - grid).max()) > SAME_COLOUR else None


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Shallow:
    """Lay a picture on white, in strips: of a large one no second copy with transparency fits beside it."""
    flat = np.empty((image.height, image.width, 3), np.uint8)
    for top, strip in _strips(image):
        clear = strip.convert("RGBA")
        matte = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        matte.alpha_composite(clear)
        flat[top : top + strip.height] = np.asarray(matte)[:, :, :3]
    return flat


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield the picture in strips of whole rows, each with its first row."""
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(image.height, top + rows)))
        if "transparency" in image.info:
            strip.info["transparency"] = image.info["transparency"]
        yield top, strip


def _scaled(image: Image.Image) -> Shallow:
    bounds = [(float(part.min()), float(part.max())) for part in (_finite(strip) for _, strip in _strips(image))]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if image.mode != "F" and low >= 0:
        low, high = 0.0, float(2 ** max(8, int(high).bit_length()) - 1)
    span = high - low
    grey = np.empty((image.height, image.width), np.uint8)
    for top, strip in _strips(image):
        part = (_finite(strip).astype(np.float32) - np.float32(low)) * np.float32(255.0 / span if span > 0 else 0.0)
        grey[top : top + strip.height] = np.clip(np.rint(part), 0, 255)
    return grey


def _finite(image: Image.Image) -> npt.NDArray[Any]:
    """Return the values of a grey picture, 0 for floats that are no numbers."""
    values = np.asarray(image)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values.astype(np.float32), copy=True, nan=0.0, posinf=0.0, neginf=0.0)
    return values
