"""A unit of the leak search writes what its own range of hashes finds, under the places of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dedup import HASH_LIST_SCHEMA
from manifests import LikenessRules
from pipeline.likeness import HASHED_SCHEMA, find_duplicates
from pipeline.likeness.labels import lowered_names
from pipeline.likeness.review import review_pairs, review_sheets
from pipeline.likeness.units import FOUND_SCHEMA, Range, Work, edges_of, pair_table
from pipeline.model.records import RANK_COLUMNS
from taxonomy import RESOLVED_SCHEMA

RULES = LikenessRules(leak_distance=30, leak_phash_distance=6, leak_pair_phash=10, leak_pair_pdq=90)


def flipped(hashes: np.ndarray, bits: int) -> np.ndarray:
    mask = np.zeros(hashes.shape[-1] * 8, np.uint8)
    mask[:bits] = 1
    changed: np.ndarray = hashes ^ np.packbits(mask)
    return changed


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """Ten hashes, of which 4 is 20 bits of PDQ and 3 of pHash from item x, and 7 is 25 and 12 from the doubtful y."""
    draw = np.random.default_rng(7)
    pdq = draw.integers(0, 256, (10, 32), dtype=np.uint8)
    phash = draw.integers(0, 256, (10, 8), dtype=np.uint8)
    items = [
        {
            "benchmark": "b",
            "item": "x",
            "pdq": pdq[4].tobytes().hex(),
            "phash": phash[4].tobytes().hex(),
            "quality": 90,
        },
        {
            "benchmark": "b",
            "item": "y",
            "pdq": pdq[7].tobytes().hex(),
            "phash": phash[7].tobytes().hex(),
            "quality": 10,
        },
    ]
    pq.write_table(pa.Table.from_pylist(items, HASH_LIST_SCHEMA), tmp_path / "items.parquet")
    pdq[4], phash[4] = flipped(pdq[4], 20), flipped(phash[4], 3)
    pdq[7], phash[7] = flipped(pdq[7], 25), flipped(phash[7], 12)
    np.save(tmp_path / "hashes.npy", pdq)
    np.save(tmp_path / "phashes.npy", phash)
    return Work(str(tmp_path), str(tmp_path / "items.parquet"), str(tmp_path), RULES)


def found(work: Work, unit: Range) -> list[dict[str, Any]]:
    work(unit)
    table = pq.read_table(Path(work.folder) / unit.output)
    assert table.schema.equals(FOUND_SCHEMA)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def leak(place: int, rule: str, item: str, distance: int, phash: int = -1) -> dict[str, Any]:
    row = {"hash": place, "rule": rule, "benchmark": "b", "item": item, "variant": 0}
    return {**row, "distance": distance, "phash_distance": phash}


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (3, 8), (4, 8)])
def test_pdq_finds_leaks_and_tells_apart_those_of_items_that_say_little(work: Work, start: int, stop: int) -> None:
    assert found(work, Range("pdq", start, stop)) == [leak(4, "hamming", "x", 20), leak(7, "doubtful", "y", 25)]


def test_phash_finds_only_what_its_own_distance_proves(work: Work) -> None:
    assert found(work, Range("phash", 2, 10)) == [leak(4, "phash", "x", 3)]


def test_both_together_find_what_is_near_in_both(work: Work) -> None:
    assert found(work, Range("pair", 1, 10)) == [leak(4, "leak_pair", "x", 20, 3)]


def test_a_range_knows_nothing_of_what_lies_outside_of_it(work: Work) -> None:
    for name in ("pdq", "phash", "pair"):
        assert found(work, Range(name, 0, 4)) == []
        assert found(work, Range(name, 5, 7)) == []
    assert len({Range(name, start, 5).output for name in ("pdq", "pair") for start in (0, 5)}) == 4


def test_edges_come_back_from_their_table_as_they_went_in() -> None:
    table = pair_table(edges_of(pa.Table.from_pylist([{"left": 1, "right": 2, "distance": 3, "residual": 4.5}] * 2)))
    edges = edges_of(table)
    assert [part.tolist() for part in (edges.left, edges.right, edges.distance, edges.residuals())] == [
        [1, 1],
        [2, 2],
        [3, 3],
        [4.5, 4.5],
    ]


def test_names_are_lowered_to_every_rank_that_is_asked_for() -> None:
    names = [
        {"name_id": name, "genus": "Puma", "genus_id": "t:Puma", "family": "Felidae", "family_id": "t:Felidae"}
        for name in ("n1", "n2", "n3")
    ]
    genus, family = RANK_COLUMNS.index("genus"), RANK_COLUMNS.index("family")
    lowered = lowered_names(pa.Table.from_pylist(names, RESOLVED_SCHEMA), {"n1": {genus, family}, "n3": {family}})
    assert lowered.schema.equals(RESOLVED_SCHEMA)
    rows = lowered.to_pylist()
    assert sorted((row["accepted_name"], row["genus"]) for row in rows) == [
        ("Felidae", None),
        ("Felidae", None),
        ("Puma", "Puma"),
    ]
    ids = [row["name_id"] for row in rows]
    assert ids == sorted(ids) and len(set(ids)) == 3


def test_pairs_to_judge_are_shown_side_by_side_the_nearest_first(tmp_path: Path) -> None:
    hashes = {"a": "0" * 64, "b": "fff" + "0" * 61, "c": "0" * 61 + "7ff", "d": "f" * 64}
    rows = [{"item": name, "pdq": pdq, "quality": 90, "thumbnail": bytes([90]) * 4096} for name, pdq in hashes.items()]
    images = pa.Table.from_pylist(rows, HASHED_SCHEMA)
    pairs = review_pairs(images, find_duplicates(images).decisions, 30, 50)
    told = [(row["left"], row["right"], row["distance"]) for row in pairs.to_pylist()]
    assert told == [("a", "c", 11), ("a", "b", 12), ("b", "c", 23)]
    assert review_pairs(images, find_duplicates(images).decisions, 11, 50).num_rows == 1
    assert review_pairs(images, find_duplicates(images).decisions, 30, 91).num_rows == 0
    sheet, page = review_sheets(tmp_path, images, pairs)
    text = page.read_text()
    assert [text.count(f"<figcaption>{name}<br>") for name in "abcd"] == [2, 2, 2, 0]
    assert text.index("distance 11, residual") < text.index("distance 12, residual") < text.index("distance 23")
    assert sheet.name == "review-000.jpg"
