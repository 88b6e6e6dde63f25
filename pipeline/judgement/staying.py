"""Which of the records that a fetch has so far would not stay: what likeness, and conditions on pictures, will end.

Judged by what those stages judge by, over everything that has arrived: who is another's duplicate, whose labels
contradict each other, who leaks a held-out image, whose hash says too little, and who fails a condition on pictures. A
record that likeness lowers to a higher taxon stays, but not for its own: it counts as lost to that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from manifests import Recipe
from pipeline.choosing.pictures import failing_sql
from pipeline.choosing.rules import late_parts, late_rules
from pipeline.judgement.alike import AlikeFiles, AlikeWork, Units, ordered_records
from pipeline.likeness.decisions import OPEN
from pipeline.likeness.units import Work
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import table_writer
from pipeline.storage.places import Place
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_LOST = pa.schema([("record_id", pa.string())])
_NOTHING = np.empty((0, 32), np.uint8), np.empty((0, 8), np.uint8)


def judging_parts(recipe: Recipe) -> dict[str, Any]:
    """Return what of a recipe decides who stays, beside the rules of images that fetch itself depends on."""
    return {
        "likeness": repr(recipe.likeness),
        "allow": recipe.licences.allow,
        "priorities": {source.name: source.priority for source in recipe.sources},
        "minimum_rank": recipe.taxonomy.minimum_rank,
        **late_parts(recipe),
    }


def write_lost(
    run: RunFolder,
    recipe: Recipe,
    files: AlikeFiles,
    order: str,
    run_units: Callable[[Units, Work], None],
    progress: Callable[[str], None],
    path: Place,
) -> None:
    """Write the record ids of those of `files.arrived` that would not stay, as a table that is whole or absent.

    `order`, `run_units`: as in `AlikeWork`.
    """
    ordered = ordered_records(recipe, files, order)
    alike = AlikeWork(recipe, files, ordered, run_units, progress).decide(_NOTHING, lambda *found: None)
    said, texts = alike.decisions, ordered.texts()

    def lost() -> Iterator[pa.Table]:
        for places, columns in texts.batches(["record_id"]):
            gone = (said.outcome[places] != OPEN) | (said.lowered[places] >= 0)
            yield pa.table([columns.column("record_id").filter(pa.array(gone))], schema=_LOST)

    with table_writer(path, _LOST) as writer:
        for table in lost():
            writer.write_table(table)
        if late_rules(recipe):
            # Read of memory: the file of those lost to likeness is not there before all of it is.
            gone = pa.concat_tables([*lost(), _LOST.empty_table()])
            for table in _failing(run, recipe, files, gone):
                writer.write_table(table)
    ordered.remove()


def _failing(run: RunFolder, recipe: Recipe, files: AlikeFiles, gone: pa.Table) -> Iterator[pa.Table]:
    """Yield the ids of records that likeness leaves, and that fail what the recipe says of pictures."""
    names, media = sql.parquet(files.names), sql.tables(files.arrived.media)
    with sql.connect(recipe.limits.memory_mb, files.root) as con:
        con.register("gone", gone)
        kept = _SQL("kept", arrived=sql.tables(files.arrived.arrived), candidates=sql.tables(files.arrived.candidates))
        query = failing_sql(run, recipe, f"({kept})", names, media=media)
        for batch in sql.batches(con, f"SELECT record_id FROM ({query}) ORDER BY record_id"):
            yield pa.Table.from_batches([batch]).cast(_LOST)
