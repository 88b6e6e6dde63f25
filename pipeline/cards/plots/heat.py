"""A table whose cells are coloured by their numbers, in steps from few to many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.cards.plots.labels import NARROW, SMALL_LETTER, letters, percent_of, shortened
from pipeline.cards.plots.scale import class_of, steps_of, written
from pipeline.cards.plots.svg import Figure, box, shown, upright, words

ROW = 20
_KEY = 50
_MOST_LABEL, _MOST_LETTERS = 40, 18
"""Percent of the width for the names of rows, and letters of a column's name."""
DARK_FROM = 3
"""From this step on letters in a cell are those of the other scheme."""


def heat(
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Mapping[tuple[int, int], int],
    unit: str,
    numbers: bool = False,
) -> Figure:
    """Return the cells (row, column) -> number; those without one stay empty.

    `numbers`: whether they are written into the cells, where all of them have room.

    >>> figure = heat("h", "Months", ["1", "2"], ["2023", "2024"], {(1, 0): 12}, "images")
    >>> figure.description
    'Cells coloured by images: 1 of 4 have any, 12 at most.'
    """
    label = min(percent_of(rows, SMALL_LETTER), _MOST_LABEL)
    width = (100 - label) / max(len(columns), 1)
    room = NARROW * width / 100 / SMALL_LETTER
    top, drawn = _names(columns, label, width, room)
    bounds = steps_of(list(cells.values()))
    for at, row in enumerate(rows):
        text = shortened(row, (NARROW * label / 100 - 6) / SMALL_LETTER)
        drawn.append(words(label, top + at * ROW + 14, text, "end small", -6))
    # A name of the whole number is in the cell's title, and the number in the table.
    numbers = numbers and all(letters(written(value)) <= room for value in cells.values())
    for (row_at, column_at), value in sorted(cells.items()):
        if value <= 0:
            continue
        x, y, step = label + column_at * width, top + row_at * ROW, class_of(value, bounds)
        said = f"{rows[row_at]}, {columns[column_at]}: {value:,} {unit}"
        drawn.append(box(x + 0.1, y + 1, width - 0.2, ROW - 2, f"s-{step}", said))
        if numbers:
            text = f"{value:,}" if len(f"{value:,}") <= room else written(value)
            drawn.append(words(x + width / 2, y + 14, text, f"middle small {'on-high' if step >= DARK_FROM else 'on'}"))
    height = top + len(rows) * ROW
    drawn.append(key(bounds, height + 4, unit))
    some, most = sum(value > 0 for value in cells.values()), max(cells.values(), default=0)
    said = f"Cells coloured by {unit}: {some:,} of {len(rows) * len(columns):,} have any, {most:,} at most."
    return Figure(name, title, said, height + _KEY, "".join(drawn), rows=True)


def _names(columns: Sequence[str], label: float, width: float, room: float) -> tuple[int, list[str]]:
    """Return the height of the names of columns, and the names: upright where they would lie over each other."""
    places = [label + (at + 0.5) * width for at in range(len(columns))]
    longest = max(map(letters, columns), default=0)
    if longest <= room:
        return 18, [words(x, 12, column, "middle small") for x, column in zip(places, columns, strict=True)]
    high = int(min(longest, _MOST_LETTERS) * SMALL_LETTER) + 10
    named = [shortened(column, _MOST_LETTERS) for column in columns]
    return high, [upright(x, high - 5, text) for x, text in zip(places, named, strict=True)]


def key(bounds: Sequence[float], top: int, unit: str) -> str:
    """Return what the steps mean: a box a step, with the numbers that it begins and ends with.

    >>> "1-2" in key([1, 3], 0, "images"), "1-9" in key([3, 10], 0, "images")
    (True, True)
    """
    width, drawn = 100 / 7, []
    for at, bound in enumerate(bounds):
        begin = bound if at else 1  # what is less than the first bound is of the first step too
        end = bounds[at + 1] - 1 if at + 1 < len(bounds) else 0
        text = f"{written(begin)}+" if not end or begin >= 1000 else f"{begin:g}-{end:g}" if end > begin else f"{end:g}"
        drawn.append(box(at * width, top + 2, width * 0.9, 9, f"s-{at}"))
        drawn.append(words(at * width, top + 24, text, "small"))
    return "".join([*drawn, words(0, top + 40, shown(unit), "small")])
