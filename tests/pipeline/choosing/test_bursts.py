"""The distance of a frame from its burst is what its plain definition says, over any catalog."""

from __future__ import annotations

import json
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.choosing.pictures import MOST_FRAMES, failing_sql
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.records import RECORD_SCHEMA
from pipeline.stages.screen import CANDIDATE_SCHEMA
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from taxonomy import RESOLVED_SCHEMA
from tests.pipeline.choosing.test_choosing import recipe_of

Row = dict[str, Any]
FRAME = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["one", "two"]),
        "dataset_key": st.sampled_from([None, "", "d"]),
        "location_key": st.sampled_from([None, "a", "b"]),
        "sequence_key": st.sampled_from([None, "", "s", "s", "s", "t'; DROP TABLE x"]),
        "image": st.integers(0, 9),
        "box": st.sampled_from([False, False, False, True]),
        "stored": st.sampled_from([True, True, True, False]),
    }
)


def still(frames: list[Row], hashes: list[int], where: str = "", rule: str = "no-still-frames") -> dict[int, Row]:
    """Return the evidence of the frames that a rule or a condition ends, by place."""
    recipe = recipe_of(where=where) if where else recipe_of(rules=(rule,))
    places = count()
    records: list[Row] = []
    candidates: list[Row] = []
    kept: list[Row] = []
    media: dict[str, Row] = {}
    for frame in frames:
        key = f"r{next(places)}"
        # What is a crop of a picture is an image of its own.
        image = f"i{frame['image']}{'b' if frame['box'] else ''}{'' if frame['stored'] else 'x'}"
        stated = {name: frame[name] for name in ("source", "dataset_key", "location_key", "sequence_key")}
        here = {"record_id": key, "locator_file": "f", "locator_row": int(key[1:])}
        records.append({**stated, **here})
        candidates.append(
            {**here, "source": frame["source"], "image_id": image, "box_w": 5.0 if frame["box"] else None}
        )
        bits = hashes[frame["image"]].to_bytes(32, "big")
        media[image] = {"image_id": image, "outcome": None if frame["stored"] else "gone"}
        if frame["stored"]:
            media[image]["pdq"] = bits
            kept.append({"record_id": key, "source": frame["source"], "name_id": None, "image_id": image})
    with tempfile.TemporaryDirectory() as scratch:
        run = RunFolder(Path(scratch))
        for table, rows, schema in (
            ("ingest/records", records, RECORD_SCHEMA),
            ("screen/candidates", candidates, CANDIDATE_SCHEMA),
            ("fetch/media", list(media.values()), MEDIA_SCHEMA),
            ("names", [], RESOLVED_SCHEMA),
            ("kept", kept, pa.schema([(n, pa.string()) for n in ("record_id", "source", "name_id", "image_id")])),
        ):
            (Path(scratch) / table).mkdir(parents=True)
            pq.write_table(pa.Table.from_pylist(rows, schema), Path(scratch) / table / "part.parquet")
        kept_sql, names = (sql.parquet(Path(scratch) / each) for each in ("kept", "names"))
        with sql.connect(256, Path(scratch)) as con:
            found = con.execute(f"SELECT record_id, evidence FROM ({failing_sql(run, recipe, kept_sql, names)})")
            return {int(key[1:]): json.loads(proof) for key, proof in found.fetchall()}


def distance(frames: list[Row], place: int, hashes: list[int]) -> int | None:
    """Return the greatest distance of a frame from another of its burst, by its definition."""

    def burst(frame: Row) -> tuple[Any, ...] | None:
        if not frame["sequence_key"] or frame["box"] or not frame["stored"]:
            return None
        return frame["source"], frame["dataset_key"] or "", frame["location_key"] or "", frame["sequence_key"]

    mine = frames[place]
    others = [each for each in frames if burst(each) == burst(mine) and burst(mine) is not None]
    far = [
        (hashes[mine["image"]] ^ hashes[each["image"]]).bit_count() for each in others if each["image"] != mine["image"]
    ]
    return max(far) if far else None


@given(
    st.lists(FRAME, min_size=1, max_size=12),
    st.lists(st.sampled_from([0, 1, 0xFFFF, 0x7FFF, 2**256 - 1, 0b101 << 250]), min_size=10, max_size=10),
)
@settings(max_examples=12, deadline=None)
def test_a_frame_ends_where_it_differs_from_every_other_of_its_burst_by_less_than_16(
    frames: list[Row], hashes: list[int]
) -> None:
    found = still(frames, hashes)
    for place, frame in enumerate(frames):
        far = distance(frames, place, hashes)
        assert (place in found) == (frame["stored"] and far is not None and far < 16)
        if place in found:
            proof = found[place]
            assert proof["rule"] == "no-still-frames" and proof["value"] == f"burst.distance = {far}"
            assert ">= 16" in proof["condition"]


def frame(image: int, **more: Any) -> Row:
    keys = {"source": "one", "dataset_key": "d", "location_key": "a", "sequence_key": "s"}
    return {**keys, "image": image, "box": False, "stored": True, **more}


def test_a_burst_of_one_and_the_same_key_of_another_source_or_camera_are_no_burst() -> None:
    assert still([frame(0)], [7]) == {}
    assert still([frame(0), frame(0)], [7]) == {}  # two records of one picture
    assert still([frame(0), frame(1, source="two"), frame(2, location_key="b")], [7, 7, 7]) == {}
    assert still([frame(0), frame(1)], [7, 7]).keys() == {0, 1}


def test_a_key_that_too_many_frames_share_is_that_of_no_burst() -> None:
    assert still([frame(each) for each in range(MOST_FRAMES)], [7] * MOST_FRAMES).keys() == set(range(MOST_FRAMES))
    assert still([frame(each) for each in range(MOST_FRAMES + 1)], [7] * (MOST_FRAMES + 1)) == {}


def test_a_condition_may_read_a_burst() -> None:
    found = still([frame(0), frame(1), frame(2)], [0, 3, 0], where="burst.frames < 3 OR burst.distance <= 1")
    assert found.keys() == {0, 1, 2}
    assert {proof["value"] for proof in found.values()} == {"burst.distance = 2, burst.frames = 3"}
