"""Which split each record is in, against what each key of the recipe promises."""

from __future__ import annotations

import math
import random
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import Recipe, RecipeError, SourceSpec, SplitSpec, SplittingRules
from pipeline.splits.select_decisions import decide
from pipeline.storage import database as sql

Row = dict[str, Any]
KEPT = ("record_id", "source", "image_id", "media_id", "group_id", "name_id")
TEXTS = (
    *("record_id", "source", "dataset_key", "location_key", "individual_key", "event_date", "split_hint", "media_key"),
    *("source_record_id", "occurrence_key"),
)
RECORDS = pa.schema([(key, pa.string()) for key in TEXTS] + [("lat", pa.float64()), ("lon", pa.float64())])
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
THREE = (SplitSpec("train", 80.0), SplitSpec("val", 10.0), SplitSpec("test", 10.0))


def decided(
    rows: list[Row], splits: tuple[SplitSpec, ...], rules: SplittingRules | None = None, seed: int = 3
) -> dict[str, str]:
    """Return the split of each record by its id; of what ended, 'thinned'."""
    recipe = Recipe("r", (SourceSpec("s", "gbif-dwca", "x"),), seed=seed, splitting=rules, splits=splits)
    whole = [
        {"source": "s", "image_id": row["record_id"], "media_id": row["record_id"], "group_id": row["record_id"]}
        | {"name_id": row.get("taxon", "t0")}
        | row
        for row in rows
    ]
    taxa = sorted({row["name_id"] for row in whole}) or ["t0"]
    names = pa.table(
        {"name_id": taxa, "accepted_id": taxa, "accepted_name": taxa}
        | {f"{rank}_id": [taxon if rank == "species" else f"{rank}:{taxon[:1]}" for taxon in taxa] for rank in RANKS}
    )
    with tempfile.TemporaryDirectory() as folder, sql.connect(256, Path(folder)) as con:
        con.register("kept", pa.Table.from_pylist(whole, pa.schema([(key, pa.string()) for key in KEPT])))
        con.register("names", names)
        con.register("records", pa.Table.from_pylist(whole, RECORDS))
        parts = list(decide(con, "kept", "names", recipe, "records", "records"))
    found = {row["record_id"]: row["split"] for part in parts for row in part[0].to_pylist()}
    ended = {row["row_id"]: row["outcome"] for part in parts for row in part[1].to_pylist()}
    assert sorted(found | ended) == sorted(row["record_id"] for row in rows) and not found.keys() & ended.keys()
    return found | ended


def rows_of(count: int, **columns: Any) -> list[Row]:
    """Return records, each column a function of the record's number."""
    return [
        {"record_id": f"r{place:04d}"} | {name: column(place) for name, column in columns.items()}
        for place in range(count)
    ]


KEYED = st.lists(
    st.fixed_dictionaries(
        {
            "group_id": st.integers(0, 30).map(str),
            "taxon": st.integers(0, 5).map("t{}".format),
            "location_key": st.sampled_from([None, "", "a", "b", "c", "d", "e"]),
            "individual_key": st.sampled_from([None, " ", "i", "j", "k"]),
            "source": st.sampled_from(["s", "t"]),
        }
    ),
    max_size=50,
)


