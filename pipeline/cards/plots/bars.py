"""Bars that lie: one a row on an axis from 0, or cut into parts, whose lengths are their numbers or their shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cards.plots.labels import Rows
from pipeline.cards.plots.scale import Linear, written
from pipeline.cards.plots.svg import Figure, box, line, shown, words

ROW = 22
"""Pixels of a row."""
_AXIS = 34


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: what it is, and its parts as (kind, size, what is said of it), from the left."""

    label: str
    parts: tuple[tuple[str, float, str], ...]
    note: str = ""
    """Written at the right; empty: the sum of the parts."""

    @property
    def size(self) -> float:
        """Sum of its parts."""
        return sum(size for _, size, _ in self.parts)

    @property
    def number(self) -> str:
        """What is written at the right."""
        return self.note or f"{self.size:,}"


def bar(label: str, size: float, kind: str = "kept") -> Bar:
    """Return a row of one part.

    >>> bar("Aves", 12).size
    12
    """
    return Bar(label, ((kind, size, f"{label}: {size:,}"),))


def bars(name: str, title: str, rows: Sequence[Bar], unit: str) -> Figure:
    """Return one bar a row, all on one axis from 0.

    >>> print(bars("b", "Images", [bar("Aves", 12), bar("Insecta", 4)], "images").description)
    Bars of images: Aves 12; Insecta 4.
    """
    places = _places(rows)
    scale = Linear(max((row.size for row in rows), default=0), places.left, places.right)
    drawn = [_row(at, row, row.parts, places, scale) for at, row in enumerate(rows)]
    drawn.append(_axis(len(rows) * places.high, scale, scale.ticks(), unit))
    said = "; ".join(f"{shown(row.label)} {row.number}" for row in rows[:12])
    more = f"; and {len(rows) - 12:,} more" if len(rows) > 12 else ""
    return Figure(
        name, title, f"Bars of {unit}: {said}{more}.", len(rows) * places.high + _AXIS, "".join(drawn), rows=True
    )


def shares(name: str, title: str, rows: Sequence[Bar], unit: str) -> Figure:
    """Return one bar a row, each as long as the others, cut by the shares of its parts; its sum is on the right.

    >>> one = Bar("gbif", (("kept", 3, "kept: 3"), ("leak", 1, "leak: 1")))
    >>> '<rect x="74%"' in shares("s", "Shares", [one], "rows").body
    True
    """
    places = _places(rows)
    scale = Linear(100, places.left, places.right)
    drawn = []
    for at, row in enumerate(rows):
        whole = row.size or 1
        parts = tuple((kind, 100 * size / whole, said) for kind, size, said in row.parts)
        drawn.append(_row(at, row, parts, places, scale))
    drawn.append(_axis(len(rows) * places.high, scale, [0, 25, 50, 75, 100], f"% of {unit}"))
    said = "; ".join(f"{shown(row.label)}: {', '.join(said for _, _, said in row.parts)}" for row in rows[:12])
    return Figure(name, title, f"Shares of {unit}. {said}.", len(rows) * places.high + _AXIS, "".join(drawn), rows=True)


def _places(rows: Sequence[Bar]) -> Rows:
    return Rows.of([row.label for row in rows], [row.number for row in rows], ROW)


def _row(at: int, row: Bar, parts: Sequence[tuple[str, float, str]], places: Rows, scale: Linear) -> str:
    top, begin = at * places.high, 0.0
    drawn = places.texts(top, 15, row.label, row.number)
    for kind, size, said in parts:
        if size > 0:
            x, y = scale(begin), top + places.begin + 3
            drawn.append(box(x, y, max(scale(begin + size) - x, 0.15), ROW - 6, f"c-{kind}", said))
        begin += size
    return "".join(drawn)


def _axis(top: int, scale: Linear, ticks: Sequence[float], unit: str) -> str:
    drawn = [line(scale.left, top + 1, scale.right, top + 1)]
    for tick in ticks:
        drawn += [line(scale(tick), 0, scale(tick), top + 4, "grid")]
        drawn += [words(scale(tick), top + 16, written(tick), "middle small")]
    return "".join([*drawn, words(scale.right, top + 30, unit, "end small")])
