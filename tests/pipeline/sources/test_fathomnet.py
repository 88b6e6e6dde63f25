"""FathomNet: one row per box, whichever layout, and boxes only as far as they lie in their image."""

from __future__ import annotations

import gzip
import json
import random
import uuid
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SourceError
from pipeline.ids import record_id

from .conftest import Reader

Json = dict[str, Any]


def name(number: int) -> str:
    return str(uuid.UUID(int=number, version=4))


def box(number: int, place: tuple[Any, ...] = (10, 20, 30, 40), **more: Any) -> Json:
    x, y, width, height = place
    given = {"uuid": name(1000 + number), "concept": "Octopus rubescens", "rejected": False, "reviewState": "VERIFIED"}
    return {**given, "x": x, "y": y, "width": width, "height": height, **more}


def image(number: int, *boxes: Any, **more: Any) -> Json:
    given = {"uuid": name(number), "url": f"https://database.fathomnet.org/static/m3/{number}.png", "valid": True}
    size = {"width": 640, "height": 480, "latitude": 36.5, "longitude": -122.0, "contributorsEmail": "a@b.example"}
    return {**given, **size, "mediaType": "IMAGE", "boundingBoxes": list(boxes), **more}


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_boxes_become_records(tmp_path: Path, read_release: Reader) -> None:
    images = [
        image(1, box(1), box(2, concept=None, occluded=True)),
        image(2, box(3, groupOf=True, reviewState=None, verified=False)),
    ]
    read = read_release("fathomnet", write(tmp_path / "i.json", images))
    first, second, third = read.records
    assert first["record_id"] == record_id("s", name(1), name(1), name(1001))
    assert (first["box_x"], first["box_y"], first["box_w"], first["box_h"]) == (10, 20, 30, 40)
    assert (first["media_width"], first["media_height"], first["media_type"]) == (640, 480, "StillImage")
    assert (first["media_key"], first["occurrence_key"]) == (f"fathomnet:{name(1)}", name(1))
    assert (first["license_id"], first["label_status"]) == ("CC-BY-NC-ND-4.0", "VERIFIED")
    assert (first["scientific_name"], first["lat"], first["issues"]) == ("Octopus rubescens", 36.5, [])
    assert (second["scientific_name"], second["issues"]) == (None, ["CATEGORY_NULL", "OCCLUDED"])
    assert (third["label_status"], third["issues"]) == ("UNVERIFIED", ["GROUP_OF"])
    assert [(r["locator_row"], r["locator_offset"]) for r in read.records] == [(1, -1), (2, -1), (3, -1)]
    assert "example" not in json.dumps(read.records)


def test_every_element_has_one_end(tmp_path: Path, read_release: Reader) -> None:
    images = [
        image(1),
        image(2, box(2, rejected=True), box(3, reviewState="REJECTED"), box(4)),
        image(3, box(5), valid=False),
        image(4, box(6, (700, 10, 50, 50)), box(7, (10, 10, 0, 5)), box(8, (10, 10, -5, 5)), box(9, ("a", 1, 5, 5))),
        image(5, box(10), url=None),
        image(6, box(11), uuid=None),
        image(7, "no box", box(12)),
        ["no image"],
    ]
    read = read_release("fathomnet", write(tmp_path / "i.json", images), target_bytes=1024)
    assert len(read.plan.splits) > 4
    assert read.outcomes() == {
        "no_box": 1,
        "rejected_label": 3,
        "bad_box": 4,
        "no_url": 1,
        "id_missing": 1,
        "malformed_row": 2,
    }
    assert [r["box_id"] for r in read.records] == [name(1004), name(1012)]
    assert next(r for r in read.ended if r["outcome"] == "no_box")["row_id"] == record_id("s", name(1), name(1))
    assert sorted(r["raw"] for r in read.ended if r["raw"]) == ['"no box"', '["no image"]']


@pytest.mark.parametrize(
    ("place", "clipped"),
    [
        ((-1, 5, 30, 40), (0, 5, 29, 40)),
        ((600, 470, 60, 12), (600, 470, 40, 10)),
        ((0.1, 0.2, 0.3, 0.7), (0.1, 0.2, 0.3, 0.7)),
        ((-40, 5, 30, 40), None),
        ((-20, 5, 30, 40), None),
        ((639.5, 479.5, 1, 0.5), (639.5, 479.5, 0.5, 0.5)),
    ],
)
def test_boxes_are_cut_at_the_edges_of_the_image(
    place: tuple[float, ...], clipped: tuple[float, ...] | None, tmp_path: Path, read_release: Reader
) -> None:
    read = read_release("fathomnet", write(tmp_path / "i.json", [image(1, box(1, place))]))
    if clipped is None:
        assert read.outcomes() == {"bad_box": 1}
        return
    (row,) = read.records
    assert tuple(row[f"box_{side}"] for side in "xywh") == clipped
    assert row["issues"] == ([] if place == clipped else ["BOX_CLIPPED"])


