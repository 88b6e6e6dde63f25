"""What a fetch that is not done has so far, as tables: every answer, and the records that can no longer arrive.

Answers are in the files of finished units and, of units in progress, in their journals. Placeholders are decided when
all have answered, so a picture that arrived may still turn out to be one; an answer that did not bring a picture stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from pipeline.storage.database import quote
from pipeline.storage.places import Place
from pipeline.storage.run_folder import RunFolder, marks
from pipeline.storage.statements import Statements
from pipeline.storage.unit_files import gathered, present, unit_path, units_of

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
    plan = marks(folder.plan("fetch"))
    planned = {*units_of(stage, plan.get("rounds", {})), *(Path(output).stem for output in plan.get("outputs", []))}
    held = _held(stage, planned)
    finished = {unit for units in held.values() for unit in units}
    rows = [row for unit, each in noted if unit in planned and unit not in finished for row in each]
    if not finished and not rows:
        return {}
    con.execute(f"CREATE SCHEMA {SCHEMA}")
    units = _finished(con, stage, held)
    con.register("noted", pa.Table.from_pylist([_typed(row) for row in rows], MEDIA_SCHEMA))
    con.execute(f"CREATE TABLE {SCHEMA}.noted AS FROM noted")
    con.unregister("noted")
    con.execute(f"CREATE VIEW {SCHEMA}.media AS {units}SELECT * FROM {SCHEMA}.noted")
    pattern = quote(str(folder.stage("screen") / "candidates" / "*.parquet"))
    candidates = f"read_parquet({pattern})"
    con.execute(_SQL("tried", candidates=candidates))
    con.execute(_SQL("arrived", candidates=candidates))
    con.execute(_SQL("ended", candidates=candidates))
    return dict(TABLES)


def _held(stage: Place, planned: set[str]) -> dict[str, list[str]]:
    """Return the units, of those planned, that are read from each file of media/; each unit from one."""
    parts = gathered(stage)
    left = set(planned)
    held: dict[str, list[str]] = {}
    for part, units in parts.items():
        if here := [unit for unit in units if unit in left]:
            held[part] = here
            left.difference_update(here)
    there = present(stage, map(unit_path, sorted(left)))
    return held | {unit: [unit] for unit in sorted(left) if unit_path(unit) in there}


def _finished(con: duckdb.DuckDBPyConnection, stage: Place, held: dict[str, list[str]]) -> str:
    """Return the beginning of a query of the media of finished units; of parts in which others stand, only their rows.

    Makes the table of which units are read from such parts.
    """
    import pyarrow as pa

    parts = gathered(stage)
    mixed = {name: units for name, units in held.items() if name in parts and units != parts[name]}
    rows = [{"file": str(stage / unit_path(name)), "unit": unit} for name, units in mixed.items() for unit in units]
    con.register("taken", pa.Table.from_pylist(rows, pa.schema([("file", pa.string()), ("unit", pa.string())])))
    con.execute(f"CREATE TABLE {SCHEMA}.taken AS FROM taken")
    con.unregister("taken")
    query = ""
    if whole := [name for name in held if name not in mixed]:
        query += f"SELECT * FROM read_parquet([{_listed(stage, whole)}]) UNION ALL "
    if mixed:
        query += _SQL("mixed", files=_listed(stage, mixed)) + " UNION ALL "
    return query


def _listed(stage: Place, names: Iterable[str]) -> str:
    return ", ".join(quote(str(stage / unit_path(name))) for name in names)


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
