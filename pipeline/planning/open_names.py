"""Names that the taxonomy does not decide: which they are, and how many rows each costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model.outcomes import Outcome
from pipeline.planning.plan_facts import NameCount, OpenNames
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
OPEN = (Outcome.NAME_UNRESOLVED, Outcome.NAME_AMBIGUOUS, Outcome.RANK_TOO_HIGH)
TOP = 10


def open_names(con: duckdb.DuckDBPyConnection, ledger: str) -> tuple[OpenNames, ...]:
    """Return the names that ended rows, by outcome; `ledger`: FROM clause with outcome and evidence."""
    con.execute(_SQL("open_names", ledger=ledger, outcomes=[each.code for each in OPEN]))
    found = []
    for outcome in OPEN:
        names, rows = con.execute(_SQL("sums", outcome=outcome.code)).fetchall()[0]
        top = con.execute(_SQL("top", outcome=outcome.code, most=TOP)).fetchall()
        found.append(OpenNames(outcome.code, names, rows, tuple(NameCount(*row) for row in top)))
    return tuple(found)
