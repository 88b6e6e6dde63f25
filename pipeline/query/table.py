"""Answers as tables: plain, in boxes, and in Markdown; a row is one line, and memory is bounded.

Columns are as wide as the widest of the first rows; what comes later and is wider moves the rest of its line, and is
never cut. On a terminal columns share the width that there is, and what is cut ends with an ellipsis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from pipeline.model.visible import on_one_line
from pipeline.query.values import cells, cut, plain

MEASURED = 1_000
"""Rows by which the widths are chosen."""
_NARROWEST = 4
Row = Sequence[object]


def widths(names: Sequence[str], rows: Sequence[Sequence[str]], between: int, room: int | None) -> list[int]:
    """Return the widths of columns in cells; `between`: cells that stand between two; `room`: of a line, None: any.

    The widest columns give way first, and none gets narrower than four cells.

    >>> widths(["a", "b"], [["x" * 30, "yy"]], 2, 20)
    [16, 2]
    """
    wide = [max((cells(row[i]) for row in rows), default=0) for i in range(len(names))]
    wide = [max(one, cells(name)) for one, name in zip(wide, names, strict=True)]
    if room is None or sum(wide) + between * (len(wide) - 1) <= room:
        return wide
    low, high = _NARROWEST, max(wide)
    while low < high:
        most = (low + high + 1) // 2
        if sum(min(one, most) for one in wide) + between * (len(wide) - 1) <= room:
            low = most
        else:
            high = most - 1
    left = room - between * (len(wide) - 1) - sum(min(one, low) for one in wide)
    chosen = []
    for one in wide:
        more = 1 if one > low and left > 0 else 0
        left -= more
        chosen.append(min(one, low + more))
    return chosen


def _pad(text: str, width: int, right: bool, room: int | None) -> str:
    shown = text if room is None else cut(text, width)
    space = " " * (width - cells(shown))
    return space + shown if right else shown + space


def _measured(
    names: Sequence[str], rows: Iterable[Row], between: int, room: int | None
) -> tuple[list[str], list[int], Iterator[list[str]]]:
    each = ([plain(value) for value in row] for row in rows)
    first = list(islice(each, MEASURED))
    shown = [on_one_line(name) for name in names]
    return shown, widths(shown, first, between, room), chain(first, each)


def table(names: Sequence[str], right: Sequence[bool], rows: Iterable[Row], room: int | None = None) -> Iterator[str]:
    """Yield a plain table: numbers to the right, words to the left.

    >>> print("\\n".join(table(["outcome", "rows"], [False, True], [["kept", 1200], [None, 7]])))
    outcome  rows
    kept     1200
    NULL        7
    """
    shown, wide, texts = _measured(names, rows, 2, room)
    for line in chain([shown], texts):
        padded = "  ".join(_pad(text, w, r, room) for text, w, r in zip(line, wide, right, strict=True)).rstrip()
        yield padded if room is None else cut(padded, room)


def box(names: Sequence[str], right: Sequence[bool], rows: Iterable[Row], room: int | None = None) -> Iterator[str]:
    """Yield a table in a box.

    >>> print("\\n".join(box(["a"], [True], [[1], [10]])))
    ┌────┐
    │  a │
    ├────┤
    │  1 │
    │ 10 │
    └────┘
    """
    shown, wide, texts = _measured(names, rows, 3, None if room is None else room - 4)

    def ruled(left: str, middle: str, end: str) -> str:
        return left + middle.join("─" * (w + 2) for w in wide) + end

    def line(each: Sequence[str]) -> str:
        return "│ " + " │ ".join(_pad(t, w, r, room) for t, w, r in zip(each, wide, right, strict=True)) + " │"

    lines = chain(
        [ruled("┌", "┬", "┐"), line(shown), ruled("├", "┼", "┤")],
        map(line, texts),
        [ruled("└", "┴", "┘")],
    )
    yield from lines if room is None else (cut(each, room) for each in lines)


def markdown(names: Sequence[str], right: Sequence[bool], rows: Iterable[Row]) -> Iterator[str]:
    """Yield a table in GitHub's Markdown, whole.

    >>> print("\\n".join(markdown(["a", "n"], [False, True], [["x|y", 1]])))
    | a | n |
    | --- | ---: |
    | x\\|y | 1 |
    """

    def line(each: Iterable[str]) -> str:
        return "| " + " | ".join(text.replace("|", "\\|") for text in each) + " |"

    yield line(on_one_line(name) for name in names)
    yield line("---:" if r else "---" for r in right)
    for row in rows:
        yield line(plain(value) for value in row)