@settings(max_examples=20, deadline=None)
@given(
    KEYED,
    st.sampled_from(["none", "accepted", "species", "class", "individual_key"]),
    st.randoms(use_true_random=False),
)
def test_what_shares_a_key_lies_in_one_split_whatever_the_order_of_the_records(
    rows: list[Row], stratify: str, chance: random.Random
) -> None:
    rows = [{**row, "record_id": f"r{place:02d}"} for place, row in enumerate(rows)]
    rules = SplittingRules(together=("location_key", "individual_key"), stratify=stratify)
    found = decided(rows, THREE, rules)
    for name in ("group_id", "location_key", "individual_key"):
        splits = defaultdict(set)
        for row in rows:
            value = (row[name] or "").strip()
            if value:
                splits[value if name == "group_id" else (row["source"], value)].add(found[row["record_id"]])
        assert all(len(each) == 1 for each in splits.values())
    chance.shuffle(rows)
    assert decided(rows, THREE, rules) == found


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 4), st.integers(1, 3)), max_size=60))
def test_a_taxon_of_three_groups_is_in_three_splits_and_none_is_in_another_but_not_in_the_first(
    drawn: list[tuple[int, int, int]],
) -> None:
    """Groups of one taxon each: there every promise can be kept."""
    rows = [
        {"record_id": f"r{place:02d}-{copy}", "group_id": f"g{group}-{taxon}", "taxon": f"t{taxon}"}
        for place, (group, taxon, copies) in enumerate(drawn)
        for copy in range(copies)
    ]
    found = decided(rows, THREE)
    groups, splits = defaultdict(set), defaultdict(set)
    for row in rows:
        groups[row["taxon"]].add(row["group_id"])
        splits[row["taxon"]].add(found[row["record_id"]])
    for taxon, of_taxon in groups.items():
        assert "train" in splits[taxon]
        if len(of_taxon) >= 3:
            assert splits[taxon] == {"train", "val", "test"}


def test_shares_are_kept_to_a_point_by_taxon_and_over_all() -> None:
    rows = rows_of(3000, taxon=lambda n: f"t{n % 7}")
    found = decided(rows, THREE)
    for taxon in {None, *(row["taxon"] for row in rows)}:
        of = [found[row["record_id"]] for row in rows if taxon in (None, row["taxon"])]
        for split in THREE:
            assert abs(100 * of.count(split.name) / len(of) - split.percent) < 1


def test_without_strata_a_group_keeps_its_split_whatever_else_there_is() -> None:
    rows = rows_of(400)
    rules = SplittingRules(stratify="none")
    found = decided(rows, THREE, rules)
    few = decided(rows[::7], THREE, rules)
    assert few == {key: found[key] for key in few}
    assert abs(list(found.values()).count("train") - 320) < 40
    assert decided(rows, THREE, rules, seed=4) != found


def test_a_floor_gives_a_split_as_many_images_of_a_taxon_or_none() -> None:
    sizes = {"t0": 40, "t1": 9, "t2": 30, "t3": 2}
    rows = [
        {"record_id": f"{taxon}-{place:02d}", "taxon": taxon} for taxon, size in sizes.items() for place in range(size)
    ]
    splits = (
        SplitSpec("train", 80.0),
        SplitSpec("val", 10.0, min_per_taxon=5),
        SplitSpec("test", 10.0, min_per_taxon=5),
    )
    found = decided(rows, splits)
    for taxon in sizes:
        of = [found[row["record_id"]] for row in rows if row["taxon"] == taxon]
        held = [of.count(name) for name in ("val", "test")]
        assert held == [0, 0] if sizes[taxon] < 11 else all(each >= 5 for each in held), (taxon, held)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(["2001", "2001-05", "2001-05-03", "2002-01-01T10:00Z", "", "?"])),
        max_size=40,
    )
)
def test_in_time_no_date_of_a_stratum_is_in_a_later_split_than_a_later_one(drawn: list[tuple[int, str]]) -> None:
    rows = [
        {"record_id": f"r{place:02d}", "taxon": f"t{of % 3}", "event_date": date}
        for place, (of, date) in enumerate(drawn)
    ]
    found = decided(rows, THREE, SplittingRules(chronological=True))
    order = {"train": 0, "val": 1, "test": 2}
    for one in rows:
        first = order[found[one["record_id"]]]
        if one["event_date"] in ("", "?"):
            assert first == 0
            continue
        for other in rows:
            dates = one["event_date"][:10], other["event_date"][:10]
            if other["taxon"] == one["taxon"] and dates[1] not in ("", "?") and dates[0] < dates[1]:
                assert first <= order[found[other["record_id"]]]


