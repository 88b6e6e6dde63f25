"""Accuracy by the values of a column, such as the source, the licence or the category of the picture.

The interval is Wilson's (1927) at 95 %, so that a slice of few images is seen to say little:
(p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.lineages import Lineages
from pipeline.evaluate.measures.vectors import Codes
from pipeline.model.errors import EvaluationError

_Z = 1.959963984540054
MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class Slice:
    """The images that have one value in a column."""

    column: str
    value: str
    """'' where the column says nothing."""
    images: int
    taxa: int
    accuracy: float
    low: float
    high: float
    """Bounds of Wilson's interval at 95 %."""
    mean_height: float
    """Of the lowest common ancestor, over all images."""


def slices(
    column: str, values: Sequence[str | None], lineages: Lineages, labels: Codes, predicted: Codes
) -> tuple[Slice, ...]:
    """Return the slices of a column by the order of its values; of more than 200 values those of most images.

    >>> from pipeline.evaluate.measures.lineages import read_lineages
    >>> tree = read_lineages([{"genus": "a"}, {"genus": "b"}])
    >>> found = slices("source", ["x", None, "x"], tree, np.array([0, 1, 1]), np.array([0, 1, 0]))
    >>> [(each.value, each.images, each.accuracy) for each in found]
    [('', 1, 1.0), ('x', 2, 0.5)]
    """
    if len(values) != len(labels):
        raise EvaluationError(
            f"column {column!r} has {len(values):,} values for {len(labels):,} images", expected="one for each"
        )
    names, numbers = np.unique(np.array([value or "" for value in values], dtype=np.str_), return_inverse=True)
    counts = np.bincount(numbers, minlength=len(names))
    heights = lineages.heights(labels, predicted)
    found = []
    for number in np.sort(np.argsort(-counts, kind="stable")[:MOST_VALUES]).tolist():
        mine = numbers == number
        count = int(counts[number])
        right = int((labels[mine] == predicted[mine]).sum())
        low, high = wilson(right, count)
        taxa = len(np.unique(labels[mine]))
        mean = float(heights[mine].mean())
        found.append(Slice(column, str(names[number]), count, taxa, right / count, low, high, mean))
    return tuple(found)


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the bounds of Wilson's interval at 95 %.

    >>> [round(each, 4) for each in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    share, z2 = right / count, _Z * _Z
    middle = share + z2 / (2 * count)
    width = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    low, high = (middle - width) / (1 + z2 / count), (middle + width) / (1 + z2 / count)
    return max(low, 0.0), min(high, 1.0)
