"""The diagram of calibration: how often predictions of a confidence are right."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.cards.plots import Figure
from pipeline.cards.plots.scale import Linear
from pipeline.cards.plots.svg import dot, line, words
from pipeline.evaluate.measures.calibration import Bin

_HIGH, _TOP, _LEFT, _RIGHT = 240, 24, 13, 97


def reliability(name: str, bins: Sequence[Bin]) -> Figure:
    """Return a dot for each bin, at its confidence and accuracy; on the line both are the same.

    >>> reliability("r", [Bin(10, 0.5, 0.4)]).description
    'Accuracy by confidence, a dot for each of 1 bins: 50 % confident, 40 % right.'
    """
    across, up = Linear(1, _LEFT, _RIGHT), Linear(1, 0, _HIGH)
    base = _TOP + _HIGH
    drawn = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        y, label = base - up(tick), f"{100 * tick:.0f} %"
        drawn += [line(_LEFT, y, _RIGHT, y, "grid"), words(_LEFT, y + 4, label, "end small", -4)]
        drawn += [line(across(tick), _TOP, across(tick), base, "grid")]
        drawn += [words(across(tick), base + 14, label, "middle small" if tick < 1 else "end small")]
    drawn.append(line(across(0), base, across(1), _TOP))
    for each in bins:
        said = f"{each.images:,} pictures: {100 * each.confidence:.0f} % confident, {100 * each.accuracy:.0f} % right"
        drawn.append(dot(across(each.confidence), base - up(each.accuracy), 5, "c-kept", said))
    drawn += [words(_RIGHT, base + 30, "confidence", "end small"), words(0, 11, "right", "small")]
    said = "; ".join(f"{100 * each.confidence:.0f} % confident, {100 * each.accuracy:.0f} % right" for each in bins)
    told = f"Accuracy by confidence, a dot for each of {len(bins)} bins: {said}."
    return Figure(name, "Accuracy by confidence", told, base + 34, "".join(drawn), rows=True)
