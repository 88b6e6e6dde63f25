"""FathomNet: one row per box, whichever layout, and boxes only as far as they lie in their image."""

from __future__ import annotations

import csv
import gzip
import json
import random
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from pipeline.sources.fathomnet.fathomnet_boxes import SAME_BOX, overlaps, same_boxes
from pipeline.sources.fathomnet.fathomnet_concepts import non_organism
from tests.pipeline.sources.conftest import Reader

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


def test_equal_boxes_of_a_concept_are_merged_and_the_verified_one_stays(tmp_path: Path, read_release: Reader) -> None:
    images = [
        image(
            1,
            box(1, (10, 10, 100, 100), reviewState="UNVERIFIED"),
            box(2, (10, 10, 100, 101)),
            box(3, (12, 10, 100, 100), concept="Sebastes"),
            box(4, (40, 10, 100, 100)),
            box(5, (10, 10, 100, 101)),
        ),
        image(2, box(6, (10, 10, 100, 100))),
    ]
    read = read_release("fathomnet", write(tmp_path / "i.json", images))
    assert [r["box_id"] for r in read.records] == [name(1002), name(1003), name(1004), name(1006)]
    assert read.outcomes() == {"merged_box": 2}
    kept = read.records[0]["record_id"]
    assert {r["other_id"] for r in read.ended} == {kept}
    assert {r["row_id"] for r in read.ended} == {record_id("s", name(1), name(1), name(1000 + n)) for n in (1, 5)}
    shares = {json.loads(r["evidence"])["value"]: json.loads(r["evidence"])["iou"] for r in read.ended}
    assert shares[name(1002)] in (0.9901, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(20, 26)] * 2, st.sampled_from("ab")), max_size=14),
    st.randoms(use_true_random=False),
)
def test_boxes_that_stay_differ_and_those_that_go_name_one_that_stays(
    boxes: list[tuple[int, int, int, int, str]], chance: random.Random
) -> None:
    def merge(order: list[int]) -> dict[int, int]:
        sides = np.array([boxes[i][:4] for i in order], dtype=np.float64).reshape(-1, 4)
        found = same_boxes(sides, [boxes[i][4] for i in order], order)
        return {order[row]: order[kept] for row, (kept, _) in found.items()}

    order = list(range(len(boxes)))
    merged = merge(order)
    chance.shuffle(order)
    assert merge(order) == merged
    sides = np.array([b[:4] for b in boxes], dtype=np.float64).reshape(-1, 4)
    stay = [i for i in range(len(boxes)) if i not in merged]
    assert set(merged.values()) <= set(stay)
    for one, kept in merged.items():
        assert boxes[one][4] == boxes[kept][4]
        assert overlaps(sides[one], sides[[kept]])[0] >= SAME_BOX
    for place, one in enumerate(stay):
        for two in stay[place + 1 :]:
            assert boxes[one][4] != boxes[two][4] or overlaps(sides[one], sides[[two]])[0] < SAME_BOX


def test_concepts_that_name_no_organism_end(data: Path, tmp_path: Path, read_release: Reader) -> None:
    things = ["55-gallon drum", "Trash", "fishing  net", "Phyllospadix-Zostera detritus", "Free Ocean CO2 Experiment"]
    read = read_release(
        "fathomnet", write(tmp_path / "i.json", [image(1, *[box(n, concept=t) for n, t in enumerate(things)])])
    )
    assert read.outcomes() == {"non_organism": 5}
    assert json.loads(read.ended[2]["evidence"])["rule"].endswith("last word: net")
    # Of the 290 concepts of a real competition, all of which are organisms, none is taken for a thing.
    with (data / "fathomnet/fgvc2023_supercategory_map.csv").open(encoding="utf-8") as handle:
        concepts = [row["name"] for row in csv.DictReader(handle)]
    assert len(concepts) == 290
    assert [concept for concept in concepts if non_organism(concept)] == []


IMAGE_HEADER = [
    "id",
    "uuid",
    "url",
    "width",
    "Width",
    "height",
    "valid",
    "depth_meters",
    "depthmeters",
    "latitude",
    "longitude",
]
BOX_HEADER = ["uuid", "image_id", "concept", "x", "y", "width", "height", "review_state", "reviewstate", "rejected"]


