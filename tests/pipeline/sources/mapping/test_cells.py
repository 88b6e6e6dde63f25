"""Cells as columns: what is absent, what is a number, and what is said of what is odd."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.model.media_keys import media_key
from pipeline.model.outcomes import Outcome
from pipeline.sources.mapping import columns as c


def strings(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


@pytest.mark.parametrize("edge", ["", " ", "\u00a0", "\t"])
def test_cells_are_stripped_and_blank_ones_are_absent(edge: str) -> None:
    table = pa.table({"a": strings(f"{edge}x y{edge}", edge, None, "z")})
    assert c.text(table, "a").to_pylist() == ["x y", None, None, "z"]
    assert c.blank_to_null(table["a"].combine_chunks()).to_pylist() == [f"{edge}x y{edge}", None, None, "z"]
    assert c.text(table, "b").to_pylist() == [None] * 4
    assert c.text(table.slice(3), "a").to_pylist() == ["z"]


def test_numbers_are_decimal_and_nothing_else() -> None:
    told = {"1": 1.0, " -2.5 ": -2.5, "3.": 3.0, "1e3": 1000.0, "1E-2": 0.01, "123456789012345": 123456789012345.0}
    assert c.numbers(strings(*told)).to_pylist() == list(told.values())
    none = ["", "nan", "inf", "1,5", "0x1", "1e100", "1234567890123456", "+1", ".5", "1 2"]
    assert c.numbers(strings(*none, None)).to_pylist() == [None] * (len(none) + 1)


def test_sizes_are_whole_pixels_above_nothing() -> None:
    table = pa.table({"w": strings("640", "640.9", "0", "-1", "0.5", "2147483647", "2147483648", "x", None)})
    assert c.pixels(table, "w").to_pylist() == [640, 640, None, None, 0, 2147483647, None, None, None]


def test_positions_are_possible_whole_and_not_the_zero_of_a_form() -> None:
    told = [
        ("90", "180", (90.0, 180.0), ""),
        ("-90", "-180", (-90.0, -180.0), ""),
        ("90.1", "0", (None, None), "COORD_BAD"),
        ("0", "180.1", (None, None), "COORD_BAD"),
        ("0", "0", (None, None), "COORD_ZERO"),
        ("0", "1", (0.0, 1.0), ""),
        ("1", "0", (1.0, 0.0), ""),
        ("1", None, (None, None), "COORD_BAD"),
        (None, "1", (None, None), "COORD_BAD"),
        ("north", "1", (None, None), "COORD_BAD"),
        (None, None, (None, None), ""),
    ]
    lat, lon, issues = c.coordinates(strings(*(row[0] for row in told)), strings(*(row[1] for row in told)))
    assert list(zip(lat.to_pylist(), lon.to_pylist(), strict=True)) == [row[2] for row in told]
    for code, mask in issues.items():
        assert mask.tolist() == [row[3] == code for row in told]


def test_issues_are_listed_once_sorted_with_those_of_the_source_itself() -> None:
    masks = {"B": np.array([True, False, True, False]), "A": np.array([True, False, False, False])}
    assert c.issue_lists(masks, 4).to_pylist() == [["A", "B"], [], ["B"], []]
    own = strings("C;A", "Z;;Y", "B", None)
    assert c.issue_lists(masks, 4, own).to_pylist() == [["A", "B", "C"], ["Y", "Z"], ["B"], []]
    assert c.issue_lists({}, 2, strings("B|A", None), "|").to_pylist() == [["A", "B"], []]


def test_evidence_is_json_whatever_the_value() -> None:
    values = ["plain", 'a "quote"', "back\\slash", "line\nend", "caf\u00e9", "", None]
    read = [json.loads(text) for text in c.evidence_of("why", strings(*values)).to_pylist()]
    assert read == [{"rule": "why", "value": value or ""} for value in values]


def test_a_licence_is_of_the_first_level_that_states_one_and_is_never_passed_over() -> None:
    levels = [
        ("media", strings("CC BY 4.0", "no idea what this is", None, "", None)),
        ("record", strings("CC0", "CC0", "CC BY-NC 4.0", "", None)),
        ("default", c.constant("CC0 1.0", 5)),
    ]
    columns, issues = c.licence_columns(levels, strings(*["url:x"] * 5))
    assert columns["license_source"].to_pylist() == ["media", "media", "record", "default", "default"]
    assert columns["license_verbatim"].to_pylist()[:3] == ["CC BY 4.0", "no idea what this is", "CC BY-NC 4.0"]
    assert columns["may_share"].to_pylist() == [True, None, True, True, True]
    assert columns["may_sell"].to_pylist() == [True, None, False, True, True]
    assert {code: mask.tolist() for code, mask in issues.items()} == {
        "LICENSE_UNKNOWN": [False, True, False, False, False]
    }


def test_a_code_without_a_version_is_version_four_on_inaturalist_only() -> None:
    columns, _ = c.licence_columns([("media", strings("CC-BY", "CC-BY"))], strings("inat:1", "url:x"))
    four, unsaid = columns["license_id"].to_pylist()
    assert "4.0" in four and four != unsaid


def test_addresses_have_the_key_that_each_alone_would_have() -> None:
    urls = [
        "https://static.inaturalist.org/photos/123/original.jpg",
        "https://inaturalist-open-data.s3.amazonaws.com/photos/45/large.jpeg",
        "https://static.inaturalist.org/photos/0123/original.jpg",
        "https://example.org/a.jpg",
        "http://example.org/a.jpg?x=1",
        "https://Example.org/a.jpg",
        "https://example.org:8080/a.jpg",
        "https://example.org/caf\u00e9.jpg",
        "https://mirror.example.org/a b.jpg",
    ]
    for some in (urls, urls[:2], urls[3:5]):
        assert c.media_keys(strings(*some)).to_pylist() == [media_key(url) for url in some]


def test_rows_of_equal_content_have_equal_texts_wherever_they_stand() -> None:
    table = pa.table({"b": ["1", "1", "2"], "a": [None, "", ""], "locator_row": ["7", "8", "9"]})
    one, two, three = c.row_texts(table)
    assert one == two != three
    assert c.row_texts(table.select(["a", "locator_row", "b"])) == [one, two, three]
    assert c.row_texts(table.select(["locator_row"])) == ["", "", ""]


def test_rows_that_end_keep_their_place_and_name_whom_they_lost_to() -> None:
    places = {"locator_file": ["f", "f"], "locator_row": [1, 2], "locator_offset": [10, 20]}
    made = c.ended_rows(
        pa.table(places), "s", Outcome.EXACT_DUPLICATE, ["x", "y"], [{"b": 1, "a": "\u00e9"}, {}], ["o", None]
    )
    first, second = made.to_pylist()
    assert (first["row_id"], first["source"], first["outcome"], first["other_id"]) == ("x", "s", "exact_duplicate", "o")
    assert first["evidence"] == '{"a": "\u00e9", "b": 1}' and second["evidence"] == "{}"
    assert (second["locator_file"], second["locator_row"], second["locator_offset"], second["other_id"]) == (
        "f",
        2,
        20,
        None,
    )
