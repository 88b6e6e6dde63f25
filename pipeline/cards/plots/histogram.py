"""Columns that stand: how many there are of each size, on an axis from 0."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.cards.plots.labels import NARROW, SMALL_LETTER, letters
from pipeline.cards.plots.scale import Linear, written
from pipeline.cards.plots.svg import Figure, box, line, shown, words

_HIGH, _TOP, _LEFT, _RIGHT = 130, 24, 10, 97
_LETTERS = 46
"""Of all labels together that are beside each other on a telephone."""


def columns(
    name: str,
    title: str,
    rows: Sequence[tuple[str, float]],
    across: str,
    up: str,
    kind: str = "kept",
    mark: tuple[str, str] | None = None,
) -> Figure:
    """Return one column a row, in the order of rows, as (label, size).

    `across`, `up`: what the axes count. `mark`: the label before which a line stands, and what it says.

    >>> figure = columns("c", "Taxa", [("1", 20), ("2-3", 10)], "images", "taxa")
    >>> figure.description
    'Columns of taxa by images: 1: 20; 2-3: 10.'
    """
    scale, width = Linear(max((size for _, size in rows), default=0), 0, _HIGH), (_RIGHT - _LEFT) / max(len(rows), 1)
    base, drawn = _TOP + _HIGH, []
    for tick in scale.ticks(3):
        y = base - scale(tick)
        drawn += [line(_LEFT, y, _RIGHT, y, "grid"), words(_LEFT, y + 4, written(tick), "end small", -4)]
    longest = max((len(label) for label, _ in rows), default=1)
    every = max(-(-len(rows) * (longest + 1) // _LETTERS), 1)
    for at, (label, size) in enumerate(rows):
        x = _LEFT + at * width
        if size:
            drawn.append(
                box(x + width * 0.08, base - scale(size), width * 0.84, scale(size), f"c-{kind}", f"{label}: {size:,}")
            )
        if at % every == 0:
            fits = letters(label) * SMALL_LETTER / 2 <= NARROW * (100 - x - width / 2) / 100
            drawn.append(
                words(x + width / 2 if fits else 100, base + 14, label, f"{'middle' if fits else 'end'} small")
            )
        if mark and mark[0] == label:
            drawn += [line(x, _TOP - 12, x, base), words(x, _TOP - 3, mark[1], "end small", -4)]
    drawn += [line(_LEFT, base, _RIGHT, base), words(_RIGHT, base + 30, across, "end small"), words(0, 11, up, "small")]
    said = "; ".join(f"{shown(label)}: {size:,}" for label, size in rows[:24])
    return Figure(name, title, f"Columns of {up} by {across}: {said}.", base + 34, "".join(drawn))
