"""What a fetch that is not done has so far, as tables: every answer, and the records that can no longer arrive.

Answers are in the files of finished units and, of units in progress, in their journals. Placeholders are decided when
all have answered, so a picture that arrived may still turn out to be one; an answer that did not bring a picture stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from pipeline.storage.database import quote
from pipeline.storage.places import Place
from pipeline.storage.run_folder import RunFolder, marks
from pipeline.storage.statements import Statements
from pipeline.storage.unit_files import planned_outputs, present

SCHEMA = "unfinished"
TABLES = {
    "fetch/media": f"{SCHEMA}.media",
    "fetch/arrived": f"{SCHEMA}.arrived",
    "fetch/ledger": f"{SCHEMA}.ended",
}
_SQL = Statements(__name__)


def create_fetched(con: duckdb.DuckDBPyConnection, folder: RunFolder) -> dict[str, str]:
    """Make what a fetch in progress has, in a schema of its own; return the FROM clauses by table, none when nothing.

    The answers are those of one moment: a unit is read from its file or from its journal.
    """
    import pyarrow as pa  # here: who asks a finished run needs none of this

    from pipeline.media.media_schema import MEDIA_SCHEMA

    stage = folder.stage("fetch")
    noted = _noted(stage)
    # Listed after the journals were read: a unit that was finished in between is in its file, and counts from there.
    planned = {Path(output).stem: output for output in planned_outputs(stage, marks(folder.plan("fetch")))}
    there = present(stage, planned.values())
    finished = {unit: output for unit, output in planned.items() if output in there}
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
    pattern = quote(str(folder.stage("screen") / "candidates" / "*.parquet"))
    candidates = f"read_parquet({pattern})"
    con.execute(_SQL("tried", candidates=candidates))
    con.execute(_SQL("arrived", candidates=candidates))
    con.execute(_SQL("ended", candidates=candidates))
    return dict(TABLES)


def _noted(stage: Place) -> list[tuple[str, list[dict[str, Any]]]]:
    from pipeline.media.journal import logged

    found: list[tuple[str, list[dict[str, Any]]]] = []
    if not isinstance(stage, Path):
        return found  # workers upload segments of their journals now and then, which are for those who go on
    for path in sorted(stage.glob("journal/*.log")):
        try:
            found.append((path.stem, [row for _, rows in logged(path) for row in rows]))
        except FileNotFoundError:  # its unit was finished in between
            continue
    return found


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "pdq": bytes.fromhex(row["pdq"]) if row.get("pdq") else None}
