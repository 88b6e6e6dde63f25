"""Rows of a Parquet file beside a shard are read in the place of the JSON that its samples do not have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb

from pipeline.shards import ShardWriter, dali_index, json_form, sample, write_samples
from pipeline.storage.run_folder import DiskRunFolder
from pipeline.verify.check import Run
from pipeline.verify.contents import read_contents
from tests.conftest import Demo


def test_rows_beside_a_shard_are_its_samples_json_in_order(demo: Demo, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "shards"
    folder.mkdir(parents=True)
    with (folder / "a.tar").open("wb") as file:
        writer = ShardWriter(file)
        places = [writer.add(key, [("jpg", key.encode()), ("txt", b"a cat")]) for key in ("a1", "a2")]
        writer.close()
    (folder / "a.idx").write_text(dali_index(places))
    sizes = dict.fromkeys(("weight", "width", "height", "source_width", "source_height"), 1)
    rows = [
        sample({"record_id": key, "genus": "Felis", "lat": lat, **sizes}, {})
        for key, lat in (("a1", 1.5), ("a2", None), ("a3", 2.0))
    ]
    write_samples(folder / "a.tar", rows)
    recipe = replace(demo.recipe, shards=replace(demo.recipe.shards, layout="lean"))
    with duckdb.connect(":memory:") as con:
        found = read_contents(Run(DiskRunFolder(tmp_path / "run"), recipe, con, tmp_path))
        told = [json.loads(text) for (text,) in con.execute("SELECT json FROM found ORDER BY seq").fetchall()]
    assert told == [json_form(row) for row in rows[:2]]
    assert found.archives.cases == {"a.parquet": 1} and "1 rows more" in found.archives.first["a.parquet"]
