"""What an export holds, what it refuses, and that bytes go over as they are."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.atomic import read_json, write_json
from pipeline.catalog import open_catalog
from pipeline.cli import main
from pipeline.errors import RunError, VerifyError
from pipeline.export import Exported, export
from pipeline.shards import sample_locations, verify_checksums, verify_index
from tests.conftest import Demo

MAY_SHARE = "license_family NOT LIKE '%-ND'"


def rows(demo: Demo, query: str) -> list[tuple[Any, ...]]:
    with open_catalog(demo.out) as con:
        return con.execute(query).fetchall()


def jpegs(folder: Path) -> dict[str, str]:
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.jpg"))}


def balanced(done: Exported) -> bool:
    return done.asked == done.exported + sum(done.refused.values()) + done.unclassed


def test_shards_are_copied_byte_for_byte(demo: Demo, tmp_path: Path) -> None:
    done = export(demo.out, tmp_path / "x", "shards", where="\"class\" = 'Aves'")
    assert balanced(done)
    old = {
        key: (shard, at, size)
        for key, shard, at, size in rows(demo, 'SELECT key, shard, "offset", "length" FROM samples')
    }
    manifest = pq.read_table(tmp_path / "x" / "manifest.parquet").to_pylist()
    assert len(manifest) == done.exported > 0
    for row in manifest:
        data = (tmp_path / "x" / row["shard"]).read_bytes()
        shard, at, size = old[row["key"]]
        whole = data[row["offset"] : row["offset"] + row["length"]]
        assert whole == (demo.out / "shards" / shard).read_bytes()[at : at + size]
        image = data[row["jpg_offset"] : row["jpg_offset"] + row["jpg_length"]]
        assert hashlib.sha256(image).hexdigest() == row["sha256"]
    for name, samples in done.files.items():
        assert verify_index(tmp_path / "x" / name) == samples == len(list(sample_locations(tmp_path / "x" / name)))
    assert verify_checksums(tmp_path / "x", done.files) == 2 * len(done.files) + 3


def test_what_may_not_be_shared_stays_and_is_named(demo: Demo, tmp_path: Path) -> None:
    done = export(demo.out, tmp_path / "x", "folders")
    held_back = rows(demo, f"SELECT count(*) FROM samples WHERE NOT {MAY_SHARE}")[0][0]
    assert done.refused == {"may_not_be_shared": held_back}
    assert held_back > 0
    with (tmp_path / "x" / "refused.csv").open() as handle:
        assert len(list(csv.DictReader(handle))) == held_back
    expected = dict(rows(demo, f"SELECT key, jpeg_sha256 FROM samples WHERE {MAY_SHARE}"))
    assert jpegs(tmp_path / "x") == expected
    attributed = pq.read_table(tmp_path / "x" / "ATTRIBUTION.parquet").column("key").to_pylist()
    assert attributed == sorted(expected)


def test_the_recipe_can_let_them_out(demo: Demo, tmp_path: Path) -> None:
    out = Path(shutil.copytree(demo.out, tmp_path / "run"))
    manifest = read_json(demo.out / "manifest.json")
    resolved = json.loads(manifest["resolved"])
    resolved["export"]["allow"] = ["CC-BY-NC-ND"]
    write_json(out / "manifest.json", {**manifest, "resolved": json.dumps(resolved)})
    done = export(out, tmp_path / "x", "folders", where="license_family = 'CC-BY-NC-ND'")
    assert done.exported == done.asked > 0


def test_coco_and_yolo_hold_one_whole_frame_per_image(demo: Demo, tmp_path: Path) -> None:
    coco = export(demo.out, tmp_path / "coco", "coco", level="genus")
    yolo = export(demo.out, tmp_path / "yolo", "yolo", level="genus")
    assert coco.files == yolo.files
    for split, images in coco.files.items():
        told = read_json(tmp_path / "coco" / "annotations" / f"{split}.json")
        assert len(told["images"]) == len(told["annotations"]) == images
        categories = {each["id"]: each["name"] for each in told["categories"]}
        for image, note in zip(told["images"], told["annotations"], strict=True):
            assert note["bbox"] == [0, 0, image["width"], image["height"]]
            assert image["accepted_name"].split()[0] == categories[note["category_id"]].split(" (")[0]
            label = (tmp_path / "yolo" / "labels" / split / f"{image['key']}.txt").read_text()
            assert label == f"{note['category_id'] - 1} 0.5 0.5 1 1\n"
    assert jpegs(tmp_path / "coco") == jpegs(tmp_path / "yolo")
    assert not list((tmp_path / "coco" / "annotations").glob(".*"))


def test_a_hugging_face_folder_holds_images_and_features(demo: Demo, tmp_path: Path) -> None:
    done = export(demo.out, tmp_path / "x", "hugging-face", sql="SELECT key FROM samples ORDER BY key LIMIT 60")
    assert done.asked == 60
    files = sorted((tmp_path / "x" / "data").glob("*.parquet"))
    told = [row for path in files for row in pq.read_table(path).to_pylist()]
    stored = dict(rows(demo, "SELECT key, jpeg_sha256 FROM samples"))
    assert len(told) == done.exported
    assert all(hashlib.sha256(row["image"]["bytes"]).hexdigest() == stored[row["key"]] for row in told)
    features = json.loads(pq.read_schema(files[0]).metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert list(features) == pq.read_schema(files[0]).names
    labels = [features["label"]["names"][row["label"]].split(" (")[0] for row in told]
    assert labels == [row["accepted_name"] for row in told]


def test_two_exports_have_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    for form in ("shards", "hugging-face"):
        both = [tmp_path / f"{form}-{n}" for n in (1, 2)]
        for out in both:
            export(demo.out, out, form, where="source = 'eol'")
        one, two = ({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} for out in both)
        assert one == two


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"where": "genus = 'Nothing'"}, "no sample is chosen"),
        ({"where": "no_such_column = 1"}, "cannot answer"),
        ({"where": "license_family = 'CC-BY-NC-ND'"}, "may leave"),
        ({"sql": "DROP TABLE outcomes"}, "not one question"),
        ({"sql": "SELECT key FROM samples; SELECT 1"}, "not one question"),
        ({"where": "true) ; SELECT (1"}, "SQL"),
        ({"where": "true", "sql": "SELECT key FROM samples"}, "both"),
        ({"where": "key IN (SELECT content FROM read_text('/etc/passwd'))"}, "cannot answer"),
        ({"level": "tribe"}, "no such level"),
        ({"form": "zip"}, "no such format"),
    ],
)
def test_a_wrong_question_leaves_nothing_behind(
    demo: Demo, tmp_path: Path, arguments: dict[str, str], said: str
) -> None:
    with pytest.raises(RunError, match=said):
        export(demo.out, tmp_path / "x", **{"form": "folders", **arguments})
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_has_changed_is_not_exported(demo: Demo, tmp_path: Path) -> None:
    run = Path(shutil.copytree(demo.out, tmp_path / "run"))
    for path in sorted((run / "shards").glob("*.tar")):
        data = bytearray(path.read_bytes())
        data[700] ^= 1
        path.write_bytes(bytes(data))
    for form in ("shards", "folders"):
        with pytest.raises(VerifyError, match="has changed"):
            export(run, tmp_path / form, form)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_command_says_what_left_and_refuses_an_existing_folder(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["export", str(demo.out), "-o", str(tmp_path / "x"), "--where", "genus = 'Puma'", "--format", "folders"]
    assert main(line) == 0
    assert "chosen samples exported" in capsys.readouterr().out
    assert main(line) != 0
    assert "exists" in capsys.readouterr().err