def individuals(count: int) -> list[Row]:
    """Return pictures of individuals, as of faces: of the first the most, each of some days."""
    return [
        {
            "record_id": f"r{who:02d}-{place:03d}",
            "individual_key": f"i{who:02d}",
            "event_date": f"2014-{1 + place % 12:02d}-01",
        }
        for who in range(count)
        for place in range(12 + 200 // (who + 1))
    ]


def held(rows: list[Row], found: dict[str, str], column: str) -> dict[str, set[str]]:
    """Return the values of a column by split."""
    values = defaultdict(set)
    for row in rows:
        values[found[row["record_id"]]].add(row[column])
    return values


def test_identities_are_closed_open_or_disjoint_as_the_recipe_says() -> None:
    rows, by_who = individuals(34), SplittingRules(stratify="individual_key")
    share = dict.fromkeys(("train", "test"), 0.0)
    closed = decided(
        rows, (SplitSpec("train", 80.0), SplitSpec("test", 20.0)), SplittingRules(stratify="individual_key")
    )
    assert held(rows, closed, "individual_key")["train"] == held(rows, closed, "individual_key")["test"]
    test = SplitSpec("test", 20.0, unseen="individual_key", unseen_percent=10.0)
    open_set = decided(rows, (SplitSpec("train", 80.0), test), by_who)
    who = held(rows, open_set, "individual_key")
    unknown = who["test"] - who["train"]
    assert unknown and who["train"] < who["test"]
    inside = sum(row["individual_key"] in unknown for row in rows) / len(rows)
    assert abs(inside - 0.1) < 0.02
    disjoint = decided(rows, (SplitSpec("train", 80.0), SplitSpec("test", 20.0, unseen="individual_key")))
    who = held(rows, disjoint, "individual_key")
    assert not who["test"] & who["train"] and who["test"] | who["train"] == {row["individual_key"] for row in rows}
    in_time = decided(
        rows,
        (SplitSpec("train", 50.0), SplitSpec("test", 50.0)),
        SplittingRules(stratify="individual_key", chronological=True),
    )
    dates: Any = defaultdict(lambda: defaultdict(set))
    for row in rows:
        dates[row["individual_key"]][in_time[row["record_id"]]].add(row["event_date"])
    assert all(max(each["train"]) < min(each["test"]) for each in dates.values())
    for found in (closed, open_set, disjoint):
        share = {name: list(found.values()).count(name) / len(rows) for name in share}
        assert abs(share["test"] - 0.2) < 0.02


@settings(max_examples=20, deadline=None)
@given(KEYED, st.sampled_from(["accepted", "species", "genus", "individual_key"]), st.floats(5, 95))
def test_what_is_unseen_is_in_no_other_split(rows: list[Row], what: str, percent: float) -> None:
    rows = [{**row, "record_id": f"r{place:02d}"} for place, row in enumerate(rows)]
    found = decided(rows, (SplitSpec("train", 100 - percent), SplitSpec("test", percent, unseen=what)))
    values: Any = defaultdict(set)
    for row in rows:
        value: Any = (
            row["taxon"] if what != "individual_key" else (row["source"], (row["individual_key"] or "").strip())
        )
        value = "the only genus" if what == "genus" else value
        if value and value[-1]:
            values[value].add(found[row["record_id"]])
    assert all(each in ({"test"}, {"train"}) for each in values.values())
    if what == "individual_key":
        assert all(found[row["record_id"]] == "train" for row in rows if not (row["individual_key"] or "").strip())


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180)) | st.tuples(
    st.sampled_from([-90.0, -89.9, -0.01, 0.0, 0.3, 89.95, 90.0]),
    st.sampled_from([-180.0, -179.9, 0.0, 0.2, 179.9, 180.0]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(PLACES, max_size=40), st.floats(1, 500), st.floats(1, 900))
def test_no_record_of_another_split_lies_within_the_buffer_of_the_first(
    places: list[tuple[float, float]], side: float, reach: float
) -> None:
    rows = [{"record_id": f"r{n:02d}", "lat": lat, "lon": lon} for n, (lat, lon) in enumerate(places)]
    rules = SplittingRules(cell_kilometres=side, buffer_kilometres=reach, stratify="none")
    found = decided(rows, (SplitSpec("train", 50.0), SplitSpec("val", 20.0), SplitSpec("test", 30.0)), rules)
    first = [row for row in rows if found[str(row["record_id"])] == "train"]
    others = [row for row in rows if found[str(row["record_id"])] in ("val", "test")]
    assert all(kilometres(one, other) > reach * (1 - 1e-9) for one in first for other in others)
    assert len(first) == list(found.values()).count("train")


def kilometres(one: Row, other: Row) -> float:
    """Return the distance of two places on a sphere, by the haversine."""
    lat, other_lat = math.radians(one["lat"]), math.radians(other["lat"])
    height = math.sin((lat - other_lat) / 2) ** 2
    width = math.sin(math.radians(one["lon"] - other["lon"]) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(height + math.cos(lat) * math.cos(other_lat) * width)))


