"""CPU per record and peak memory of the row stages as the number of records grows.

Generated GBIF archives of 10 k and 100 k media rows go through the real driver. Their media do not exist, so the fetch
stage is stood in for by a table of random hashes (and one small picture, stored over and over) that says every
candidate arrived; all other stages are the pipeline's own. Each size runs in a process of its own.

    python -m tests.performance.bench_growth [SIZE ...]
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from manifests import load_recipe
from pipeline.demo import generate_records
from pipeline.run.driver import run
from pipeline.stages import fetch_placeholders
from pipeline.stages.base import Context, stage_digest
from pipeline.stages.fetch import MEDIA_SCHEMA, Fetch
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_json, write_table
from pipeline.storage.run_folder import RunFolder

STAGES = ("ingest", "resolve", "screen", "likeness", "select", "shards", "catalog")


def stand_in_for_fetch(context: Context) -> None:
    """Write what the fetch stage would have written, had every candidate's medium been a picture of its own."""
    folder = context.folder.stage("fetch")
    candidates = pq.read_table(context.folder.stage("screen") / "candidates")
    images = candidates.select(["image_id", "media_id", "host", "address"]).group_by("image_id").aggregate(
        [("media_id", "min"), ("host", "min"), ("address", "min")]
    ).sort_by("image_id")  # fmt: skip
    count = images.num_rows
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    picture = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(picture, "JPEG")
    jpeg = picture.getvalue()
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / "all.bin").write_bytes(jpeg)
    columns: dict[str, pa.Array] = {
        "image_id": images["image_id"],
        "media_id": images["media_id_min"],
        "host": images["host_min"],
        "address": images["address_min"],
        "status": pa.array(np.full(count, 200), pa.int32()),
        "bytes": pa.array(np.full(count, len(jpeg))),
        "sha256": pa.array([row.tobytes().hex() for row in hashes]),
        "format": pa.array(["JPEG"] * count),
        "pdq": pa.array([row.tobytes() for row in hashes], pa.binary(32)),
        "phash": pa.array([row.tobytes()[:8].hex() for row in hashes]),
        "quality": pa.array(np.full(count, 100), pa.int32()),
        "pixel_sha256": pa.array([row.tobytes()[::-1].hex() for row in hashes]),
        "unit": pa.array(["all"] * count),
        "offset": pa.array(np.zeros(count), pa.int64()),
        "length": pa.array(np.full(count, len(jpeg))),
    }
    for name in ("source_width", "source_height", "width", "height"):
        columns[name] = pa.array(np.full(count, 64), pa.int32())
    table = pa.table({f.name: columns.get(f.name, pa.nulls(count, f.type)) for f in MEDIA_SCHEMA}, schema=MEDIA_SCHEMA)
    write_table(folder / "media" / "all.parquet", table)
    stage = Fetch()
    digest = stage_digest(stage, context)
    write_json(context.folder.plan("fetch"), {"digest": digest, "outputs": ["media/all.parquet"]})
    candidates = sql.parquet(context.folder.stage("screen") / "candidates")
    with sql.connect(context.recipe.limits.memory_mb, context.folder.root) as con:
        fetch_placeholders.begin(con)
        stage._find_placeholders(con, context, folder, candidates, candidates)
    balance = [asdict(each) for each in stage.balance(context, {})]
    done = {"stage": stage.name, "digest": digest, "version": stage.version, "facts": {}, "balance": balance}
    write_json(context.folder.done("fetch"), done)


def one(size: int) -> None:
    """Run one size and print a line per stage."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        recipe = load_recipe(generate_records(root / "bulk", size))
        out = root / "out"
        run(recipe, out, until="screen")
        stand_in_for_fetch(Context(recipe, RunFolder(out), print))
        run(recipe, out)
        for stage in STAGES:
            cost = json.loads((out / stage / "_cost.json").read_text())
            balance = json.loads((out / stage / "_done.json").read_text())["balance"]
            rows = sum(b["rows_in"] for b in balance) if stage != "resolve" else size
            print(
                f"{size:>9,} {stage:<9} {rows:>9,} rows {cost['cpu_s']:>8.2f} CPU s "
                f"{1e6 * cost['cpu_s'] / size:>8.1f} us/record {cost['peak_rss_mb']:>8.0f} MB peak",
                flush=True,
            )


def main() -> None:
    """Run all sizes, each in its own process."""
    if len(sys.argv) > 2 and sys.argv[1] == "--one":
        one(int(sys.argv[2]))
        return
    for size in [int(text) for text in sys.argv[1:]] or [10_000, 100_000]:
        subprocess.run([sys.executable, "-m", "tests.performance.bench_growth", "--one", str(size)], check=True)


if __name__ == "__main__":
    main()
