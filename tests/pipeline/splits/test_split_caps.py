"""A split's cap: each taxon keeps the smaller of cap and what it was dealt, and whole groups go back or none."""

from __future__ import annotations

import dataclasses
import random
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import SelectRules, SplitSpec, SplittingRules
from pipeline.splits.caps import Counts, beyond_cap
from tests.pipeline.splits.test_splits import Row, decided, rows_of

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "group_id": st.integers(0, 25).map(str),
            "taxon": st.integers(0, 3).map("t{}".format),
            "individual_key": st.sampled_from([None, "i", "j"]),
            "event_date": st.sampled_from(["2001", "2002", "2003", None]),
            "split_hint": st.sampled_from([None, None, "late"]),
        }
    ),
    min_size=1,
    max_size=70,
)
RULES = st.sampled_from(
    [None, SplittingRules(stratify="none"), SplittingRules(chronological=True), SplittingRules(("individual_key",))]
)


def counted(rows: list[Row], found: dict[str, str], columns: tuple[str, ...]) -> Counter[tuple[Any, ...]]:
    """Return how many records each split has of each taxon and value."""
    return Counter((found[row["record_id"]], row["taxon"], *(row[name] for name in columns)) for row in rows)


@settings(max_examples=8, deadline=None)
@given(
    *(ROWS, RULES, st.integers(1, 5), st.none() | st.integers(1, 5)),
    *(st.sampled_from([None, "species"]), st.sampled_from([(), ("event_date",)]), st.randoms(use_true_random=False)),
)
def test_a_taxon_keeps_the_smaller_of_cap_and_what_it_was_dealt_and_a_group_stays_whole(
    rows: list[Row],
    rules: SplittingRules | None,
    cap: int,
    first_cap: int | None,
    unseen: str | None,
    columns: tuple[str, ...],
    chance: random.Random,
) -> None:
    rows = [{**row, "record_id": f"r{place:02d}"} for place, row in enumerate(rows)]
    splits = (SplitSpec("train", 50.0), SplitSpec("val", 25.0, unseen=unseen), SplitSpec("late", 25.0, hints=("late",)))
    capped = [dataclasses.replace(splits[0], cap_per_taxon=first_cap)]
    capped += [dataclasses.replace(split, cap_per_taxon=cap) for split in splits[1:]]
    select = SelectRules(quota_columns=columns or None)
    before = decided(rows, splits, rules, select=select)
    found = decided(rows, tuple(capped), rules, select=select)
    held = counted(rows, before, columns)
    kept = counted(rows, found, columns)
    for key in held:
        if key[0] != "train":
            assert kept[key] == min(cap, held[key]), key
    assert not first_cap or all(count <= first_cap for key, count in kept.items() if key[0] == "train")
    groups: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in rows:
        groups[row["group_id"]].add((before[row["record_id"]], found[row["record_id"]]))
    returned = set()
    for group, each in groups.items():
        assert len({now for _, now in each} - {"over_quota"}) <= 1
        if ("val", "train") in each or ("late", "train") in each:
            returned.add(group)
    if rules is not None and rules.chronological:
        assert not returned
    if unseen:
        assert not any(("val", "train") in groups[group] for group in returned), "what is unseen is never trained on"
    hinted = {row["group_id"] for row in rows if row["split_hint"]}
    assert not hinted & returned, "what a source names for a split is never trained on"
    chance.shuffle(rows)
    assert decided(rows, tuple(capped), rules, select=select) == found


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(1, 3)), max_size=30),
    *(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)), st.permutations(range(10)), st.integers(1, 6)),
)
def test_groups_go_back_one_by_one_where_none_of_their_taxa_needs_them(
    drawn: list[tuple[int, int, int]], here: set[int], bound: set[int], order: list[int], cap: int
) -> None:
    rows: Counter[tuple[int, int]] = Counter()
    for group, taxon, count in drawn:
        rows[group, taxon] += count
    entries = sorted(rows)
    counts = Counts(
        np.array([group for group, _ in entries], np.int64),
        np.array([taxon for _, taxon in entries], np.int64),
        np.array([rows[each] for each in entries], np.int64),
    )
    inside, stays = (np.isin(np.arange(10), sorted(each)) for each in (here, bound))
    away = beyond_cap(counts, inside, stays, np.array(order, np.uint64), cap).tolist()
    taxa_of = {group: {t: n for (g, t), n in rows.items() if g == group} for group, _ in entries}
    held: Counter[int] = Counter()
    for group in here & bound & taxa_of.keys():
        held.update(taxa_of[group])
    expected = []
    free = sorted((here - bound) & taxa_of.keys(), key=lambda group: (len(taxa_of[group]) == 1, order[group]))
    for group in free:
        if all(held[taxon] >= cap for taxon in taxa_of[group]):
            expected.append(group)
        else:
            held.update(taxa_of[group])
    assert away == sorted(expected)


def test_what_is_beyond_a_cap_is_trained_on_and_little_of_it_is_lost() -> None:
    """Observations of three pictures: the last that is needed is cut, all others go back whole."""
    rows = rows_of(900, taxon=lambda n: f"t{n % 3}", group_id=lambda n: f"{n % 3}-{n // 9}")
    splits = (SplitSpec("train", 80.0), SplitSpec("test", 20.0, min_per_taxon=10, cap_per_taxon=10))
    found = Counter(decided(rows, splits).values())
    assert found == {"test": 30, "over_quota": 6, "train": 864}


def test_an_unseen_test_set_has_as_many_of_each_species_and_the_rest_of_them_ends() -> None:
    rows = rows_of(400, taxon=lambda n: f"t{n % 10}")
    splits = (SplitSpec("train", 80.0), SplitSpec("unseen", 20.0, unseen="species", cap_per_taxon=10))
    found = decided(rows, splits)
    taxa = Counter(row["taxon"] for row in rows if found[row["record_id"]] == "unseen")
    assert len(taxa) == 2 and set(taxa.values()) == {10}
    assert Counter(found.values()) == {"train": 320, "unseen": 20, "over_quota": 60}


@pytest.mark.parametrize("cap", [1, 7])
def test_a_listed_set_is_capped_without_a_picture_of_it_in_train(cap: int) -> None:
    rows = rows_of(60, taxon=lambda n: f"t{n % 2}", media_key=lambda n: f"m:{n}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.csv"
        path.write_text("media_key\n" + "".join(f"m:{n}\n" for n in range(20)))
        found = decided(rows, (SplitSpec("train", 100.0), SplitSpec("test", keys=str(path), cap_per_taxon=cap)))
    assert Counter(found.values()) == {"train": 40, "test": 2 * cap, "over_quota": 20 - 2 * cap}
    assert all(found[f"r{n:04d}"] == "train" for n in range(20, 60))
