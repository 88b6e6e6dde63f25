"""Scales: from a number to its place across a drawing, in percent, and the numbers that are written at the axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Linear:
    """From 0 to `most`, over percent `left` to `right` of the width.

    >>> Linear(200, 20, 100)(50)
    40.0
    >>> Linear(1234).ticks()
    [0, 500, 1000]
    """

    most: float
    left: float = 0
    right: float = 100

    def __call__(self, value: float) -> float:
        """Return the place of a number."""
        return self.left + (self.right - self.left) * (value / self.most if self.most else 0)

    def ticks(self, about: int = 4) -> list[float]:
        """Return round numbers from 0 that are at most `most`: some `about`, and never more than twice as many."""
        if self.most < 1e-9:
            return [0]
        rough = self.most / about
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * each for each in (1, 2, 5, 10) if unit * each >= rough)
        return [whole(step * at) for at in range(int(self.most / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Log:
    """From 1 to `most` in equal steps of tens, over percent `left` to `right`.

    >>> Log(1000, 0, 90)(10), Log(5000).ticks(), Log(60).ticks()
    (30.0, [1, 10, 100, 1000], [1, 2, 5, 10, 20, 50])
    """

    most: float
    left: float = 0
    right: float = 100

    def __call__(self, value: float) -> float:
        """Return the place of a number; below 1 it is that of 1."""
        most = max(self.most, 10)
        return self.left + (self.right - self.left) * math.log10(max(value, 1)) / math.log10(most)

    def ticks(self) -> list[float]:
        """Return the powers of ten, at most seven of them; where they are few, twos and fives too."""
        if self.most < 100:
            return [each for each in (1, 2, 5, 10, 20, 50) if each <= max(self.most, 1)]
        powers = list(range(int(math.log10(max(self.most, 1)) + 1e-9) + 1))
        step = math.ceil(len(powers) / 7)
        return [10**power for power in powers[::step]]


def whole(value: float) -> float:
    """Return a number without what is left of rounding.

    >>> whole(0.1 + 0.2), whole(3.0)
    (0.3, 3)
    """
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded


def written(value: float) -> str:
    """Return a number as it is written at an axis: short, of three digits where it is not round.

    >>> [written(each) for each in (0, 0.5, 950, 1000, 2_500_000, 123_456, 999_999)]
    ['0', '0.5', '950', '1 k', '2.5 M', '123 k', '1 M']
    """
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            return f"{float(f'{value / size:.3g}'):g} {unit}"
    return f"{value:g}"


def steps_of(values: Sequence[float], steps: int = 6) -> list[float]:
    """Return the lower bounds of classes in the steps 1, 3, 10, 30, ... that end with the largest value.

    >>> steps_of([1, 7, 80]), steps_of([900_000]), steps_of([])
    ([1, 3, 10, 30], [1000, 3000, 10000, 30000, 100000, 300000], [])
    """
    most = max(values, default=0)
    bounds: list[float] = []
    power = 0
    while True:
        bound = 10 ** (power // 2) * (3 if power % 2 else 1)
        if bound > most:
            return bounds[-steps:]
        bounds.append(bound)
        power += 1


def class_of(value: float, bounds: Sequence[float]) -> int:
    """Return the number of the class that a value is in; below the first bound it is the first.

    >>> class_of(12, [1, 3, 10, 30]), class_of(0.5, [1, 3])
    (2, 0)
    """
    return max(sum(value >= bound for bound in bounds) - 1, 0)
