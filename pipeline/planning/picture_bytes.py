"""Bytes and CPU of pictures, as measured on real ones, for what a release does not state.

`python -m tests.performance.stored_bytes FOLDER ...` measures them. The interval is that of collections, not of
pictures: what a recipe fetches is of some collection, and collections differ more than chance does.
"""

from __future__ import annotations

import math

from manifests import ImageRules

FETCHED_BYTES_A_PIXEL = (0.10, 0.27, 0.51)
"""Of JPEGs as hosts give them: the least, the mean and the most of four collections (264 photographs and drawings)."""
ASSUMED_PIXELS = 1_500_000
"""Of a medium whose size nobody states: between the 0.3 of resized copies and the 12 of a telephone."""
ASSUMED_BYTES = (30_000, 400_000, 3_000_000)
"""Of such a medium as it is fetched: a small copy, ASSUMED_PIXELS, and a telephone's original."""
ASSUMED_ASPECT = 4 / 3
STORED_SPREAD = (0.7, 1.3)
"""How far the means of three collections (263 photographs) lie from the mean of them, at any side and quality."""
_SIDES = (128, 256, 384)
_QUALITIES = (75, 85, 90, 95)
_STORED = (
    (0.208, 0.271, 0.334, 0.467),
    (0.157, 0.210, 0.265, 0.382),
    (0.136, 0.185, 0.235, 0.341),
)
"""Bytes a pixel of stored images, made smaller to a side (rows) and encoded at a quality (columns): their means."""
_SECONDS_A_MEDIUM = 2e-3
_SECONDS_A_PIXEL = 17e-9
"""28 ms for a photograph of 1.5 megapixels (docs/distributed.md), of which 2 are the fetch itself."""


def decode_seconds(media: int, pixels: float) -> float:
    """Return the CPU seconds of fetching, decoding and storing media of so many pixels together.

    >>> decode_seconds(1000, 1000 * ASSUMED_PIXELS)
    27.5
    """
    return round(media * _SECONDS_A_MEDIUM + pixels * _SECONDS_A_PIXEL, 3)


def stored_bytes_a_pixel(rules: ImageRules) -> float:
    """Return the bytes a pixel of an image that is made smaller and stored by the rules, on average.

    Between the measured sides and qualities it is interpolated, by the logarithm of the side; beyond them the nearest
    measured one stands in.

    >>> stored_bytes_a_pixel(ImageRules(side=256, quality=90)), round(stored_bytes_a_pixel(ImageRules(side=224)), 3)
    (0.265, 0.278)
    """
    # A side that bounds the longest one makes an image as small as a shortest side of three quarters of it.
    side = rules.side if rules.rule == "shortest" else rules.side / ASSUMED_ASPECT
    row = _place(math.log(side), [math.log(each) for each in _SIDES])
    column = _place(float(rules.quality), [float(each) for each in _QUALITIES])
    low, high = (_between(_STORED[at], column) for at in (int(row), min(int(row) + 1, len(_SIDES) - 1)))
    return round(low + (row - int(row)) * (high - low), 6)


def assumed_stored_pixels(rules: ImageRules) -> float:
    """Return the pixels of a stored image whose original's size is not stated: 4 to 3, and large enough.

    >>> assumed_stored_pixels(ImageRules(side=240)), assumed_stored_pixels(ImageRules(side=240, rule="longest"))
    (76800.0, 43200.0)
    """
    return rules.side**2 * ASSUMED_ASPECT if rules.rule == "shortest" else rules.side**2 / ASSUMED_ASPECT


def _place(value: float, steps: list[float]) -> float:
    """Return where a value lies among rising steps, as a number of steps from the first; within them."""
    for at in range(len(steps) - 1):
        if value < steps[at + 1]:
            return at + max(0.0, (value - steps[at]) / (steps[at + 1] - steps[at]))
    return len(steps) - 1.0


def _between(values: tuple[float, ...], place: float) -> float:
    at = int(place)
    return values[at] + (place - at) * (values[min(at + 1, len(values) - 1)] - values[at])
