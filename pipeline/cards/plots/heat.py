"""A table whose cells are coloured by their numbers, in steps from few to many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.cards.plots.scale import class_of, steps_of, written
from pipeline.cards.plots.svg import Figure, box, shown, words

ROW = 20
_TOP, _KEY = 18, 36
DARK_FROM = 3
"""From this step on letters in a cell are those of the other scheme."""


def heat(
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Mapping[tuple[int, int], int],
    unit: str,
    label: int = 14,
    numbers: bool = False,
) -> Figure:
    """Return the cells (row, column) -> number; those without one stay empty.

    `label`: percent of the width for the names of rows; `numbers`: whether they are written into the cells.

    >>> figure = heat("h", "Months", ["1", "2"], ["2023", "2024"], {(1, 0): 12}, "images")
    >>> figure.description
    'Cells coloured by images: 1 of 4 have any, 12 at most.'
    """
    width, drawn = (100 - label) / max(len(columns), 1), []
    for at, column in enumerate(columns):
        drawn.append(words(label + (at + 0.5) * width, 12, column, "middle small"))
    bounds = steps_of(list(cells.values()))
    for at, row in enumerate(rows):
        drawn.append(words(label, _TOP + at * ROW + 14, row, "end small", -6))
    for (row_at, column_at), value in sorted(cells.items()):
        if value <= 0:
            continue
        x, y, step = label + column_at * width, _TOP + row_at * ROW, class_of(value, bounds)
        said = f"{rows[row_at]}, {columns[column_at]}: {value:,} {unit}"
        drawn.append(box(x + 0.1, y + 1, width - 0.2, ROW - 2, f"s-{step}", said))
        if numbers:
            inverse = " inverse" if step >= DARK_FROM else ""
            drawn.append(words(x + width / 2, y + 14, f"{value:,}", f"middle small{inverse}"))
    height = _TOP + len(rows) * ROW
    drawn.append(key(bounds, height + 4, unit, label))
    some, most = sum(value > 0 for value in cells.values()), max(cells.values(), default=0)
    said = f"Cells coloured by {unit}: {some:,} of {len(rows) * len(columns):,} have any, {most:,} at most."
    return Figure(name, title, said, height + _KEY, "".join(drawn))


def key(bounds: Sequence[float], top: int, unit: str, left: float = 0) -> str:
    """Return what the steps mean: a square a step, with the numbers that it begins and ends with.

    >>> "1-2" in key([1, 3], 0, "images")
    True
    """
    width, drawn = (100 - left) / 7, []
    for at, bound in enumerate(bounds):
        end = f"-{written(bounds[at + 1] - 1)}" if at + 1 < len(bounds) and bounds[at + 1] - 1 > bound else ""
        many = " and more" if at + 1 == len(bounds) and len(bounds) == 6 else "" if at + 1 < len(bounds) else "+"
        drawn.append(box(left + at * width, top + 2, width * 0.9, 9, f"s-{at}"))
        drawn.append(words(left + at * width, top + 24, f"{written(bound)}{end}{'+' if many else ''}", "small"))
    return "".join([*drawn, words(100, top + 11, shown(unit), "end small")])
