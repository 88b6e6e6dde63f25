"""A plan names its units by what is in them; what a worker is given of it does not grow with the units."""

from __future__ import annotations

import hashlib
import pickle
from collections import defaultdict
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests import FetchRules
from pipeline.media.media_schema import MEASURES, MEDIA_SCHEMA, PLAN_SCHEMA
from pipeline.media.task import Planned
from pipeline.stages import fetch_dealing, fetch_plan
from pipeline.storage.database import BATCH_ROWS
from pipeline.storage.row_groups import row_reader
from pipeline.storage.unit_files import units_name, units_of

WANTED = """(SELECT host, media_id, store, 'http://' || host AS address, image_id, again, NULL::DOUBLE AS box_x,
             NULL::DOUBLE AS box_y, NULL::DOUBLE AS box_w, NULL::DOUBLE AS box_h FROM wanted)"""

wanted = st.lists(
    st.tuples(st.sampled_from(["a.org", "b.org", "c.org"]), st.integers(0, 90), st.integers(0, 2), st.integers(0, 1)),
    min_size=1,
    max_size=300,
    unique_by=lambda each: each[:3],
)


def named(rows: list[tuple[str, int, int, int]]) -> dict[str, list[str]]:
    """The units as they are defined: rows of a host in order of their media, cut by media; names by content."""
    media: dict[str, list[str]] = defaultdict(list)
    for host, medium, _, _ in sorted(rows):
        if f"{medium:03}" not in media[host]:
            media[host].append(f"{medium:03}")
    units: dict[str, list[str]] = {}
    for host, each in media.items():
        size = fetch_plan.unit_size(len(each), FetchRules().unit_size)
        for start in range(0, len(each), size):
            inside = [
                (f"{host} {medium:03} {box}", again)
                for of, medium, box, again in sorted(rows)
                if of == host and f"{medium:03}" in each[start : start + size]
            ]
            content = "\n".join(f"{image} {again}" for image, again in inside)
            name = "0123abcd" + hashlib.blake2b(content.encode(), digest_size=14).hexdigest()
            units[name] = [image for image, _ in inside]
    return units


