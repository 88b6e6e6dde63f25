"""What a finished run says for itself on the terminal: the funnel, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.catalog.open import open_catalog
from pipeline.model.text_table import table_lines
from pipeline.storage.places import Place


def funnel_lines(root: Place) -> Iterator[str]:
    """Yield the funnel of a run: rows per stage, outcome and source, and their sum."""
    with open_catalog(root) as con:
        sources = [name for (name,) in con.execute("SELECT DISTINCT source FROM ledger ORDER BY 1").fetchall()]
        counted = con.execute("SELECT place, stage, outcome, source, rows FROM funnel ORDER BY ALL").fetchall()
    lines: dict[tuple[int, str, str], dict[str, int]] = {}
    for place, stage, outcome, source, rows in counted:
        lines.setdefault((place, stage, outcome), {})[source] = rows
    table: list[list[object]] = [
        [stage, outcome, *(found.get(name, 0) for name in sources), sum(found.values())]
        for (_, stage, outcome), found in lines.items()
    ]
    totals = [sum(found.get(name, 0) for found in lines.values()) for name in sources]
    table.append(["", "all input rows", *totals, sum(totals)])
    yield from table_lines(["stage", "outcome", *sources, "all"], table)
