"""The demo's shards load, unchanged, in the loaders that people use; those that are not installed are skipped."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.run.driver import run as run_recipe
from pipeline.shards import read_sizes
from tests.conftest import Demo
from tests.oracles.environment import run


def expected(shards: Path) -> dict[str, Any]:
    table = pq.read_table(shards / "manifest.parquet", filters=[("split", "=", "train")]).to_pylist()
    return {row["key"]: row for row in table}


@pytest.mark.parametrize("oracle", ["webdataset", "datasets", "datasets-streaming"])
def test_a_loader_reads_every_sample_with_image_caption_and_labels(demo: Demo, tmp_path: Path, oracle: str) -> None:
    shards = tmp_path / "shards"
    shutil.copytree(demo.out / "shards", shards)
    wanted = expected(shards)
    needs = ("webdataset==1",) if oracle == "webdataset" else ("datasets",)
    found = json.loads(run("read_shards.py", oracle, str(shards), needs=needs))
    assert set(found) == set(wanted)
    for key, sample in found.items():
        assert sample["size"] == [wanted[key]["width"], wanted[key]["height"]]
        assert sample["txt"].startswith("a photo of ") and "None" not in sample["txt"].split()
        assert sample["taxon"]["accepted_id"] == wanted[key]["accepted_id"]


def test_open_clip_trains_from_the_shards_by_its_own_data_path(demo: Demo) -> None:
    shards = demo.out / "shards"
    needs = ("open_clip", "torchvision", "webdataset==0.2")
    found = json.loads(run("read_shards.py", "open_clip", str(shards), needs=needs))
    total = sum(size for name, size in read_sizes(shards / "sizes.json").items() if "-train-" in name)
    # open_clip takes its length from sizes.json and fills whole batches, beginning again where the shards end.
    assert found["stated"] >= total - 8 and found["images"] == found["texts"] == found["stated"]


def test_the_bioclip_layout_has_every_member_that_its_random_text_loader_asks_for(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(demo.out, out)
    rules = dataclasses.replace(demo.recipe.shards, layout="bioclip")
    run_recipe(dataclasses.replace(demo.recipe, shards=rules), out, until="shards")
    found = json.loads(run("read_shards.py", "bioclip2", str(out / "shards"), needs=("webdataset",)))
    assert found
    for texts in found.values():
        assert set(texts) == {"sci", "com", "taxon", "sci_com", "taxon_com"}
        assert all(text.startswith("a photo of ") for text in texts.values())


@pytest.mark.parametrize("mode", ["index", "stream"])
def test_pytorch_gets_the_same_batches_for_any_workers_and_ranks_and_after_a_resume(demo: Demo, mode: str) -> None:
    found = [
        json.loads(
            run(
                "torch_batches.py",
                str(demo.out / "shards"),
                str(workers),
                mode,
                needs=("torch", "fsspec", "duckdb", "PIL"),
            )
        )
        for workers in (0, 2)
    ]
    assert len(found[0]["one"]) == 40
    for each in found:
        assert each["one"] == each["resumed"] == each["two"] == found[0]["one"]
