"""Placeholders in the search for leaks: each picture is searched once, and every record that was given it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dedup import HASH_LIST_SCHEMA
from pipeline.likeness.placeholders import Placeholders
from pipeline.likeness.units import FOUND_SCHEMA
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.storage.files.atomic import write_table
from pipeline.storage.run_folder import RunFolder

CANDIDATES = pa.schema([(name, pa.string()) for name in ("record_id", "source", "image_id")])
PLACEHOLDER = Outcome.PLACEHOLDER.code
MEMORY_MB = 64


def picture(name: str, image: str, quality: int = 90) -> dict[str, Any]:
    """A row of fetch's media: a picture by its name, which is the first byte of its hashes, in hex."""
    return {
        "image_id": image,
        "sha256": f"bytes {name}",
        "pixel_sha256": f"pixels {name}",
        "pdq": bytes.fromhex(name) + bytes(31),
        "phash": name + "00" * 7,
        "quality": quality,
    }


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Five records of three placeholders, the middle one flat, and one record that ended otherwise."""
    run = RunFolder(tmp_path)
    media = [
        picture("cc", "i1"),
        picture("aa", "i2"),
        picture("aa", "i3"),
        picture("bb", "i4", 49),
        picture("dd", "i5"),
    ]
    records = {"r1": "i1", "r2": "i3", "r3": "i2", "r4": "i4", "r6": "i2", "r5": "i5"}
    ended = [{"row_id": each, "outcome": PLACEHOLDER} for each in records if each != "r5"]
    ended += [{"row_id": "r5", "outcome": Outcome.GONE.code}, {"row_id": "a row", "outcome": PLACEHOLDER}]
    candidates = [{"record_id": r, "source": f"source of {r}", "image_id": i} for r, i in records.items()]
    for place, rows, schema in (
        ("fetch/media", media, MEDIA_SCHEMA),
        ("fetch/ledger", ended, ENDED_SCHEMA),
        ("screen/candidates", candidates, CANDIDATES),
    ):
        write_table(tmp_path / place / "part.parquet", pa.Table.from_pylist(rows, schema))
    return run


def test_every_picture_of_a_placeholder_is_there_once_in_the_order_of_its_digest(folder: RunFolder) -> None:
    pictures = Placeholders.read(folder, MEMORY_MB, 50).pictures
    assert pictures.select(["sha256", "pixel_sha256", "phash", "quality"]).to_pylist() == [
        {"sha256": f"bytes {name}", "pixel_sha256": f"pixels {name}", "phash": name + "00" * 7, "quality": quality}
        for name, quality in (("aa", 90), ("bb", 49), ("cc", 90))
    ]
    assert [pdq[:1].hex() for pdq in pictures["pdq"].to_pylist()] == ["aa", "bb", "cc"]


@pytest.mark.parametrize(("minimum", "usable"), [(49, ["aa", "bb", "cc"]), (50, ["aa", "cc"]), (91, [])])
def test_only_hashes_that_carry_information_are_searched(folder: RunFolder, minimum: int, usable: list[str]) -> None:
    found = Placeholders.read(folder, MEMORY_MB, minimum)
    assert found.usable.tolist() == [name in usable for name in ("aa", "bb", "cc")]
    assert (found.hashes.shape, found.phashes.shape) == ((len(usable), 32), (len(usable), 8))
    assert [row[:1].tobytes().hex() for row in found.hashes] == usable
    assert [row[:1].tobytes().hex() for row in found.phashes] == usable


def near(place: int, rule: str = "leak_pair") -> dict[str, Any]:
    row = {"hash": place, "rule": rule, "benchmark": "b", "item": f"item {place}"}
    return {**row, "variant": 3, "distance": 40, "phash_distance": 6}


def leaks(
    folder: RunFolder, found: list[dict[str, Any]], items: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Read what is written where the placeholders' hashes stand behind ten others."""
    tables = pa.Table.from_pylist(found, FOUND_SCHEMA), pa.Table.from_pylist(items or [], HASH_LIST_SCHEMA)
    Placeholders.read(folder, MEMORY_MB, 50).write_leaks(folder, MEMORY_MB, 10, *tables)
    rows: list[dict[str, Any]] = pq.read_table(folder.stage("likeness") / "leaks" / "placeholders.parquet").to_pylist()
    return rows


def test_a_picture_near_a_held_out_image_is_told_of_every_record_that_was_given_it(folder: RunFolder) -> None:
    # The picture `aa` stands at 10, `cc`, the next that can be told apart, at 11.
    told = leaks(folder, [near(10), near(9), near(12)])
    assert told == [
        {"record_id": record, "source": f"source of {record}", "benchmark": "b", "item": "item 10"}
        | {"rule": "leak_pair", "distance": 40, "variant": 3, "phash_distance": 6}
        for record in ("r2", "r3", "r6")
    ]
    assert [row["record_id"] for row in leaks(folder, [near(11)])] == ["r1"]


def test_bytes_and_pixels_leak_whatever_the_hash_says(folder: RunFolder) -> None:
    items = [
        {"benchmark": "b", "item": "x", "pixel_sha256": "pixels bb"},
        {"benchmark": "b", "item": "y", "sha256": "bytes aa"},
        {"benchmark": "b", "item": "z", "sha256": "bytes dd"},  # of a record that ended otherwise
    ]
    told = leaks(folder, [near(10)], items)
    assert [(row["record_id"], row["item"], row["rule"], row["distance"]) for row in told] == [
        ("r2", "y", "bytes", 0),
        ("r3", "y", "bytes", 0),
        ("r4", "x", "pixels", 0),
        ("r6", "y", "bytes", 0),
    ]


def test_placeholders_that_leak_nothing_leave_an_empty_table(folder: RunFolder) -> None:
    assert leaks(folder, []) == []


def test_a_fetch_without_placeholders_has_no_pictures(folder: RunFolder) -> None:
    ledger = folder.stage("fetch") / "ledger" / "part.parquet"
    write_table(ledger, ENDED_SCHEMA.empty_table())
    found = Placeholders.read(folder, MEMORY_MB, 50)
    assert (found.pictures.num_rows, found.usable.tolist()) == (0, [])
    assert (found.hashes.shape, found.phashes.shape) == ((0, 32), (0, 8))
    assert found.hashes.dtype == np.uint8
