"""From a stored JPEG to the uint8 square that a model sees: no more decoded than needed, one resampling, no floats.

A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size for a fraction of the cost. The view takes the smallest of these
that still has at least as many pixels as the crop needs, and resamples the crop from it once, antialiased. Normalising
is left to the device, which gets a quarter of the bytes of floats.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from pipeline.feed.choices import CROPS, DECODERS
from pipeline.model.errors import FeedError

Pixels = npt.NDArray[np.uint8]

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
}
MAX_PIXELS = 100_000_000
DRAWS = 40
"""Uniform numbers that one random crop may use."""
_TRIES = 10  # as in torchvision's RandomResizedCrop, whose rule this is


@dataclass(frozen=True, slots=True)
class View:
    """How a stored image is shown to the model."""

    size: int = 224
    """Side of the square, in pixels."""
    crop: str = "random"
    """'random': a part of the area and an aspect drawn by position; 'center': the largest centred square; 'squash': the
    whole image, its aspect given up, as BioCLIP was trained."""
    scale: tuple[float, float] = (0.9, 1.0)
    """Share of the area that a random crop takes; open_clip's default."""
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Aspect of a random crop."""
    resampling: str = "hamming"
    """Filter of the one resampling: 'bilinear', 'hamming' or 'bicubic'."""
    decoder: str = "pillow"
    """'pillow' or 'simplejpeg'; their pixels differ slightly."""
    exact: bool = False
    """Decode at full size and resample by 'bicubic' always: the slow reference that the fast path is measured by."""
    max_pixels: int = MAX_PIXELS
    """Largest stored image that is decoded."""

    def check(self) -> None:
        """Raise FeedError for a value that is none of those allowed."""
        for name, value, allowed in (
            ("crop", self.crop, CROPS),
            ("resampling", self.resampling, tuple(RESAMPLING)),
            ("decoder", self.decoder, DECODERS),
        ):
            if value not in allowed:
                raise FeedError(f"the view's {name} is {value!r}", expected=f"one of {', '.join(allowed)}")
        if self.size < 1 or not 0 < self.scale[0] <= self.scale[1] <= 1 or not 0 < self.ratio[0] <= self.ratio[1]:
            raise FeedError(
                f"the view asks for size {self.size}, scale {self.scale}, ratio {self.ratio}",
                expected="a size of at least 1, 0 < scale <= 1, ratios above 0, the lower bound first",
            )


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an image in its own pixels."""

    left: float
    top: float
    width: float
    height: float


def region(view: View, width: int, height: int, draws: Sequence[float]) -> Region:
    """Return the part of an image of that size which the view shows; `draws` are DRAWS numbers in [0, 1).

    Source of the random rule: torchvision.transforms.RandomResizedCrop.get_params.

    >>> region(View(crop="center"), 300, 200, ())
    Region(left=50, top=0, width=200, height=200)
    """
    if view.crop == "squash":
        return Region(0, 0, width, height)
    if view.crop == "center":
        side = min(width, height)
        return Region((width - side) // 2, (height - side) // 2, side, side)
    low, high = math.log(view.ratio[0]), math.log(view.ratio[1])
    for turn in range(_TRIES):
        area, aspect, x, y = draws[4 * turn : 4 * turn + 4]
        target = width * height * (view.scale[0] + area * (view.scale[1] - view.scale[0]))
        shape = math.exp(low + aspect * (high - low))
        w, h = round(math.sqrt(target * shape)), round(math.sqrt(target / shape))
        if 0 < w <= width and 0 < h <= height:
            return Region(int(x * (width - w + 1)), int(y * (height - h + 1)), w, h)
    # Too long an image: the centred part with the nearest aspect that is allowed.
    w = min(width, round(height * view.ratio[1])) or 1
    h = min(height, round(width / view.ratio[0])) or 1
    return Region((width - w) // 2, (height - h) // 2, w, h)


def show(jpeg: bytes | memoryview, view: View, draws: Sequence[float], formats: tuple[str, ...] = ("JPEG",)) -> Pixels:
    """Return the image as the view shows it: uint8, shape (size, size, 3), RGB.

    `formats`: those of Pillow that are decoded; shards hold JPEG alone. Raises FeedError for bytes that are no whole
    image of them, or one of more pixels than `view.max_pixels`.

    >>> picture = io.BytesIO()
    >>> Image.new("RGB", (640, 480), "olive").save(picture, "JPEG")
    >>> show(picture.getvalue(), View(crop="center"), ()).shape
    (224, 224, 3)
    """
    return decoded(jpeg, view, draws, formats).resampled(view)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded image, maybe smaller than it is stored, and the part of it that the view shows."""

    image: Image.Image
    box: tuple[float, float, float, float]

    def resampled(self, view: View) -> Pixels:
        """Return the part at the view's size."""
        how = Image.Resampling.BICUBIC if view.exact else RESAMPLING[view.resampling]
        return np.asarray(self.image.resize((view.size, view.size), how, box=self.box))


def decoded(
    jpeg: bytes | memoryview, view: View, draws: Sequence[float], formats: tuple[str, ...] = ("JPEG",)
) -> Decoded:
    """Return the pixels that the view is resampled from; raise FeedError as `show` does."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=formats) as image:
            width, height = image.size
            if width * height > view.max_pixels:
                raise FeedError(f"the image has {width} x {height} pixels", expected=f"at most {view.max_pixels:,}")
            part = region(view, width, height, draws)
            if view.exact:
                return _boxed(image.convert("RGB"), part, 1.0)
            if view.decoder == "simplejpeg" and image.format == "JPEG" and image.mode in ("RGB", "L"):
                return _by_simplejpeg(jpeg, view, part, width, height)
            # Asking for this size of the whole leaves the crop at least `size` wide and high.
            wanted = math.ceil(width * view.size / part.width), math.ceil(height * view.size / part.height)
            drafted = image.draft("RGB", wanted)
            scale = 1.0 if drafted is None else drafted[1][2] / width
            image.load()
            return _boxed(image if image.mode == "RGB" else image.convert("RGB"), part, scale)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _undecodable(error) from error


def decoded_whole(jpeg: bytes | memoryview, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Return the whole image at its full size, in RGB; raises FeedError as `show` does."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise FeedError(f"the image has {width} x {height} pixels", expected=f"at most {max_pixels:,}")
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _undecodable(error) from error


def _undecodable(error: Exception) -> FeedError:
    # Pillow names an image that it does not know by the object that it reads.
    said = "it is of no format that is read" if isinstance(error, UnidentifiedImageError) else str(error)
    return FeedError(f"the image cannot be decoded: {said}", expected="a JPEG as the shards hold them")


def _boxed(raster: Image.Image, part: Region, scale: float) -> Decoded:
    right, bottom = (part.left + part.width) * scale, (part.top + part.height) * scale
    return Decoded(raster, (part.left * scale, part.top * scale, min(raster.width, right), min(raster.height, bottom)))


def _by_simplejpeg(jpeg: bytes | memoryview, view: View, part: Region, width: int, height: int) -> Decoded:
    import simplejpeg

    pixels = simplejpeg.decode_jpeg(
        jpeg,
        "RGB",
        fastdct=True,
        fastupsample=False,
        min_height=math.ceil(height * view.size / part.height),
        min_width=math.ceil(width * view.size / part.width),
        min_factor=1,
    )
    return _boxed(Image.fromarray(pixels), part, pixels.shape[1] / width)
