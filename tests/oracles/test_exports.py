"""Exports as torchvision and pycocotools see them; skipped where neither is installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pipeline.export import export
from pipeline.storage.files.atomic import read_json, write_json
from tests.conftest import Demo
from tests.oracles.environment import run


def test_image_folder_numbers_the_classes_of_both_splits_alike(demo: Demo, tmp_path: Path) -> None:
    done = export(demo.out, tmp_path / "plain", "folders")
    found = json.loads(run("read_export.py", "folders", str(tmp_path / "plain"), needs=("torch", "torchvision")))
    train, val = found["train"], found["val"]
    assert {split: found[split]["images"] for split in found} == done.files
    assert 0 < len(val["class_to_idx"]) < len(train["class_to_idx"])
    assert all(train["class_to_idx"][name] == number for name, number in val["class_to_idx"].items())


def test_image_folder_sees_every_class_in_every_split_where_empty_ones_are_asked_for(
    demo: Demo, tmp_path: Path
) -> None:
    export(demo.out, tmp_path / "empty", "folders", empty_classes=True)
    found = json.loads(run("read_export.py", "empty-folders", str(tmp_path / "empty"), needs=("torch", "torchvision")))
    assert found["train"]["class_to_idx"] == found["val"]["class_to_idx"]


def test_pycocotools_reads_images_and_the_boxes_of_the_source(demo: Demo, tmp_path: Path) -> None:
    out = Path(shutil.copytree(demo.out, tmp_path / "run"))
    manifest = read_json(out / "manifest.json")
    resolved = json.loads(manifest["resolved"])
    resolved["export"]["allow"] = ["CC-BY-ND", "CC-BY-NC-ND"]
    write_json(out / "manifest.json", {**manifest, "resolved": json.dumps(resolved)})
    done = export(out, tmp_path / "coco", "coco")
    found = json.loads(run("read_export.py", "coco", str(tmp_path / "coco"), needs=("pycocotools",)))
    assert {split: each["images"] for split, each in found.items()} == done.files
    boxes = [box for each in found.values() for box in each["boxes"]]
    assert len(boxes) > 50
    for each in found.values():
        assert each["files"] and each["annotations"] >= each["images"]
    for _, (_, _, width, height), covered in boxes:
        assert covered == round(width) * round(height)
