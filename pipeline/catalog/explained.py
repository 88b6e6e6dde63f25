"""One row's whole life as plain data: what `biomill explain --json` gives; docs/json.md lists the keys.

What a view knows of the row is given whole, under the names of its columns, so that nothing is missing that the lines
for people say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pipeline.model.outcomes import Outcome

Rows = list[dict[str, Any]]
_MEANING = {outcome.code: outcome.info.meaning for outcome in Outcome}
_SAME_MEDIUM = """SELECT b.record_id, b.source, b.outcome, b.record_id = b.kept_id AS speaks
                  FROM media_records a JOIN media_records b USING (media_key)
                  WHERE a.record_id = ? AND b.record_id <> a.record_id ORDER BY ALL"""
_MEDIA = """SELECT m.* FROM media m JOIN read_parquet('screen/candidates/*.parquet') c ON c.record_id = $1
            WHERE m.image_id = coalesce((SELECT image_id FROM read_parquet('fetch/arrived/*.parquet')
                                         WHERE record_id = $1), c.image_id)"""
_ALIKE = """WITH hashed AS (SELECT c.record_id, m.pdq FROM read_parquet('screen/candidates/*.parquet') c
                            LEFT JOIN read_parquet('fetch/arrived/*.parquet') a USING (record_id)
                            JOIN media m ON m.image_id = coalesce(a.image_id, c.image_id))
            SELECT c.record_id, c.source, c.outcome, c.evidence,
                   bit_count(xor(unhex(h.pdq)::BIT, unhex(own.pdq)::BIT)) AS distance
            FROM clusters c LEFT JOIN hashed h ON h.record_id = c.record_id
            LEFT JOIN hashed own ON own.record_id = $2
            WHERE c.cluster_id = $1 AND c.record_id <> $2 ORDER BY distance NULLS LAST, c.record_id"""


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
        "same_medium": ask(_SAME_MEDIUM, row_id),
        "attempts": ask("SELECT * FROM attempts WHERE record_id = ? ORDER BY place", row_id),
        "media": one(_MEDIA, row_id),
        "leaks": ask("SELECT * FROM leaks WHERE record_id = ? ORDER BY ALL", row_id),
        "cluster": cluster,
        "alike": list(map(_proven, ask(_ALIKE, cluster["cluster_id"], row_id))) if cluster else [],
        "sample": one("SELECT * FROM samples WHERE record_id = ?", row_id),
    }


def _outcome(ledger: dict[str, Any]) -> dict[str, Any]:
    return {**_proven(ledger), "meaning": _MEANING[ledger["outcome"]]}


def _proven(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose evidence, which the ledger keeps as text, is an object."""
    return {**row, "evidence": json.loads(row["evidence"]) if row["evidence"] else None}