@given(wanted, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_units_are_named_by_their_images_and_lie_where_their_table_says(
    tmp_path: Path, rows: list[tuple[str, int, int, int]], order: object
) -> None:
    shuffled = list(rows)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    con = duckdb.connect()
    con.register(
        "wanted",
        pa.Table.from_pylist(
            [
                {"host": h, "media_id": f"{m:03}", "store": "", "image_id": f"{h} {m:03} {b}", "again": a}
                for h, m, b, a in shuffled
            ]
        ),
    )
    units = fetch_plan.write_plan(con, WANTED, tmp_path, "0-0", FetchRules(), "0123abcd")
    plan = pq.read_table(tmp_path / "plan-0-0.parquet")
    assert plan.schema.equals(PLAN_SCHEMA)
    reader = row_reader(tmp_path / "plan-0-0.parquet")
    found = {each.unit: reader.rows(each.first, each.rows) for each in units}
    assert {unit: [row["image_id"] for row in each] for unit, each in found.items()} == named(rows)
    assert all({row["unit"] for row in each} == {unit} for unit, each in found.items())
    assert all({row["host"] for row in found[each.unit]} == {each.host} for each in units)
    assert units_of(tmp_path, ["0-0"]) == [each.unit for each in units]
    assert sum(each.rows for each in units) == plan.num_rows == len(rows)


@pytest.mark.parametrize("size", [1, 7, 50])
def test_units_are_the_same_however_the_rows_come(tmp_path: Path, size: int) -> None:
    rows = pa.table(
        {"host": ["a"] * 40 + ["b"] * 60, "store": [""] * 100, "media_id": [f"{n // 2}" for n in range(100)]}
    )
    expected = [*range(0, 40, 10), *range(40, 100, 20), 100]
    first, begins = 0, []
    for table, cuts in fetch_plan.cut(rows.to_batches(max_chunksize=size), {("a", ""): 5, ("b", ""): 10}):
        assert table.num_rows == cuts[-1]
        begins += [first + each for each in cuts[:-1]]
        first += cuts[-1]
    assert [*begins, first] == expected


def test_the_row_groups_of_a_plan_hold_rows_of_many_units(tmp_path: Path) -> None:
    con = duckdb.connect()
    query = (
        "SELECT 'a.org' AS host, (range + 10000000)::VARCHAR AS media_id, '' AS store, media_id AS image_id, 0 again"
    )
    con.execute(f"CREATE TABLE wanted AS {query} FROM range({3 * BATCH_ROWS})")
    units = fetch_plan.write_plan(con, WANTED, tmp_path, "0-0", FetchRules(), "0123abcd")
    footer = pq.read_metadata(tmp_path / "plan-0-0.parquet")
    assert len(units) == 3 * BATCH_ROWS // 200
    assert footer.num_row_groups == -(-3 * BATCH_ROWS // fetch_plan.READ_ROWS)


def dealt(folder: Path, number: int) -> list[int]:
    """The pickled bytes of the tasks of so many units of three hosts, and of as many units of a local store."""
    hosts = [(f"{place % 3}.org", "") for place in range(number)] + [("store:s", "s")] * number
    units = [Planned(*each, f"{place:036}", 200 * place, 200) for place, each in enumerate(hosts)]
    tasks = fetch_dealing.tasks(folder, "0-0", units, "reuse-0-0.parquet", {"s": "/data/s"}, FetchRules(), 2)
    assert len(tasks) == 2 + number
    return [len(pickle.dumps(task)) for task in tasks]


def test_a_task_has_one_size_for_any_number_of_units(tmp_path: Path) -> None:
    small, large = dealt(tmp_path, 1_000), dealt(tmp_path, 100_000)
    assert max(large) <= max(small) + 12  # larger numbers
    assert max(large) < 400


def test_the_plan_of_a_round_goes_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE wanted AS SELECT 'a.org' AS host, 'm' AS media_id, '' AS store, 'i' AS image_id, 0 AS again"
    )
    for round_ in ("0-0", "10-1"):
        fetch_plan.write_plan(con, WANTED, tmp_path, round_, FetchRules(), "0123abcd")
    assert fetch_plan.planned_rounds(tmp_path) == ["0-0", "10-1"]
    fetch_plan.remove_plan(tmp_path, "0-0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan-10-1.parquet", units_name("10-1")]


def test_answers_that_an_earlier_version_wrote_without_measures_are_not_used_and_break_nothing(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    for folder in (ours, other):
        (folder / "media").mkdir(parents=True)
        pq.write_table(MEDIA_SCHEMA.empty_table(), folder / "media" / "-schema.parquet")
    old, new = ("0" * fetch_plan.RULES_DIGITS, "1" * fetch_plan.RULES_DIGITS)
    rows = [
        {"image_id": image, "media_id": image, "unit": f"{digest}-x", "length": 1, "sharpness": 5.0}
        for image, digest in (("a", old), ("b", new))
    ]
    pq.write_table(
        pa.Table.from_pylist(rows[:1], MEDIA_SCHEMA).drop_columns(list(MEASURES)), other / "media" / "part-old.parquet"
    )
    pq.write_table(pa.Table.from_pylist(rows[1:], MEDIA_SCHEMA), other / "media" / "part-new.parquet")
    plan = pa.Table.from_pylist([{"image_id": image, "unit": "u"} for image in "ab"], PLAN_SCHEMA)
    pq.write_table(plan, ours / fetch_plan.plan_name("0"))
    files = tuple(sorted((other / "media").glob("part-*")))
    with duckdb.connect() as con:
        for given, found in ((files, ["b"]), (files[1:], []), (files[:1], ["b"])):
            name = fetch_plan.write_reuse(con, ours, "0", new, [fetch_plan.Earlier(other, given, lasting=True)])
            reused = pq.read_table(ours / name).to_pylist() if name else []
            assert [row["image_id"] for row in reused] == found
            assert all(row["sharpness"] == 5.0 and row["folder"] == str(other) for row in reused)
