"""Hugging Face `datasets` loads a run, its shards, a copy and an export, every key, whichever shard comes first."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.export import export
from pipeline.export.publish import publish
from pipeline.run.driver import run as run_recipe
from pipeline.shards import json_form, read_samples, sample_json, scan
from pipeline.verify import verify
from tests.conftest import Demo
from tests.oracles.environment import run

Loaded = dict[str, Any]
MAY_SHARE = "license_family NOT LIKE '%-ND'"


def by_datasets(cache: Path, *paths: Path | str) -> Loaded:
    """Return, for each path and way, the rows of each split, or the words of the error."""
    found = json.loads(run("load_datasets.py", str(cache), *map(str, paths), needs=("datasets",)))
    assert isinstance(found, dict) and len(found) == 2 * len(paths)
    return found


def told(shards: Path, split: str) -> dict[str, Any]:
    """Return the JSON of every sample of a split, read without any loader."""
    found = {}
    for path in sorted(shards.glob(f"*-{split}-*.tar")):
        for key, members in scan(path):
            found[key] = json.loads(members["json"])
    return found


def as_loaded(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["__key__"]: row["json"] for row in rows}


@pytest.fixture(scope="module")
def lean(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the demo's run with lean shards."""
    out = tmp_path_factory.mktemp("lean") / "run"
    shutil.copytree(demo.out, out)
    run_recipe(dataclasses.replace(demo.recipe, shards=dataclasses.replace(demo.recipe.shards, layout="lean")), out)
    return out


def test_a_run_its_shards_a_copy_and_an_export_load_with_all_splits_and_keys(demo: Demo, tmp_path: Path) -> None:
    list(publish(demo.out, f"file://{tmp_path / 'copy'}"))
    export(demo.out, tmp_path / "export", "shards", where=MAY_SHARE)
    places = {
        demo.out: demo.out / "shards",
        demo.out / "shards": demo.out / "shards",
        tmp_path / "copy": demo.out / "shards",
        tmp_path / "copy" / "shards": demo.out / "shards",
        tmp_path / "export": tmp_path / "export",
    }
    found = by_datasets(tmp_path / "cache", *places)
    for place, shards in places.items():
        for way in ("whole", "streaming"):
            splits = found[f"{place} {way}"]
            assert set(splits) == {"train", "validation"}, splits
            for split, name in (("train", "train"), ("validation", "val")):
                assert as_loaded(splits[split]) == told(shards, name) != {}


def test_no_key_is_lost_without_a_card_whichever_shards_come_first(demo: Demo, tmp_path: Path) -> None:
    shards = [str(path) for path in sorted((demo.out / "shards").glob("*.tar"))]
    orders = [",".join((*shards[at:], *shards[:at])) for at in range(len(shards))]
    wanted = told(demo.out / "shards", "*")
    for order, splits in by_datasets(tmp_path / "cache", *orders).items():
        assert isinstance(splits, dict), (order, splits)
        rows = as_loaded(splits["train"])
        assert rows == {key: wanted[key] for key in rows}
        assert rows.keys() == wanted.keys()


def test_a_run_with_one_split_declares_only_that(demo: Demo, tmp_path: Path) -> None:
    export(demo.out, tmp_path / "train", "shards", where=f"{MAY_SHARE} AND split = 'train'")
    export(demo.out, tmp_path / "val", "hugging-face", where=f"{MAY_SHARE} AND split = 'val'")
    found = by_datasets(tmp_path / "cache", tmp_path / "train", tmp_path / "val")
    assert [sorted(splits) for splits in found.values()] == [["train"], ["train"], ["validation"], ["validation"]]


def test_lean_shards_hold_image_and_caption_and_their_rows_lie_beside_them_in_order(
    demo: Demo, lean: Path, tmp_path: Path
) -> None:
    assert [check for check in verify(lean) if not check.ok] == []
    wanted = told(demo.out / "shards", "*")
    found: dict[str, Any] = {}
    for path in sorted((lean / "shards").glob("*.tar")):
        rows = read_samples(path)
        samples = list(scan(path))
        assert [key for key, _ in samples] == [row["key"] for row in rows]
        assert all(set(members) == {"jpg", "txt"} for _, members in samples)
        found |= {row["key"]: json.loads(sample_json(row)) for row in rows}
    assert found == wanted
    list(publish(lean, f"file://{tmp_path / 'copy'}", check=True))
    export(lean, tmp_path / "export", "shards", where=MAY_SHARE)
    tables = {place: f"{place / 'demo-train-*.parquet'}" for place in (lean / "shards", tmp_path / "export")}
    loaded = by_datasets(tmp_path / "cache", lean, tmp_path / "copy", *tables, *tables.values())
    for place, beside in tables.items():
        for way in ("whole", "streaming"):
            images, told_beside = loaded[f"{place} {way}"], loaded[f"{beside} {way}"]["train"]
            assert set(images) == {"train", "validation"}, images
            assert [image["__key__"] for image in images["train"]] == [row["key"] for row in told_beside] != []
            assert all(json_form(row) == wanted[row["key"]] for row in told_beside)
    for place in (lean, tmp_path / "copy"):
        assert loaded[f"{place} whole"] == loaded[f"{lean / 'shards'} whole"] == loaded[f"{place} streaming"]


@pytest.mark.parametrize("damage", ["missing", "reordered", "changed"])
def test_damage_to_the_rows_beside_lean_shards_is_found(lean: Path, tmp_path: Path, damage: str) -> None:
    from pipeline.shards import samples_path, write_samples

    out = Path(shutil.copytree(lean, tmp_path / "run"))
    shard = sorted((out / "shards").glob("*.tar"))[0]
    rows = read_samples(shard)
    if damage == "missing":
        samples_path(shard).unlink()
    elif damage == "reordered":
        write_samples(shard, [rows[1], rows[0], *rows[2:]])
    else:
        write_samples(shard, [{**rows[0], "license_id": "CC0-9.9"}, *rows[1:]])
    findings = {check.name for check in verify(out) if not check.ok}
    found_by = {"missing": {"files", "archives"}, "reordered": {"labels"}, "changed": {"licences"}}
    assert findings >= {"checksums", *found_by[damage]}
