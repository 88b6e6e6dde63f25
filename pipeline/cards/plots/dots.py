"""Dots on an axis in steps of tens: numbers of which some are thousands of times the others, each beside its dot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cards.plots.labels import Rows
from pipeline.cards.plots.scale import Log, written
from pipeline.cards.plots.svg import Figure, dot, line, shown, words

ROW = 20
_AXIS = 34


@dataclass(frozen=True, slots=True)
class Dot:
    """One row: a label and its number, and a second number where two are compared."""

    label: str
    value: int
    kind: str = "kept"
    group: str = ""
    """Rows of one group stand together, under its name."""
    second: int | None = None
    note: str = ""
    """Written at the right; empty: the number."""

    @property
    def number(self) -> str:
        """What is written at the right."""
        return self.note or f"{self.value:,}"


def dots(name: str, title: str, rows: Sequence[Dot], unit: str) -> Figure:
    """Return one dot a row on a logarithmic axis; 0 has no dot and is written. A second number is joined by a line.

    >>> figure = dots("d", "Outcomes", [Dot("gone", 7, "fetch", "fetch"), Dot("kept", 317)], "rows")
    >>> figure.description
    'Numbers of rows: gone 7; kept 317.'
    """
    most = max((max(row.value, row.second or 0) for row in rows), default=1)
    places = Rows.of([row.label for row in rows], [row.number for row in rows], ROW)
    scale = Log(most, places.left + 2, places.right - 2)
    drawn: list[str] = []
    top, group = 0, ""
    for row in rows:
        if row.group and row.group != group:
            drawn.append(words(0, top + 15, row.group, "small strong"))
            group = row.group
            top += ROW
        drawn += _row(top, row, places, scale)
        top += places.high
    ticks = [words(scale(tick), top + 16, written(tick), "middle small") for tick in scale.ticks()]
    grid = [line(scale(tick), 0, scale(tick), top + 4, "grid") for tick in scale.ticks()]
    axis = [line(scale.left, top + 1, scale.right, top + 1), words(scale.right, top + 30, unit, "end small")]
    said = "; ".join(f"{shown(row.label)} {row.number}" for row in rows[:60])
    return Figure(
        name, title, f"Numbers of {unit}: {said}.", top + _AXIS, "".join([*grid, *drawn, *axis, *ticks]), rows=True
    )


def _row(top: int, row: Dot, places: Rows, scale: Log) -> list[str]:
    middle = top + places.begin + ROW // 2
    drawn = places.texts(top, 14, row.label, row.number)
    if row.second is not None:
        drawn.append(line(scale(row.value), middle, scale(row.second), middle, "joint"))
        if row.second:
            drawn.append(dot(scale(row.second), middle, 3, f"c-{row.kind}", f"{row.label}: {row.second:,}"))
    if row.value:
        drawn.append(dot(scale(row.value), middle, 5, f"c-{row.kind}", f"{row.label}: {row.value:,}"))
    return drawn
