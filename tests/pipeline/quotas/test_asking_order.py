"""Who is asked for, step after step, against quotas over everything that could be had."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import FetchRules, Recipe, SelectRules
from pipeline.quotas.asked import Asking, asking_parts
from pipeline.quotas.sizes import tempered
from pipeline.storage import database as sql
from tests.pipeline.quotas.quota_definitions import (
    LISTED_TABLE,
    NAMES,
    ROWS,
    RULES,
    Caps,
    Row,
    by_definition,
    recipe_of,
    tables_of,
    taxon_of,
)

ENDS = st.lists(st.sampled_from(["stays", "stays", "fails", "goes"]), min_size=40, max_size=40)
"""Of every record: whether it arrives and stays, does not arrive, or arrives and would be ended later on."""
CAPS = st.tuples(*[st.none() | st.integers(1, 4)] * 2)


@contextmanager
def asking_of(rows: list[Row], recipe: Recipe) -> Iterator[Asking]:
    candidates, records = tables_of(rows)
    with tempfile.TemporaryDirectory() as folder, sql.connect(256, Path(folder)) as con:
        for name, table in (
            *(("candidates", candidates), ("names", NAMES)),
            *(("records", records), ("quota_listed", LISTED_TABLE)),
        ):
            con.register(name, table)
        asking = Asking(con, recipe)
        asking.begin("candidates", "names", "records")
        yield asking


def listed(con: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return con.execute(query).fetchall()


def drive(asking: Asking, end_of: dict[str, str]) -> list[set[str]]:
    """Ask until nobody is asked for any more, as fetch does; return who was asked for in each step."""
    steps: list[set[str]] = []

    def step() -> bool:
        before = set().union(*steps)
        more = asking.more()
        steps.append({row for (row,) in listed(asking.con, "SELECT record_id FROM asked")} - before)
        assert more == len(steps[-1])
        return more > 0

    def lose(kind: str, judged: bool) -> None:
        gone = [record for record in set().union(*steps) if end_of[record] == kind]
        values = ", ".join(f"('{record}')" for record in gone)
        query = f"SELECT * FROM (VALUES {values}) v(record_id)" if gone else "SELECT '' AS record_id WHERE false"
        asking.lose(query, judged)

    step()
    while True:
        lose("fails", judged=False)
        if step():
            continue
        if not asking.judges:
            break
        lose("goes", judged=True)
        if not step():
            break
    return [each for each in steps if each]


def drawn(rows: list[Row], ends: list[str]) -> tuple[list[Row], dict[str, str]]:
    rows = [{**row, "record_id": f"r{place:02d}"} for place, row in enumerate(rows)]
    return rows, {row["record_id"]: ends[place] for place, row in enumerate(rows)}


def ruled(said: dict[str, Any]) -> SelectRules:
    if "thin_to" not in said:
        said = {key: value for key, value in said.items() if not key.startswith("thin_")}
    elif not {"thin_degrees", "thin_by"} & said.keys():
        said = {**said, "thin_degrees": 1.0}
    return SelectRules(**said)


@pytest.mark.whole
@settings(max_examples=60, deadline=None)
@given(ROWS, RULES, CAPS, ENDS)
def test_quotas_take_of_what_was_asked_for_what_they_would_take_of_everything_that_can_be_had(
    rows: list[Row], said: dict[str, Any], caps: Caps, ends: list[str]
) -> None:
    """A target, and rarity, count all there is; and turns of values are another order than a source's cap counts in."""
    said = {key: value for key, value in said.items() if key not in ("target", "power")}
    if "rarity" in said.get("prefer", ()):
        del said["prefer"]
    if "balance" in said:
        said, caps = {key: value for key, value in said.items() if not key.startswith("thin_")}, (None, None)
    rows, end_of = drawn(rows, ends)
    rules = ruled(said)
    limits = dict(zip("st", caps, strict=True))
    recipe = recipe_of(rules, caps, FetchRules(until_quota=True))
    with asking_of(rows, recipe) as asking:
        steps = drive(asking, end_of)
        asking.note_unasked()
        unasked = dict(listed(asking.con, "SELECT record_id, evidence FROM unasked"))
    asked = set().union(*steps)
    had = [row for row in rows if end_of[row["record_id"]] == "stays"]
    there = [row for row in had if row["record_id"] in asked]
    taken = {row["record_id"] for row in had} - by_definition(had, rules, limits).keys()
    assert {row["record_id"] for row in there} - by_definition(there, rules, limits).keys() == taken
    assert unasked.keys() == {row["record_id"] for row in rows} - asked
    of = {row["record_id"]: row for row in rows}
    columns = rules.quota_columns or ()
    for record, text in unasked.items():
        told = json.loads(text)
        assert told.keys() == {"rule", "had", "wanted", "taxon", "asked", "stay"}
        assert told["taxon"] == taxon_of(of[record], rules.quota_rank)
        own = [
            row
            for row in rows
            if taxon_of(row, rules.quota_rank) == told["taxon"]
            and all(row[column] == of[record][column] for column in columns)
            and row["record_id"] in asked
        ]
        assert (told["asked"], told["stay"]) == (len(own), sum(end_of[row["record_id"]] == "stays" for row in own)), (
            record
        )