def test_a_buffer_ends_no_more_than_what_lies_near() -> None:
    rows = rows_of(400, lat=lambda n: (n % 20) * 1.0, lon=lambda n: (n // 20) * 1.0)
    rules = SplittingRules(cell_kilometres=100.0, buffer_kilometres=20.0, stratify="none")
    found = decided(rows, (SplitSpec("train", 80.0), SplitSpec("test", 20.0)), rules)
    assert 0 < list(found.values()).count("thinned") < 250 < list(found.values()).count("train") + 150


def test_words_of_a_source_and_lists_say_which_split_and_lists_speak_first(tmp_path: Path) -> None:
    rows = rows_of(
        60, split_hint=lambda n: ["Val", "test ", None][n % 3], media_key=lambda n: f"m:{n}", taxon=lambda n: "t0"
    )
    listed = tmp_path / "mine.csv"
    listed.write_text("media_key,taxon\nm:1,\n,none such\n")
    splits = (
        *(SplitSpec("train", 70.0), SplitSpec("val", 15.0, hints=("val", "validation"), keys=str(listed))),
        SplitSpec("test", 15.0, hints=("test",)),
    )
    found = decided(rows, splits)
    for row in rows:
        said = {"Val": "val", "test ": "test", None: "train"}[row["split_hint"]]
        assert found[row["record_id"]] == ("val" if row["media_key"] == "m:1" else said)


def test_what_a_list_names_is_of_the_share_that_a_split_holds_alone(tmp_path: Path) -> None:
    listed = tmp_path / "unseen.csv"
    listed.write_text("taxon\nt1\nt4\n")
    rows = rows_of(400, taxon=lambda n: f"t{n % 10}")
    splits = (
        *(SplitSpec("train", 70.0), SplitSpec("val", 10.0)),
        SplitSpec("unseen", 20.0, unseen="species", keys=str(listed)),
    )
    found = decided(rows, splits)
    for row in rows:
        assert (found[row["record_id"]] == "unseen") == (row["taxon"] in ("t1", "t4"))
    held = Counter(row["taxon"] for row in rows if found[row["record_id"]] == "val")
    assert held == {f"t{n}": 5 for n in range(10) if n not in (1, 4)}  # an eighth of each, as 10 is of 80


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("media_key\n\n", "holds no key"),
        ("other\nx\n", "no column to find records by"),
        ("media_key\nm:1\n", "is listed for two splits"),
    ],
)
def test_a_list_that_says_nothing_or_says_it_twice_is_an_error(tmp_path: Path, text: str, problem: str) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(text)
    splits = (
        SplitSpec("train", 50.0, keys=str(tmp_path / "a.csv")),
        SplitSpec("val", 50.0, keys=str(tmp_path / "b.csv")),
    )
    with pytest.raises(RecipeError, match=problem):
        decided(rows_of(3), splits)
