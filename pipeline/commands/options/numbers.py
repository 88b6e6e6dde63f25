"""Numbers on the command line, within the bounds that make sense."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`, as argparse calls it for an option.

    >>> whole(1)("12")
    12
    >>> whole(0, 100)("101")
    Traceback (most recent call last):
        ...
    argparse.ArgumentTypeError: '101' is no whole number from 0 to 100
    """
    bounds = f"from {least:,} on" if most is None else f"from {least:,} to {most:,}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number {bounds}")
        return number

    return read


def minutes(text: str) -> float:
    """Return a number of minutes above 0, which may be a fraction, as argparse asks for it.

    >>> minutes("0.5")
    0.5
    >>> minutes("-1")
    Traceback (most recent call last):
        ...
    argparse.ArgumentTypeError: '-1' is no number of minutes above 0
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes above 0")
    return number
