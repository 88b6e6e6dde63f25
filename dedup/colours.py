"""What an image has of colour: none, few colours, or all; of equal copies the one that lost none should stay.

How many channels a file has says little: a grey picture may be stored as RGB, and a palette of 64 colours as RGB too.
Both are told from the pixels, a few thousand of them, in a tenth of a millisecond.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

GREY, FEW, MANY = "grey", "few", "many"
COLOURS = (MANY, FEW, GREY)
"""From the most colour to the least."""
FEW_COLOURS = 256
"""As many as a palette holds; of 16,384 pixels of a photograph, thousands differ."""
_SAMPLED, _CELL = 128, 4
_SPREAD, _SHARE = 0.6, 0.1
"""Levels of 255, and share of the colour, that lightness must leave unexplained. Of 213 photographs the haziest have
0.7 and 0.11; grey copies have 0, toned prints (sepia) in JPEGs of quality 30 to 60 at most 0.10 of their colour."""


def has_few_colours(raster: Image.Image) -> bool:
    """Return whether a decoded image, not yet made smaller, has no more colours than a palette holds.

    Looks at 128 x 128 of its pixels. Not for what a lossy format held: its noise makes many colours of any few.

    >>> down = Image.linear_gradient("L")
    >>> photo = Image.merge("RGB", (down, down.rotate(90), Image.radial_gradient("L")))
    >>> has_few_colours(photo), has_few_colours(photo.quantize(64).convert("RGB"))
    (False, True)
    """
    some = raster.resize((_SAMPLED, _SAMPLED), Image.Resampling.NEAREST)
    return some.getcolors(FEW_COLOURS) is not None


def colours_of(raster: Image.Image, few: bool = False) -> str:
    """Return what an image has of colour under `specs.COLOUR_SPEC`: 'many', 'few' or 'grey'.

    `few`: what `has_few_colours` said before the image was made smaller. An image is grey when its colour follows from
    its lightness, as in a toned print: what a line over the luma leaves unexplained of Cb and Cr, in means of 4 x 4 of
    128 x 128 pixels, is below 0.6 levels or a tenth of their distance from grey. Time: 0.1 ms, whatever the size.

    >>> down = Image.linear_gradient("L")
    >>> photo = Image.merge("RGB", (down, down.rotate(90), Image.radial_gradient("L")))
    >>> colours_of(photo), colours_of(photo, few=True), colours_of(photo.convert("L").convert("RGB"))
    ('many', 'few', 'grey')
    """
    some = raster.resize((_SAMPLED, _SAMPLED), Image.Resampling.NEAREST).convert("RGB").reduce(_CELL)
    # In whole numbers, whose sums are exact, so that the answer is the same on every machine.
    luma, *chroma = np.asarray(some.convert("YCbCr"), np.int64).reshape(-1, 3).T
    luma = len(luma) * luma - luma.sum()
    power = int((luma * luma).sum())
    left, colour = 0.0, 0
    for channel in chroma:
        away = channel - 128
        colour += int((away * away).sum())
        around = len(away) * away - away.sum()
        along = int((around * luma).sum())
        left += int((around * around).sum()) - (along * along / power if power else 0.0)
    left /= len(luma) ** 2
    if left < _SPREAD**2 * len(luma) or left < _SHARE**2 * colour:
        return GREY
    return FEW if few else MANY
