"""What stages leave whose bytes a benchmark of tables has no use for: fetched images and shards, of any number.

A fetch is planned by the stage's own code; its answers are drawn for the units of the plan, gathered into parts as a
round leaves them, with one small picture as every unit's images. The stage that runs over them finds all units done,
and does all that it does beside fetching. Shards are planned, too, and only their manifest is written.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from pipeline.media.parts import MOST_PARTS, PART_ROWS, part_name, part_units
from pipeline.media.tally import STORED
from pipeline.model.records import RANK_COLUMNS
from pipeline.shards import write_checksums
from pipeline.stages import fetch_plan
from pipeline.stages.base import Balance, Context, Stage, prepare, recipe_parts, stage_digest
from pipeline.stages.fetch import _RULES, MEDIA_SCHEMA, Fetch
from pipeline.stages.shards import MANIFEST_ROWS, MANIFEST_SCHEMA, Shards
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_json, write_table
from pipeline.storage.row_groups import row_group_writer
from pipeline.storage.statements import Statements
from pipeline.storage.unit_files import index_path, unit_path

_SQL = Statements(__name__)
ROUND = "0-0"


def picture() -> bytes:
    """Return the picture that all units hold: 64 pixels wide, of 1 to 2 KB."""
    out = io.BytesIO()
    shades = np.random.default_rng(1).integers(96, 160, (8, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(shades).save(out, "JPEG")
    return out.getvalue()


def answer(context: Context) -> int:
    """Write the answers to all candidates, each a picture of its own but for some near ones; give the units."""
    stage, folder = Fetch(), context.folder.stage("fetch")
    folder.mkdir(parents=True, exist_ok=True)
    prepare(stage, context, stage_digest(stage, context), keep=True)
    wanted = sql.parquet(context.folder.stage("screen") / "candidates")
    digest = fetch_plan.rules_digest({**recipe_parts(context.recipe, _RULES), "version": stage.version})
    jpeg = picture()
    encoded = hashlib.sha256(jpeg).hexdigest()
    (folder / "blobs").mkdir()
    with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
        wanted = fetch_plan.with_retries(wanted, folder)
        units = fetch_plan.write_plan(con, wanted, folder, ROUND, context.recipe.fetch, digest)
        plan = str(folder / fetch_plan.plan_name(ROUND))
        con.execute(_SQL("images", plan=plan))
        for each in units:
            (folder / "blobs" / f"{each.unit}.bin").write_bytes(jpeg)
        of, rows = 1, sum(each.rows for each in units)
        while of < MOST_PARTS and of * PART_ROWS < rows:
            of *= 2
        for names in filter(None, part_units((each.unit for each in units), of)):
            part = folder / unit_path(part_name(names))
            con.register("part_units", pa.table({"unit": names}))
            with row_group_writer(part, MEDIA_SCHEMA) as write:
                for batch in sql.batches(con, _SQL("media", plan=plan, length=len(jpeg), encoded=encoded)):
                    write(pa.Table.from_batches([batch]).cast(MEDIA_SCHEMA))
            con.unregister("part_units")
            index = folder / index_path(part_name(names))
            index.parent.mkdir(exist_ok=True)
            sql.copy(con, _SQL("index", part=str(part), stored=STORED), index)
    return len(units)


def manifest(context: Context) -> None:
    """Write the manifest of the shards that are planned, and the mark of the stage."""
    stage, folder = Shards(), context.folder.stage("shards")
    with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
        query = _SQL("manifest", plan=str(folder / "plan.parquet"), ranks=", ".join(f'"{r}"' for r in RANK_COLUMNS))
        with row_group_writer(folder / "manifest.parquet", MANIFEST_SCHEMA, MANIFEST_ROWS) as write:
            for batch in sql.batches(con, query):
                write(pa.Table.from_batches([batch]).select(MANIFEST_SCHEMA.names).cast(MANIFEST_SCHEMA))
    rows = pq.read_metadata(folder / "manifest.parquet").num_rows
    write_table(folder / "parts" / "-schema.parquet", MANIFEST_SCHEMA.empty_table())
    write_checksums(folder, ["manifest.parquet"])
    mark(context, stage, {"shards": 0, "samples": rows}, stage.balance(context, {}))


def mark(context: Context, stage: Stage, facts: dict[str, int], balance: list[Balance]) -> None:
    """Mark a stage as done."""
    digest = stage_digest(stage, context)
    done = {"stage": stage.name, "digest": digest, "version": stage.version, "facts": facts, "files": ""}
    write_json(context.folder.done(stage.name), {**done, "balance": [asdict(each) for each in balance]})