@pytest.mark.whole
@settings(max_examples=60, deadline=None)
@given(
    ROWS,
    ENDS,
    st.integers(1, 5),
    st.sampled_from([None, "genus"]),
    st.sampled_from([None, ("licence",), ("box", "licence"), ("source",), ("rarity",), ("quality", "licence")]),
)
def test_a_number_of_images_is_asked_for_in_the_order_of_preference_and_one_for_each_that_fails(
    rows: list[Row], ends: list[str], number: int, rank: str | None, prefer: tuple[str, ...] | None
) -> None:
    rows, end_of = drawn(rows, ends)
    rules = SelectRules(quota_rank=rank, prefer=prefer)
    with asking_of(rows, recipe_of(rules, (None, None), FetchRules(images_per_taxon=number))) as asking:
        steps = drive(asking, end_of)
    asked = set().union(*steps)
    # Quality is not known of anybody yet: it is no reason to ask one before another.
    known = dataclasses.replace(rules, prefer=tuple(word for word in prefer or () if word != "quality") or None)
    of_taxon = defaultdict(list)
    for row in rows:
        of_taxon[taxon_of(row, rank)].append(row)
    for each in of_taxon.values():
        mine = {row["record_id"] for row in each}
        upto = dataclasses.replace(known, cap_per_taxon=len(mine & asked))  # the first so many
        assert mine - by_definition(rows, upto, {"s": None, "t": None}).keys() == mine & asked
        arrived = sum(end_of[record] != "fails" for record in mine & asked)
        assert arrived >= number or mine <= asked
        if sum(bool(step & mine) for step in steps) <= 4:
            assert arrived <= number


@pytest.mark.whole
@settings(max_examples=60, deadline=None)
@given(ROWS, ENDS, st.integers(1, 30), st.sampled_from([0.0, 0.5, 1.0]), st.none() | st.integers(1, 6))
def test_no_taxon_is_below_its_part_of_a_target_while_candidates_stand_by(
    rows: list[Row], ends: list[str], target: int, power: float, floor: int | None
) -> None:
    floor = None if floor is None else min(floor, target)
    rows, end_of = drawn(rows, ends)
    rules = SelectRules(target=target, power=power, min_per_taxon=floor)
    with asking_of(rows, recipe_of(rules, (None, None), FetchRules(until_quota=True))) as asking:
        asked = set().union(*drive(asking, end_of))
    hope = [row for row in rows if row["record_id"] not in asked or end_of[row["record_id"]] == "stays"]
    counts = Counter(taxon_of(row, None) for row in hope)
    counts = Counter({taxon: count for taxon, count in counts.items() if count >= (floor or 0)})
    quota = tempered(counts, target, power, 0, floor or 0) if counts else {}
    there = Counter(taxon_of(row, None) for row in hope if row["record_id"] in asked)
    for taxon, part in quota.items():
        assert there[taxon] >= max(part, floor or 0)


@settings(max_examples=8, deadline=None)
@given(ROWS, ENDS, st.integers(1, 4), st.integers(0, 8))
def test_with_both_keys_so_many_arrive_in_any_case_and_quotas_are_met_besides(
    rows: list[Row], ends: list[str], cap: int, number: int
) -> None:
    rows, end_of = drawn(rows, ends)
    fetch = FetchRules(until_quota=True, images_per_taxon=number)
    with asking_of(rows, recipe_of(SelectRules(cap_per_taxon=cap), (None, None), fetch)) as asking:
        steps = drive(asking, end_of)
    asked = set().union(*steps)
    for taxon in {taxon_of(row, None) for row in rows}:
        mine = {row["record_id"] for row in rows if taxon_of(row, None) == taxon}
        arrived = [record for record in mine & asked if end_of[record] != "fails"]
        assert mine <= asked or len(arrived) >= number
        staying = sum(end_of[record] == "stays" for record in arrived)
        assert mine <= asked or staying >= cap
        if not number and sum(bool(step & mine) for step in steps) <= 4:
            assert staying <= cap


@pytest.mark.parametrize(
    ("changed", "coupled", "plain"),
    [
        ({"cap_per_taxon": 3}, True, False),
        ({"min_available": 3}, True, False),
        ({"prefer": ("licence",)}, True, True),
        ({"prefer": ("quality",)}, False, False),
        ({"quota_rank": "genus"}, True, True),
        ({"balance": ("sex",)}, True, True),
        ({"diverse": ("sex",)}, False, False),
        ({"validation_percent": 9.0}, False, False),
    ],
)
def test_a_key_of_select_makes_fetch_anew_only_where_it_decides_who_is_asked_for(
    changed: dict[str, Any], coupled: bool, plain: bool
) -> None:
    before = SelectRules(cap_per_taxon=2)
    after = dataclasses.replace(before, **changed)
    for fetch, differs in ((FetchRules(until_quota=True), coupled), (FetchRules(images_per_taxon=2), plain)):
        said = [asking_parts(recipe_of(rules, (None, None), fetch)) for rules in (before, after)]
        assert (said[0] != said[1]) == differs
    assert asking_parts(recipe_of(after, (None, None))) == {}
