"""Judging what a fetch has so far as later stages will, so that it asks for others in the place of what they would end.

What was judged is kept by the content that it was judged from, under FOLDER/judged, until the fetch is done: a fetch
that was stopped judges nothing twice, and one whose recipe has changed judges anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import TYPE_CHECKING

from pipeline.judgement.alike import AlikeFiles, Units
from pipeline.judgement.staying import write_lost
from pipeline.likeness.records.ordered import Arrived
from pipeline.likeness.units import Work
from pipeline.model.evidence_text import evidence
from pipeline.stages.base import Context, missing
from pipeline.stages.preference import fetched_preference
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import remove_tree

if TYPE_CHECKING:
    import duckdb

    from pipeline.engine.engine import Engine

FOLDER = "judged"


def judged_lost(
    con: duckdb.DuckDBPyConnection, context: Context, engine: Engine, arrived: str, parts: Collection[str], done: str
) -> str:
    """Return the query of the record ids that arrived, and that a later stage would end.

    `arrived`: the query of who arrived; `parts`: the names of the files of media that they are of; `done`: a text that
    tells what was asked for.
    """
    stage = context.folder.stage
    home = stage("fetch") / FOLDER
    table = f"SELECT record_id, source, image_id, media_id FROM ({arrived}) ORDER BY record_id"
    key = _key(con, context, table, done)
    work, lost = home / f"work-{key}", home / "lost" / f"{key}.parquet"
    if not lost.exists():
        sql.copy(con, table, work / "arrived" / "part.parquet")
        media = [path for path in sql.files_of(stage("fetch") / "media") if path.name.removesuffix(".parquet") in parts]
        files = AlikeFiles(
            folder=work,
            own=context.driver_folder("fetch") / FOLDER / f"own-{key}",
            root=context.folder.root,
            arrived=Arrived(sql.files_of(work / "arrived"), media, sql.files_of(stage("screen") / "candidates")),
            blobs=stage("fetch") / "blobs",
            names=stage("resolve") / "names",
            held_out=stage("holdout") / "items",
        )

        def run_units(units: Units, each: Work) -> None:
            left = set(missing(work, [unit.output for unit in units]))
            if todo := [unit for unit in units if unit.output in left]:
                engine.run_units("fetch", todo, each, work)

        order = fetched_preference(context.recipe)
        write_lost(context.folder, context.recipe, files, order, run_units, context.progress, lost)
        remove_tree(work)
    return f"SELECT record_id FROM {sql.tables([lost])}"


def _key(con: duckdb.DuckDBPyConnection, context: Context, arrived: str, done: str) -> str:
    """Return the name of what is judged: of the stage's own digest, what was asked for, and who arrived with what."""
    plan = read_json(context.folder.plan("fetch"))["digest"]
    who = hashlib.sha256()
    for batch in sql.batches(con, f"SELECT record_id, image_id FROM ({arrived})"):
        for column in batch.columns:
            who.update("\n".join(column.to_pylist()).encode())
    return hashlib.sha256(evidence(plan=plan, done=done, who=who.hexdigest()).encode()).hexdigest()[:32]


def forget_judged(context: Context) -> None:
    """Remove what was judged, when the fetch is done."""
    remove_tree(context.folder.stage("fetch") / FOLDER)
    remove_tree(context.driver_folder("fetch") / FOLDER)
