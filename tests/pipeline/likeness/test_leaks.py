"""The strongest evidence of a leak counts, and a leak of a whole frame is one of its occurrence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from dedup import HASH_LIST_SCHEMA
from pipeline.likeness import Leak
from pipeline.likeness.leaks import record_leaks, same_occurrence
from pipeline.likeness.record_leaks import RecordLeaks
from pipeline.likeness.records.groups import shared_keys
from pipeline.likeness.search import same_content
from pipeline.likeness.units import FOUND_SCHEMA

ITEMS = pa.Table.from_pylist(
    [
        {"benchmark": "b", "item": "2", "sha256": "bytes", "pixel_sha256": "pixels"},
        {"benchmark": "b", "item": "1", "sha256": "bytes", "pixel_sha256": "others"},
        {"benchmark": "a", "item": "3", "sha256": None, "pixel_sha256": "pixels"},
    ],
    HASH_LIST_SCHEMA,
)


def near(place: int, rule: str, distance: int, item: str = "x", variant: int = 0, phash: int = -1) -> dict[str, object]:
    row = {"hash": place, "rule": rule, "benchmark": "b", "item": item, "variant": variant}
    return {**row, "distance": distance, "phash_distance": phash}


def leaks(
    rows: list[dict[str, object]], digests: list[tuple[str, str]], node: list[int], usable: list[bool]
) -> dict[int, Leak]:
    records = pa.table({"sha256": [d for d, _ in digests], "pixel_sha256": [p for _, p in digests]})
    found = pa.Table.from_pylist(rows, FOUND_SCHEMA)
    return dict(record_leaks(records, np.array(node), np.array(usable), found, ITEMS))


def test_bytes_come_before_pixels_and_the_first_item_by_name_counts() -> None:
    digests = pa.table({"sha256": ["bytes", "none", "none"], "pixel_sha256": ["pixels", "pixels", "none"]})
    assert same_content(ITEMS, digests) == {0: Leak("b", "1", "bytes", 0, 0), 1: Leak("a", "3", "pixels", 0, 0)}


def test_content_comes_before_any_hash_and_hashes_in_the_order_of_what_they_prove() -> None:
    rules = ["doubtful", "leak_pair", "phash", "hamming"]
    rows = [near(0, rule, 5, item=rule) for rule in rules]
    for order in itertools.permutations(rows):
        found = leaks(list(order), [("bytes", "none"), ("none", "none")], [0, 0], [True, True])
        assert found[0].rule == "bytes"
        assert found[1] == Leak("b", "hamming", "hamming", 5, 0)
    for number, rule in enumerate(rules):
        found = leaks(rows[: number + 1], [("none", "none")], [0], [True])
        assert found[0].rule == rule


def test_of_several_items_the_nearest_counts_and_only_its_own_hash() -> None:
    rows = [
        near(0, "hamming", 9, "far"),
        near(0, "hamming", 4, "near", 3, 7),
        near(0, "hamming", 20, "farther"),
        near(1, "hamming", 1, "other"),
    ]
    assert leaks(rows, [("none", "none")], [0], [True]) == {0: Leak("b", "near", "hamming", 4, 3, 7)}


def test_a_hash_that_says_too_little_proves_no_leak_but_bytes_still_do() -> None:
    rows = [near(0, "hamming", 0)]
    assert leaks(rows, [("none", "none"), ("bytes", "none")], [0, 0], [False, False]) == {
        1: Leak("b", "1", "bytes", 0, 0)
    }


def told(rows: Sequence[tuple[str, str | None, bool]], found: dict[int, Leak]) -> dict[int, Leak]:
    """Return what leaks tell others, of records of (source, occurrence, is a box)."""
    sources, occurrences, boxes = (list(column) for column in zip(*rows, strict=True))
    rest = {name: pa.nulls(len(rows), pa.string()) for name in ("specimen_key", "media_key", "media_id")}
    table = pa.table({"source": sources, "occurrence_key": pa.array(occurrences, pa.string())} | rest)
    return dict(same_occurrence(shared_keys(table)["occurrence"], np.array(boxes), RecordLeaks.of(found)))


WHOLE = Leak("b", "x", "hamming", 3, 1)


def test_other_whole_images_of_a_leaking_occurrence_leak_and_boxes_do_not() -> None:
    records = [("s", "1", False), ("s", "1", False), ("s", "1", True), ("s", "2", False), ("t", "1", False)]
    assert told(records, {0: WHOLE}) == {1: Leak("b", "x", "occurrence", -1, -1)}


def test_a_leaking_box_or_a_doubtful_leak_or_no_occurrence_says_nothing_of_others() -> None:
    assert told([("s", "1", True), ("s", "1", False)], {0: WHOLE}) == {}
    assert told([("s", "1", False), ("s", "1", False)], {0: Leak("b", "x", "doubtful", 3, 0)}) == {}
    for empty in ("", None):
        assert told([("s", empty, False), ("s", empty, False)], {0: WHOLE}) == {}


def test_of_several_leaking_items_the_first_by_name_is_told_to_the_occurrence() -> None:
    found = {0: Leak("b", "z", "hamming", 0, 0), 2: Leak("a", "y", "hamming", 9, 0)}
    assert told([("s", "1", False)] * 3, found) == {1: Leak("a", "y", "occurrence", -1, -1)}


def test_digests_come_in_batches_as_they_would_at_once() -> None:
    digests = pa.table({"sha256": ["none", "bytes", "none"] * 3, "pixel_sha256": ["pixels", "none", "none"] * 3})
    at_once = dict(same_content(ITEMS, digests))
    assert sorted(at_once) == [0, 1, 3, 4, 6, 7]
    for size in (1, 2, 4):
        assert dict(same_content(ITEMS, iter(digests.to_batches(size)))) == at_once