def dump() -> tuple[list[list[str]], list[list[str]]]:
    """Tables with each column twice, one or the other of them filled."""
    images = [
        [str(n), name(n), f"https://x.test/{n}.png", "", "640", "480", "True", "", "12.5", "36.5", "-122.0"]
        for n in (1, 2, 3)
    ]
    boxes = [
        [name(1001), "1", "Octopus", "10", "20", "30", "40", "", "VERIFIED", "false"],
        [name(1002), name(2), "Sebastes", "1.5", "20", "30", "40", "", "", ""],
        [name(1003), "2", "Sebastes", "100", "20", "30", "40", "", "REJECTED", ""],
        [name(1004), "99", "Sebastes", "100", "20", "30", "40", "", "", ""],
    ]
    return images, boxes


def comma(header: list[str], rows: list[list[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in [header, *rows])


def test_table_dumps_are_read_like_the_api(tmp_path: Path, read_release: Reader) -> None:
    images, boxes = dump()
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "images.csv").write_text(comma(IMAGE_HEADER, [*images, ["4", "short"]]))
    (folder / "boundingboxes.csv").write_text(comma(BOX_HEADER, [["broken"], *boxes]))
    (folder / "tags.csv").write_text("id,key,value\n1,a,b\n")
    read = read_release("fathomnet", folder, release="r")
    assert read.rows == 7
    assert read.outcomes() == {"malformed_row": 2, "rejected_label": 1, "id_missing": 1, "no_box": 1}
    one, two = read.records
    assert (one["source_record_id"], one["box_id"], one["scientific_name"]) == (name(1), name(1001), "Octopus")
    assert (one["media_width"], one["media_height"], one["label_status"]) == (640, 480, "VERIFIED")
    assert (two["box_x"], two["media_url"], two["lat"]) == (1.5, "https://x.test/2.png", 36.5)
    assert (one["locator_file"], one["locator_row"], two["locator_row"]) == ("boundingboxes.csv", 2, 3)
    broken = {r["locator_file"]: r for r in read.ended if r["outcome"] == "malformed_row"}
    assert (broken["images.csv"]["locator_row"], broken["images.csv"]["raw"]) == (4, "4,short")
    assert json.loads(broken["boundingboxes.csv"]["evidence"])["code"] == "RAGGED_SHORT"
    bare = next(r for r in read.ended if r["outcome"] == "no_box")
    assert (bare["locator_file"], bare["locator_row"]) == ("images.csv", 3)


def test_parquet_and_shuffled_dumps_give_the_same_records(tmp_path: Path, read_release: Reader) -> None:
    images, boxes = dump()
    reads = []
    for kind in ("csv", "parquet"):
        folder = tmp_path / kind
        folder.mkdir()
        for file, header, rows in (("i", IMAGE_HEADER, images), ("b", BOX_HEADER, boxes)):
            if kind == "csv":
                (folder / f"{file}.csv").write_text(comma(header, rows))
            else:
                columns = {n: [row[at] or None for row in rows] for at, n in enumerate(header)}
                arrays: dict[str, pa.Array] = {n: pa.array(values) for n, values in columns.items()}
                for n in {"x", "latitude"} & columns.keys():
                    arrays[n] = pa.array(columns[n], pa.string()).cast(pa.float64())
                pq.write_table(pa.table({**arrays, "tags": pa.array([["a"]] * len(rows))}), folder / f"{file}.parquet")
            rows.reverse()
        reads.append(read_release("fathomnet", folder, release="r", target_bytes=512 * 2))
    assert len(reads[0].plan.splits) > 1
    assert reads[0].content() == reads[1].content()


def test_tables_that_are_no_dump_are_refused(tmp_path: Path, read_release: Reader) -> None:
    (tmp_path / "boxes.csv").write_text(comma(BOX_HEADER, []))
    with pytest.raises(SourceError, match="0 of images and 1 of boxes"):
        read_release("fathomnet", tmp_path)
    (tmp_path / "images.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceError, match="no Parquet"):
        read_release("fathomnet", tmp_path)
