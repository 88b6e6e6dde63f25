"""COCO Camera Traps: annotations meet their images, in pixels or shares, and every element has one end."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from tests.pipeline.sources.conftest import Reader

Json = dict[str, Any]
KIND = "coco-camera-traps"
CATEGORIES = [
    {"id": 0, "name": "empty"},
    {"id": 1, "name": "panthera leo"},
    {"id": 2, "name": "agouti"},
    {"id": 3, "name": "human"},
    {"id": 4, "name": "car"},
    {"id": 5, "name": "red_deer", "scientific_name": "Cervus elaphus", "common_name": "Red deer", "genus": "cervus"},
    {"id": 6, "name": "Vulpes", "genus": "Vulpes", "family": "canidae", "specific_epithet": "lagopus"},
]


def image(number: Any, **more: Any) -> Json:
    given_ = {"id": f"i{number}", "file_name": f"S1/{number} a.JPG", "width": 1000, "height": 500, "location": "B04"}
    return {**given_, "seq_id": f"s{number}", "seq_num_frames": 3, "frame_num": 1, "datetime": "2012-05-01 1:2", **more}


def label(number: Any, of: Any, category: Any = 1, **more: Any) -> Json:
    return {"id": f"a{number}", "image_id": f"i{of}", "category_id": category, **more}


def write(path: Path, images: list[Any], annotations: list[Any], **more: Any) -> Path:
    document = {"info": {"version": "1"}, "images": images, "annotations": annotations, "categories": CATEGORIES}
    path.write_text(json.dumps({**document, **more}))
    return path


def test_annotations_become_records(tmp_path: Path, read_release: Reader) -> None:
    annotations = [
        label(1, 1, bbox=[10.5, 20, 30, 40]),
        label(2, 1, 5, bbox_relative=[0.25, 0.5, 0.1, 0.2]),
        label(3, 2, 2, sequence_level_annotation=True),
        label(4, 3, 6, bbox=[0.1, 0.1, 0.5, 0.5]),
    ]
    images = [
        *(image(1, license=7), image(2, seq_id=None, url="https://h.example/2.jpg"), image(3, width=None, seq_id=8.0)),
        image(4, datetime=None),
    ]
    path = write(tmp_path / "set.json", images, annotations, licenses=[{"id": 7, "name": "CC-BY 4.0"}])
    read = read_release(KIND, path, media="store")
    assert (read.ended, read.absorbed, read.rows) == ([], 3, 8)
    one, two, three, four, bare = sorted(read.records, key=lambda r: str(r["source_record_id"]))
    assert one["record_id"] == record_id("s", "a1", "i1", "a1")
    assert [one[f"box_{side}"] for side in "xywh"] == [10.5, 20, 30, 40]
    assert (one["media_path"], one["media_url"], one["media_key"]) == ("S1/1 a.JPG", "", "s:i1")
    assert (one["scientific_name"], one["license_id"], one["occurrence_key"]) == ("Panthera leo", "CC-BY-4.0", "s1")
    assert (one["locator_file"], one["locator_row"], one["event_date"]) == ("set.json#annotations", 1, "2012-05-01 1:2")
    assert [two[f"box_{side}"] for side in "xywh"] == [250, 250, 100, 100]
    assert (two["scientific_name"], two["genus"], two["vernacular_name"]) == ("Cervus elaphus", "Cervus", "Red deer")
    assert (three["scientific_name"], three["vernacular_name"], three["box_id"]) == (None, "agouti", "")
    assert three["issues"] == ["LABEL_OF_SEQUENCE", "NAME_EMPTY"]
    assert (three["occurrence_key"], three["media_key"]) == ("i2", "url:h.example/2.jpg")
    assert (four["box_x"], four["box_id"], four["issues"]) == (None, "a4", ["BOX_WITHOUT_SIZE"])
    assert (four["scientific_name"], four["family"], four["occurrence_key"]) == ("Vulpes lagopus", "Canidae", "8")
    assert (bare["source_record_id"], bare["box_id"], bare["issues"]) == ("i4", "", ["NAME_EMPTY"])
    assert bare["locator_file"] == "set.json#images"


def test_every_element_has_one_end(tmp_path: Path, read_release: Reader) -> None:
    images = [
        *(image(1), image(2, corrupt=True), image(3, id=None), image(1, file_name="other.jpg"), "no image", image(4)),
        *(image(5, file_name=None), image(6, corrupt=True)),
    ]
    annotations = [
        *(label(1, 1, 0), label(2, 1, 3), label(3, 1, 4), label(4, 1), label(5, 2), label(6, 99), ["no label"]),
        *(label(7, 4, bbox=[990, 10, 50, 50]), label(8, 4, bbox=[1, 2]), label(9, 4, bbox=[5, 5, 0, 9])),
        *(label(10, 5), {"id": "a11", "category_id": 1}, label(12, 4, 77), label(13, 4, bbox=[5, 5, True, 9])),
    ]
    read = read_release(KIND, write(tmp_path / "set.json", images, annotations), media="store")
    assert read.outcomes() == {
        "blank": 1,
        "human": 1,
        "vehicle": 1,
        "rejected_label": 2,
        "no_media": 1,
        "malformed_row": 2,
        "bad_box": 4,
        "no_url": 1,
        "id_missing": 2,
    }
    issues = {r["source_record_id"]: r["issues"] for r in read.records}
    assert issues == {"a4": ["DUPLICATE_ID"], "a12": ["NAME_EMPTY"]}
    assert (read.rows, read.absorbed) == (22, 5)


def test_images_without_address_need_a_store(tmp_path: Path, read_release: Reader) -> None:
    images = [image(1), image(2, file_name="https://h.example/b c.jpg")]
    path = write(tmp_path / "set.json", images, [label(1, 1), label(2, 2)])
    read = read_release(KIND, path)
    assert [r["media_url"] for r in read.records] == ["https://h.example/b c.jpg"]
    assert [json.loads(r["evidence"])["value"] for r in read.ended] == ["S1/1 a.JPG"]
    assert "`media`" in json.loads(read.ended[0]["evidence"])["rule"]
    stored = read_release(KIND, path, media="store")
    assert {(r["media_path"], r["media_url"]) for r in stored.records} == {
        ("S1/1 a.JPG", ""),
        ("", "https://h.example/b c.jpg"),
    }


def test_order_packing_and_ranges_make_no_difference(tmp_path: Path, read_release: Reader) -> None:
    images = [image(n, width=None if n % 5 == 0 else 800) for n in range(40)]
    boxes = [{"bbox": [n, 2.5, 30, 40]} if n % 2 else {"bbox_relative": [0.1, 0.1, 0.2, 0.3]} for n in range(9)]
    annotations = [label(100 * n + m, n, m % 7, **boxes[m]) for n in range(50) for m in range(n % 4)]
    one = read_release(KIND, write(tmp_path / "a.json", images, annotations), media="m", release="r")
    random.Random(6).shuffle(images)
    random.Random(7).shuffle(annotations)
    document = {"annotations": annotations, "categories": CATEGORIES[::-1], "images": images}
    (tmp_path / "b").mkdir()
    (tmp_path / "b/b.json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))
    two = read_release(KIND, tmp_path / "b", media="m", release="r", target_bytes=1000, buckets=5)
    assert len(two.plan.splits) > 20 and two.plan.join_key == "image_id"
    assert one.content() == two.content()


def test_a_real_export_without_sequences_balances(data: Path, read_release: Reader) -> None:
    path = data / "fathomnet/fgvc2023_val_split.json.gz"
    with gzip.open(path) as handle:
        document = json.load(handle)
    read = read_release(KIND, path)
    images = {image_["id"] for image_ in document["images"]}
    boxed = {a["image_id"] for a in document["annotations"]}
    assert len(read.records) + len(read.ended) == len(document["annotations"]) + len(images - boxed)
    assert read.absorbed == len(images & boxed)


def test_what_is_no_release_is_refused(tmp_path: Path, read_release: Reader) -> None:
    with pytest.raises(SourceError, match="no JSON file"):
        read_release(KIND, tmp_path)
    (tmp_path / "a.json").write_text('{"categories": []}')
    with pytest.raises(SourceError, match="neither images nor annotations"):
        read_release(KIND, tmp_path)
    (tmp_path / "a.json").write_text('{"images": [{"id": 1')
    with pytest.raises(SourceError, match="no JSON"):
        read_release(KIND, tmp_path)
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(SourceError, match="2 JSON files"):
        read_release(KIND, tmp_path)


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=6) | st.sampled_from(["i1"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
IMAGES = st.dictionaries(st.sampled_from([*image(1), "url", "corrupt", "license", "latitude"]), VALUE)
LABELS = st.dictionaries(st.sampled_from([*label(1, 1), "bbox", "bbox_relative", "sequence_level_annotation"]), VALUE)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    images=st.lists(IMAGES | VALUE, max_size=4),
    annotations=st.lists(LABELS | VALUE, max_size=4),
    categories=st.lists(VALUE | st.dictionaries(st.sampled_from(["id", "name", "genus"]), VALUE), max_size=3),
)
def test_hostile_values_balance(
    images: list[Any],
    annotations: list[Any],
    categories: list[Any],
    tmp_path_factory: pytest.TempPathFactory,
    read_release: Reader,
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "set.json"
    everything = [image(1), *images]
    read = read_release(KIND, write(path, everything, annotations, categories=categories), media="store")
    for row in read.records:
        sides = [row[f"box_{side}"] for side in "xywh"]
        assert all(side is None for side in sides) or all(side is not None and side >= 0 for side in sides)
        assert row["media_path"] or row["media_url"]