def test_pages_folders_doubled_names_and_order_make_no_difference(tmp_path: Path, read_release: Reader) -> None:
    images = [image(n, *[box(10 * n + m, depthMeters=None) for m in range(n % 4)]) for n in range(1, 30)]
    one = read_release("fathomnet", write(tmp_path / "i.json", images), release="r")
    random.Random(5).shuffle(images)
    doubled = [{"bounding_boxes": [], "Valid": None, "Width": "", **i} for i in images]
    pages = tmp_path / "pages"
    pages.mkdir()
    write(pages / "p1.json", {"content": doubled[:10], "page": {"size": 10}})
    (pages / "p2.json.gz").write_bytes(gzip.compress(json.dumps({"last": True, "content": doubled[10:]}).encode()))
    two = read_release("fathomnet", pages, release="r", target_bytes=1)
    assert one.content() == two.content()


def coco(**more: Any) -> Json:
    return {
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 214.0, "bbox": [1.5, 2, 30, 40]},
            {"id": 2, "image_id": 9, "category_id": None, "bbox": [5, 6, 30, 40]},
            {"id": 3, "image_id": 77, "category_id": 214, "bbox": [5, 6, 30, 40]},
            {"id": 4, "image_id": 9, "category_id": 214, "bbox": [5, 6]},
        ],
        "images": [
            {
                "id": 9,
                "file_name": f"{name(9)}.png",
                "coco_url": "https://fathomnet.org/static/a.png",
                "width": 99,
                "height": 99,
            },
            {"id": 10, "file_name": f"{name(10)}.png", "coco_url": "https://fathomnet.org/static/b.png"},
        ],
        "categories": [{"id": 214, "name": "Actiniaria"}],
        **more,
    }


def test_coco_exports_are_read_whatever_the_order_of_their_parts(tmp_path: Path, read_release: Reader) -> None:
    read = read_release("fathomnet", write(tmp_path / "c.json", coco()))
    assert [(r["box_id"], r["scientific_name"], r["source_record_id"]) for r in read.records] == [
        ("1", "Actiniaria", name(9)),
        ("2", None, name(9)),
    ]
    assert read.outcomes() == {"id_missing": 1, "bad_box": 1, "no_box": 1}
    turned = read_release("fathomnet", write(tmp_path / "d.json", dict(reversed(coco().items()))), release="c")
    assert turned.content() == read.content()


def test_a_local_store_is_addressed_by_file_name(tmp_path: Path, read_release: Reader) -> None:
    read = read_release("fathomnet", write(tmp_path / "c.json", coco()), media="store")
    assert {(r["media_path"], r["media_url"]) for r in read.records} == {(f"{name(9)}.png", "")}


@pytest.mark.parametrize("file", ["fgvc2025_dataset_test.json", "fgvc2023_val_split.json.gz"])
def test_real_exports_balance(file: str, data: Path, read_release: Reader) -> None:
    read = read_release("fathomnet", data / "fathomnet" / file)
    nulls = sum("CATEGORY_NULL" in r["issues"] for r in read.records)
    assert (len(read.records), nulls) == ((788, 788) if "2025" in file else (2282, 0))
    assert len({r["record_id"] for r in read.records}) == len(read.records)
    assert all(r["box_w"] > 0 and r["box_x"] >= 0 for r in read.records)


@pytest.mark.parametrize(
    "text", ["", "[{]", '[{"a": 1}', '{"images": [1, 2', "[1] 2", '"x"', "[" * 200_000, '["\\ud800']
)
def test_what_is_no_json_is_refused(text: str, tmp_path: Path, read_release: Reader) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SourceError, match="no JSON"):
        read_release("fathomnet", tmp_path / "x.json")


def test_hostile_values_are_only_values(tmp_path: Path, read_release: Reader) -> None:
    concept = "a\x1fb\x00c\ud800"
    images = [image(1, box(1, (1e308, 1, 1e308, 1), concept=concept)), image(2, box(2, concept=concept), width=1e300)]
    path = tmp_path / "i.json"
    path.write_text(json.dumps(images).replace("1e+300", "1e999").replace('"y": 20', '"y": NaN'))
    read = read_release("fathomnet", path)
    assert read.outcomes() == {"bad_box": 2}
