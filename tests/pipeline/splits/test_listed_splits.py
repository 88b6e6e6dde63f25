"""A split that is a list alone holds what it names with its groups; what is unseen of it is in no other."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import components
from manifests import SplitSpec, SplittingRules
from pipeline.splits.unseen import Claim, hold_alone
from tests.pipeline.splits.test_splits import Row, decided

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "group_id": st.integers(0, 25).map(str),
            "taxon": st.integers(0, 6).map("t{}".format),
            "location_key": st.sampled_from([None, "a", "b", "c"]),
            "listed": st.booleans() | st.just(False),
            "split_hint": st.sampled_from([None, None, "Extra"]),
        }
    ),
    min_size=1,
    max_size=50,
)


def numbered(rows: list[Row]) -> list[Row]:
    """Return rows with ids and keys."""
    return [{**row, "record_id": f"r{n:02d}", "media_key": f"m:{n}"} for n, row in enumerate(rows)]


def list_of(folder: str, rows: list[Row]) -> str:
    """Write the list of what is listed; one that names nothing of the catalog where nothing is."""
    path = Path(folder) / "mine.csv"
    path.write_text("\n".join(["media_key", "m:none", *(row["media_key"] for row in rows if row["listed"])]) + "\n")
    return str(path)


@settings(max_examples=8, deadline=None)
@given(ROWS, st.sampled_from(["accepted", "class", "none"]), st.booleans(), st.booleans())
def test_a_split_of_a_list_alone_holds_what_is_named_with_its_groups_and_nothing_else(
    rows: list[Row], stratify: str, together: bool, chronological: bool
) -> None:
    rows = numbered(rows)
    if not any(row["listed"] for row in rows):
        rows[0]["listed"] = True
    rules = SplittingRules(("location_key",) if together else None, stratify, chronological or None)
    with tempfile.TemporaryDirectory() as folder:
        named = SplitSpec("test", keys=list_of(folder, rows))
        found = decided(rows, (SplitSpec("train", 70.0), named, SplitSpec("val", 30.0)), rules)
        by_hint = decided(rows, (SplitSpec("train", 70.0), SplitSpec("val", 30.0), SplitSpec("own", hints=("extra",))))
    joined = joined_rows(rows, ("group_id", "location_key") if together else ("group_id",))
    wanted = {joined[at] for at, row in enumerate(rows) if row["listed"]}
    assert {row["record_id"] for at, row in enumerate(rows) if joined[at] in wanted} == in_split(found, "test")
    groups = {row["group_id"] for row in rows if row["split_hint"]}
    assert {row["record_id"] for row in rows if row["group_id"] in groups} == in_split(by_hint, "own")
    if stratify == "accepted" and not chronological:
        splits = defaultdict(set)
        for row in rows:
            splits[row["taxon"]].add(found[row["record_id"]])
        assert all("train" in each or "val" not in each for each in splits.values())


def in_split(found: dict[str, str], name: str) -> set[str]:
    return {record for record, split in found.items() if split == name}


def joined_rows(rows: list[Row], columns: Sequence[str]) -> list[int]:
    """Return a number for each row: that of what hangs together with it over any of the columns, by looking again."""
    number = list(range(len(rows)))
    changed = True
    while changed:
        changed = False
        for one in range(len(rows)):
            for other in range(len(rows)):
                same = any(rows[one][name] is not None and rows[one][name] == rows[other][name] for name in columns)
                if same and number[other] > number[one]:
                    number[other], changed = number[one], True
    return number


@settings(max_examples=10, deadline=None)
@given(ROWS, st.sampled_from(["species", "location_key"]), st.sampled_from([0.0, 20.0]))
def test_what_a_list_of_an_unseen_split_names_brings_all_of_its_values_along(
    rows: list[Row], what: str, percent: float
) -> None:
    rows = numbered(rows)
    with tempfile.TemporaryDirectory() as folder:
        test = SplitSpec("test", percent, unseen=what, keys=list_of(folder, rows))
        later = SplitSpec("later", hints=("extra",))
        found = decided(rows, (SplitSpec("train", 100 - percent), test, later))
    column = "taxon" if what == "species" else what
    splits: Any = defaultdict(set)
    for row in rows:
        if row[column] is not None:
            splits[row[column]].add(found[row["record_id"]])
        assert not row["listed"] or found[row["record_id"]] == "test", "a later split takes nothing of it"
    assert all(each == {"test"} or "test" not in each for each in splits.values())
    if not percent:
        joined = joined_rows(rows, ("group_id", column))
        named = {joined[at] for at, row in enumerate(rows) if row["listed"]}
        assert in_split(found, "test") == {row["record_id"] for at, row in enumerate(rows) if joined[at] in named}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(-1, 3), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(-1, 4)), max_size=20),
    st.lists(st.tuples(st.integers(0, 11), st.integers(-1, 4)), max_size=20),
)
def test_claims_hold_alone_and_move_only_what_hangs_together_with_them(
    named: list[int], first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    """Two claims, of splits 1 and 2, over different values of the same groups; lists of 0 and 3 claim nothing."""
    split = np.array(named, np.int8)
    claims = [
        Claim(place, np.array([group % len(named) for group, _ in pairs], int), np.array([v for _, v in pairs], int))
        for place, pairs in ((1, first), (2, second))
    ]
    after = hold_alone(split, claims, 4)
    edges = []
    for claim in claims:
        pairs = [(g, v) for g, v in zip(claim.group.tolist(), claim.value.tolist(), strict=True) if v >= 0]
        for value in {v for _, v in pairs}:
            holders = {int(after[g]) for g, v in pairs if v == value}
            assert holders == {claim.split} or claim.split not in holders
            of_value = [g for g, v in pairs if v == value]
            edges += [(of_value[0], other) for other in of_value]
    left, right = (np.array([edge[at] for edge in edges], np.int64) for at in (0, 1))
    label = components(len(named), left, right)
    for group in np.flatnonzero(after != split).tolist():
        assert after[group] in (1, 2), "only a claim takes a group"
        assert int(after[group]) in split[label == label[group]].tolist()
    assert np.array_equal(hold_alone(after, claims, 4), after)
