"""One row's whole life as plain data: what `biomill explain --json` gives; docs/json.md lists the keys.

What a view knows of the row is given whole, under the names of its columns, so that nothing is missing that the lines
for people say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pipeline.model.outcomes import Outcome
from pipeline.storage.statements import Statements

Rows = list[dict[str, Any]]
_MEANING = {outcome.code: outcome.info.meaning for outcome in Outcome}
_SQL = Statements(__name__)
SAME_MEDIUM, MEDIA, ALIKE = _SQL("same_medium"), _SQL("media"), _SQL("alike")
"""Questions about one row; ALIKE is asked with its cluster before it."""


def explained(ask: Callable[..., Rows], row_id: str) -> dict[str, Any]:
    """Return everything that a run knows of one row.

    `ask(query, *values)` answers a question about the run's catalog; no rows, where a view is not there yet.
    """

    def one(query: str, *values: object) -> dict[str, Any] | None:
        return next(iter(ask(query, *values)), None)

    record = one("SELECT * FROM records WHERE record_id = ?", row_id)
    cluster = one("SELECT * FROM clusters WHERE record_id = ?", row_id)
    ledger = one("SELECT * FROM ledger WHERE row_id = ?", row_id)
    return {
        "row_id": row_id,
        "outcome": _outcome(ledger) if ledger else None,
        "origins": ask("SELECT * FROM origins WHERE row_id = ? ORDER BY ALL", row_id),
        "record": record,
        "name": one("SELECT * FROM names WHERE name_id = ?", record["name_id"]) if record else None,
        "same_medium": ask(SAME_MEDIUM, row_id),
        "attempts": ask("SELECT * FROM attempts WHERE record_id = ? ORDER BY place", row_id),
        "media": one(MEDIA, row_id),
        "leaks": ask("SELECT * FROM leaks WHERE record_id = ? ORDER BY ALL", row_id),
        "cluster": cluster,
        "alike": list(map(_proven, ask(ALIKE, cluster["cluster_id"], row_id))) if cluster else [],
        "sample": one("SELECT * FROM samples WHERE record_id = ?", row_id),
    }


def _outcome(ledger: dict[str, Any]) -> dict[str, Any]:
    return {**_proven(ledger), "meaning": _MEANING[ledger["outcome"]]}


def _proven(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose evidence, which the ledger keeps as text, is an object."""
    return {**row, "evidence": json.loads(row["evidence"]) if row["evidence"] else None}
