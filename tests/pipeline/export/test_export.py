"""What an export holds, what it refuses, and that bytes go over as they are."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import pyarrow.parquet as pq
import pytest

from pipeline.catalog import open_catalog
from pipeline.commands.cli import main
from pipeline.export import Exported, export
from pipeline.model.errors import RunError, VerifyError
from pipeline.shards import sample_locations, verify_checksums, verify_index
from pipeline.storage.files.atomic import read_json, write_json
from tests.conftest import Demo


class Asked(TypedDict, total=False):
    """What an export is asked for."""

    form: str
    where: str
    sql: str
    level: str


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
    done = export(demo.out, tmp_path / "x", "folders", level="accepted")
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
    done = export(out, tmp_path / "x", "folders", where="license_family = 'CC-BY-NC-ND'", level="accepted")
    assert done.exported == done.asked > 0


@pytest.fixture(scope="module")
def shareable(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo's run, of which every licence may leave: its boxes are all under one that may not be changed."""
    out = tmp_path_factory.mktemp("shareable") / "run"
    shutil.copytree(demo.out, out)
    manifest = read_json(out / "manifest.json")
    resolved = json.loads(manifest["resolved"])
    resolved["export"]["allow"] = ["CC-BY-ND", "CC-BY-NC-ND"]
    write_json(out / "manifest.json", {**manifest, "resolved": json.dumps(resolved)})
    return replace(demo, out=out)


def test_coco_and_yolo_hold_the_boxes_of_the_source_and_no_others(shareable: Demo, tmp_path: Path) -> None:
    coco = export(shareable.out, tmp_path / "coco", "coco", level="genus")
    yolo = export(shareable.out, tmp_path / "yolo", "yolo", level="genus")
    boxed = {
        key: (x, y, w, h)
        for key, x, y, w, h in rows(
            shareable,
            "SELECT s.key, r.box_x, r.box_y, r.box_w, r.box_h FROM samples s JOIN records r USING (record_id) "
            "WHERE r.box_x IS NOT NULL AND s.genus IS NOT NULL",
        )
    }
    assert len(boxed) > 50
    assert sum(yolo.files.values()) == len(boxed)
    assert yolo.refused == {"no_box": sum(coco.files.values()) - len(boxed)}
    assert balanced(coco) and balanced(yolo)
    data = (tmp_path / "yolo" / "data.yaml").read_text().partition("names:\n")[2]
    classes = {int(line.partition(":")[0]): json.loads(line.partition(":")[2]) for line in data.splitlines()}
    seen = set()
    for split, images in coco.files.items():
        told = read_json(tmp_path / "coco" / "annotations" / f"{split}.json")
        assert len(told["images"]) == images
        assert [note["id"] for note in told["annotations"]] == list(range(1, len(told["annotations"]) + 1))
        categories = {each["id"]: each["name"] for each in told["categories"]}
        image_of = {image["id"]: image for image in told["images"]}
        for note in told["annotations"]:
            image = image_of[note["image_id"]]
            key = image["key"]
            label = tmp_path / "yolo" / "labels" / split / f"{key}.txt"
            assert ("bbox" in note) == (key in boxed) == label.exists()
            assert note["area"] > 0 and note["iscrowd"] == 0
            if note["key"] == key:
                assert image["accepted_name"].split()[0] == categories[note["category_id"]].split(" (")[0]
            if "bbox" in note:
                seen.add(note["key"])
                assert tuple(note["source_bbox"]) == boxed[note["key"]]
                x, y, w, h = note["bbox"]
                assert 0 <= x < x + w <= image["width"] + 0.01 and 0 <= y < y + h <= image["height"] + 0.01
                shares = [(x + w / 2) / image["width"], (y + h / 2) / image["height"]]
                shares += [w / image["width"], h / image["height"]]
                found = [[float(n) for n in line.split()] for line in label.read_text().splitlines()]
                named = categories[note["category_id"]]
                assert any(
                    classes[int(line[0])] == named and line[1:] == pytest.approx(shares, abs=1e-4) for line in found
                )
    assert seen == set(boxed)
    assert jpegs(tmp_path / "yolo") == {key: jpegs(tmp_path / "coco")[key] for key in boxed}
    assert not list((tmp_path / "coco" / "annotations").glob(".*"))
    attributed = pq.read_table(tmp_path / "yolo" / "ATTRIBUTION.parquet").column("key").to_pylist()
    assert attributed == sorted(boxed)


