"""Rows as a plain text table, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.model.visible import on_one_line

_WIDEST = 60


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else on_one_line(str(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def table_lines(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield a plain text table: numbers to the right, words to the left.

    >>> print("\\n".join(table_lines(["outcome", "rows"], [["kept", 1200], ["gone", 7]])))
    outcome   rows
    kept     1,200
    gone         7
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) if cells else len(name) for i, name in enumerate(names)]
    right = [bool(rows) and all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(names))]
    for line in [list(names), *cells]:
        padded = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)]
        yield "  ".join(padded).rstrip()
