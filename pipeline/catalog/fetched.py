"""What a fetch that is not done has so far, as tables: every answer, and the records that can no longer arrive.

Answers are in the files of finished units and, of units in progress, in their journals. Placeholders are decided when
all have answered, so a picture that arrived may still turn out to be one; an answer that did not bring a picture stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.storage.database import quote
from pipeline.storage.run_folder import RunFolder, marks

SCHEMA = "unfinished"
TABLES = {
    "fetch/media": f"{SCHEMA}.media",
    "fetch/arrived": f"{SCHEMA}.arrived",
    "fetch/ledger": f"{SCHEMA}.ended",
}

_ENDED = """
CREATE VIEW unfinished.tried AS
SELECT a.record_id, a.place, a.at.image_id AS image_id, a.at.media_id AS media_id, a.at.address AS address, m.outcome
FROM (SELECT record_id, unnest(alternates) AS at, generate_subscripts(alternates, 1) AS place FROM {candidates}) a
JOIN unfinished.media m ON m.image_id = a.at.image_id;

CREATE VIEW unfinished.arrived AS
SELECT c.record_id, c.source, c.image_id, m.media_id
FROM {candidates} c JOIN unfinished.media m USING (image_id) WHERE m.outcome IS NULL
UNION ALL
SELECT c.record_id, c.source, arg_min(t.image_id, t.place), arg_min(t.media_id, t.place)
FROM {candidates} c JOIN unfinished.media m USING (image_id) JOIN unfinished.tried t USING (record_id)
WHERE m.outcome IS NOT NULL AND t.outcome IS NULL GROUP BY ALL;

CREATE VIEW unfinished.ended AS
SELECT c.record_id AS row_id, c.source, m.outcome,
       json_merge_patch(
         to_json({{'status': m.status, 'detail': m.detail, 'address': c.address}}),
         CASE WHEN t.alternates IS NULL THEN '{{}}' ELSE to_json({{'alternates': t.alternates}}) END
       )::VARCHAR AS evidence, NULL::VARCHAR AS other_id, NULL::VARCHAR AS raw
FROM {candidates} c JOIN unfinished.media m USING (image_id)
LEFT JOIN (SELECT record_id, list({{'address': address, 'outcome': outcome}} ORDER BY place) AS alternates,
                  count(*) AS tries, bool_or(outcome IS NULL) AS arrived FROM unfinished.tried GROUP BY 1) t
  USING (record_id)
WHERE m.outcome IS NOT NULL AND NOT coalesce(t.arrived, false)
  AND coalesce(t.tries, 0) = coalesce(len(c.alternates), 0);
"""
"""As `pipeline.stages.fetch_sql` decides a fetch that is done, for records all of whose addresses have answered."""


def create_fetched(con: duckdb.DuckDBPyConnection, folder: RunFolder) -> dict[str, str]:
    """Make what a fetch in progress has, in a schema of its own; return the FROM clauses by table, none when nothing.

    The answers are those of one moment: a unit is read from its file or from its journal.
    """
    from pipeline.media.stored import MEDIA_SCHEMA

    stage = folder.stage("fetch")
    noted = _noted(stage)
    # Listed after the journals were read: a unit that was finished in between is in its file, and counts from there.
    planned = {Path(output).stem: output for output in marks(folder.plan("fetch")).get("outputs", [])}
    finished = {unit: output for unit, output in planned.items() if (stage / output).exists()}
    rows = [row for unit, each in noted if unit in planned and unit not in finished for row in each]
    if not finished and not rows:
        return {}
    con.execute(f"CREATE SCHEMA {SCHEMA}")
    con.register("noted", pa.Table.from_pylist([_typed(row) for row in rows], MEDIA_SCHEMA))
    con.execute(f"CREATE TABLE {SCHEMA}.noted AS FROM noted")
    con.unregister("noted")
    listed = ", ".join(quote(str(stage / output)) for output in finished.values())
    units = f"SELECT * FROM read_parquet([{listed}]) UNION ALL " if finished else ""
    con.execute(f"CREATE VIEW {SCHEMA}.media AS {units}SELECT * FROM {SCHEMA}.noted")
    candidates = quote(str(folder.stage("screen") / "candidates" / "*.parquet"))
    con.execute(_ENDED.format(candidates=f"read_parquet({candidates})"))
    return dict(TABLES)


def _noted(stage: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    from pipeline.media.journal import logged

    found: list[tuple[str, list[dict[str, Any]]]] = []
    for path in sorted(stage.glob("journal/*.log")):
        try:
            found.append((path.stem, [row for _, rows in logged(path) for row in rows]))
        except FileNotFoundError:  # its unit was finished in between
            continue
    return found


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "pdq": bytes.fromhex(row["pdq"]) if row.get("pdq") else None}