def test_a_run_without_boxes_makes_no_yolo(demo: Demo, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no_box"):
        export(demo.out, tmp_path / "x", "yolo", where="source = 'eol'")
    assert list(tmp_path.iterdir()) == []


def numbers(split: Path) -> dict[str, int]:
    """Number the class folders of a split as ImageFolder and Keras do: by place in the order of names."""
    return {path.name: number for number, path in enumerate(sorted(split.iterdir()))}


@pytest.mark.parametrize("level", ["species", "family", "accepted"])
def test_class_folders_number_alike_in_every_split(demo: Demo, tmp_path: Path, level: str) -> None:
    done = export(demo.out, tmp_path / "x", "folders", level=level)
    assert balanced(done)
    train, val = numbers(tmp_path / "x" / "train"), numbers(tmp_path / "x" / "val")
    assert 0 < len(val) < len(train)
    assert val.items() <= train.items()
    with (tmp_path / "x" / "classes.csv").open(encoding="utf-8") as handle:
        listed = list(csv.DictReader(handle))
    assert {row["folder"]: int(row["number"]) for row in listed} == train
    for row in listed:
        for split in ("train", "val"):
            folder = tmp_path / "x" / split / row["folder"]
            assert len(list(folder.glob("*.jpg"))) == int(row[split])


def test_a_class_of_validation_alone_stays_out_or_has_an_empty_folder(demo: Demo, tmp_path: Path) -> None:
    species = rows(demo, f"SELECT species FROM samples WHERE split = 'val' AND {MAY_SHARE} ORDER BY 1 LIMIT 1")[0][0]
    chosen = f"(split = 'val' OR species <> '{species}') AND species IS NOT NULL AND {MAY_SHARE}"
    done = export(demo.out, tmp_path / "x", "folders", where=chosen)
    left_out = rows(demo, f"SELECT count(*) FROM samples WHERE split = 'val' AND species = '{species}' AND {MAY_SHARE}")
    assert done.refused == {"class_not_in_train": left_out[0][0]}
    assert numbers(tmp_path / "x" / "val").items() <= numbers(tmp_path / "x" / "train").items()
    whole = export(demo.out, tmp_path / "y", "folders", where=chosen, empty_classes=True)
    assert whole.exported == done.exported + left_out[0][0]
    assert numbers(tmp_path / "y" / "val") == numbers(tmp_path / "y" / "train")
    validated = export(demo.out, tmp_path / "z", "folders", where=f"split = 'val' AND {MAY_SHARE}")
    assert list(validated.files) == ["val"] and not validated.refused


def test_a_genus_is_no_class_beside_its_species_unless_its_name_says_so(demo: Demo, tmp_path: Path) -> None:
    within = {
        genus
        for genus, rank, name in rows(
            demo, f"SELECT genus, accepted_rank, accepted_name FROM samples WHERE {MAY_SHARE}"
        )
        if rank == "genus" and name == genus
    } & {genus for (genus,) in rows(demo, f"SELECT genus FROM samples WHERE species IS NOT NULL AND {MAY_SHARE}")}
    assert within
    export(demo.out, tmp_path / "species", "folders")
    export(demo.out, tmp_path / "accepted", "folders", level="accepted")
    plain, marked = (
        {name.partition("_")[2] for name in numbers(tmp_path / level / "train")} for level in ("species", "accepted")
    )
    assert not within & (plain | marked)
    for genus in within:
        assert any(name.startswith(f"{genus} (genus only)") for name in marked)


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
    assert labels == [row["species"] for row in told]


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
def test_a_wrong_question_leaves_nothing_behind(demo: Demo, tmp_path: Path, arguments: Asked, said: str) -> None:
    with pytest.raises(RunError, match=said):
        asked: Asked = {"form": "folders", **arguments}
        export(demo.out, tmp_path / "x", **asked)
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
