"""The Equal Earth projection: where a place of the Earth is on the map, so that equal areas stay equal.

Source: B. Šavrič, T. Patterson, B. Jenny, The Equal Earth map projection, Int. J. Geogr. Inf. Sci. 33 (2019), eq. 1-3.
"""

from __future__ import annotations

import math

WIDE, HIGH = 1000, 487
"""Units of the map."""
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_ROOT = math.sqrt(3)
_SCALE = WIDE * 3 * _A1 / (4 * _ROOT * math.pi)


def projected(lat: float, lon: float) -> tuple[float, float]:
    """Return the place of a latitude and a longitude in degrees, in units of the map from its upper left corner.

    >>> tuple(round(each, 1) for each in projected(0, 0)), round(projected(0, 180)[0]), round(projected(90, 0)[1], 1)
    ((500.0, 243.5), 1000, 0.1)
    """
    angle = math.asin(_ROOT / 2 * math.sin(math.radians(lat)))
    square = angle * angle
    sixth = square**3
    slope = _A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)
    x = 2 * _ROOT * math.radians(lon) * math.cos(angle) / (3 * slope)
    y = angle * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))
    return WIDE / 2 + _SCALE * x, HIGH / 2 - _SCALE * y


def outline(steps: int = 36) -> list[tuple[float, float]]:
    """Return the edge of the map, once round from the north pole at 180 degrees west.

    >>> len(outline(2))
    6
    """
    lats = [90 - 180 * at / steps for at in range(steps + 1)]
    return [*(projected(lat, -180) for lat in lats), *(projected(lat, 180) for lat in reversed(lats))]
