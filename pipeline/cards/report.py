"""report.html: one file that loads nothing, with pictures, the funnel as bars, and evidence side by side."""

from __future__ import annotations

import duckdb

from pipeline.cards.facts import Facts
from pipeline.cards.pictures import bars, duplicate_pairs, leak_pairs, placeholder_pictures, taxa_pictures
from pipeline.cards.templates import template
from pipeline.storage.places import Place


def report_text(con: duckdb.DuckDBPyConnection, root: Place, facts: Facts) -> str:
    """Return the report as one HTML file that loads nothing: pictures, the funnel as bars, evidence side by side."""
    return template("report.html.jinja", escape=True).render(
        facts=facts,
        funnel=list(bars([(row[0], row[1], row[2], row[3], row[4]) for row in facts.funnel])),
        taxa=taxa_pictures(con, root),
        pairs=duplicate_pairs(con, root),
        leaks=leak_pairs(con, root),
        placeholders=placeholder_pictures(con, root),
    )
