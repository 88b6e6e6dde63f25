"""Small tables that are looked up by a whole number, and rows that share a key or lack it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from manifests.recipe import SourceSpec
from pipeline.sources import Release
from pipeline.sources.mapping import side_tables
from pipeline.sources.mapping.joining import table_of, unique_by, without_key
from pipeline.sources.mapping.json_cells import cell, number, raw
from pipeline.sources.text import delimited

PLACES = {"locator_file": "f", "locator_row": 1, "locator_offset": 10}


def rows(*told: tuple[str | None, str]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"key": key, "name": name} for key, name in told], pa.schema([("key", pa.string()), ("name", pa.string())])
    )


def test_a_table_is_sorted_by_its_numbers_and_of_equal_keys_the_first_by_content_stays() -> None:
    told = [("10", "ten"), ("9", "b"), ("9", "a"), ("x", "none"), (None, "none"), (" 8 ", "eight"), ("-1", "none")]
    for order in itertools.islice(itertools.permutations(told), 0, 5040, 97):
        made = side_tables.sorted_by_key(rows(*order), "key")
        assert made.to_pylist() == [{"key": 8, "name": "eight"}, {"key": 9, "name": "a"}, {"key": 10, "name": "ten"}]


@pytest.mark.parametrize(
    ("text", "key"),
    [("0", 0), ("9" * 18, int("9" * 18)), ("9" * 19, None), ("1.0", None), ("", None), ("1e3", None), ("007", 7)],
)
def test_a_key_is_whole_and_not_too_long(text: str, key: int | None) -> None:
    assert side_tables.keys_as_numbers(pa.array([text])).to_pylist() == [key]


def test_every_key_finds_its_own_row_and_no_other() -> None:
    known = np.array([3, 7, 9])
    wanted = pa.array([9, 3, 7, 2, 4, 8, 10, None], pa.int64())
    assert side_tables.positions(known, wanted).to_pylist() == [2, 0, 1, None, None, None, None, None]
    assert side_tables.positions(known[:0], wanted[:2]).to_pylist() == [None, None]
    table = side_tables.sorted_by_key(rows(("3", "c"), ("7", "g")), "key")
    assert side_tables.find(table, "key", pa.array(["7", "8", "x", None, "3"]))["name"].to_pylist() == [
        "g",
        None,
        None,
        None,
        "c",
    ]


def test_a_table_comes_back_from_the_spool_as_it_was_saved_and_anew_when_it_changed(tmp_path: Path) -> None:
    release = Release(SourceSpec("s", "eol", "p"), "r", (), facts={"spool": str(tmp_path)})
    assert side_tables.load(release, "t.arrow") is None
    side_tables.save(rows(("1", "one"), ("2", "two")), tmp_path / "t.arrow")
    assert side_tables.load(release, "t.arrow") == rows(("1", "one"), ("2", "two"))
    side_tables.save(rows(("1", "one")), tmp_path / "t.arrow")
    assert side_tables.load(release, "t.arrow") == rows(("1", "one"))
    side_tables.save(rows(), tmp_path / "empty.arrow")
    loaded = side_tables.load(release, "empty.arrow")
    assert loaded is not None and loaded.num_rows == 0
    assert side_tables.load(Release(SourceSpec("s", "eol", "p"), "r", ()), "t.arrow") is None


def placed(*told: tuple[str | None, str]) -> pa.Table:
    listed = [{"key": key, "name": name, **PLACES, "locator_row": n} for n, (key, name) in enumerate(told)]
    return pa.Table.from_pylist(listed)


def test_rows_without_a_key_end_as_such_with_their_place() -> None:
    kept, ended = without_key(placed(("1", "a"), (" ", "b"), (None, "c")), "key", "s", "media.txt", "taxonID")
    assert kept["name"].to_pylist() == ["a"]
    told = ended.to_pylist()
    assert [row["outcome"] for row in told] == ["id_missing"] * 2
    assert [row["locator_row"] for row in told] == [1, 2]
    assert len({row["row_id"] for row in told}) == 2
    assert told[0]["evidence"] == '{"rule": "the row has no taxonID", "value": "media.txt"}'
    _, unnamed = without_key(placed((None, "c")), "key", "s", "media.txt")
    assert "the row has no key" in unnamed.to_pylist()[0]["evidence"]
    whole, nothing = without_key(placed(("1", "a")), "key", "s", "media.txt")
    assert (whole.num_rows, nothing.num_rows) == (1, 0)


def test_of_rows_with_one_key_the_choice_is_by_content_and_not_by_place() -> None:
    told = [("1", "b"), ("1", "a"), ("2", "z"), ("3", "c"), ("3", "c")]
    for order in itertools.permutations(told):
        one, repeated = unique_by(placed(*order), "key")
        assert sorted(zip(one["key"].to_pylist(), one["name"].to_pylist(), strict=True)) == [
            ("1", "a"),
            ("2", "z"),
            ("3", "c"),
        ]
        assert sorted(repeated.to_pylist()) == ["1", "3"]
    untouched, none = unique_by(placed(("2", "b"), ("1", "a")), "key")
    assert (untouched["key"].to_pylist(), len(none)) == (["2", "1"], 0)


def test_a_table_of_which_a_bucket_has_no_row_is_empty_and_has_its_columns() -> None:
    made = table_of({}, "media", ("a", "b"))
    assert made.num_rows == 0 and made.column_names[:2] == ["a", "b"]
    given = placed(("1", "a"))
    assert table_of({"media": given}, "media", ("x",)) == given


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1.5, "1.5"),
        (10**20, str(10**20)),
        ("a\x00b\x1fc", "a b c"),
        ("\x00", None),
        ("\ud800", "?"),
        (None, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_scalar_of_json_becomes_a_cell(value: object, text: str | None) -> None:
    assert cell(value) == text


def test_an_identifier_is_the_same_whether_it_was_written_as_a_number_or_a_text() -> None:
    assert [number(value) for value in (214, 214.0, "214", " 214 ")] == ["214"] * 4
    others: list[Any] = [2.5, True, [], ""]
    assert [number(value) for value in others] == ["2.5", "true", "", ""]


def test_the_text_of_an_element_is_the_same_for_any_order_of_its_members_and_is_cut_between_letters() -> None:
    assert raw({"b": 1, "a": "\u00e9\x00"}) == raw({"a": "\u00e9\x00", "b": 1}) == '{"a": "\u00e9\\u0000", "b": 1}'
    long = raw("\u00e9" * delimited.RAW_BYTES)
    assert len(long.encode()) in (delimited.RAW_BYTES - 1, delimited.RAW_BYTES)
    assert set(long) == {'"', "\u00e9"}
