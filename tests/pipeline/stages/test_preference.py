"""Which of equal images stays: each term of the order decides where all before it are equal, and none before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from manifests import Recipe, SourceSpec
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.stages.preference import preference

RECIPE = Recipe("r", tuple(SourceSpec(name, "dwca", name, priority=place) for place, name in enumerate(("one", "two"))))
BASE: Mapping[str, Any] = {
    "source": "one",
    "license_family": "CC-BY",
    "provenance": 1,
    "species_id": None,
    "width": 341,
    "height": 256,
    "source_width": 1000,
    "source_height": 750,
    "colours": "few",
    "bytes": 1000,
}
BETTER: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("licence", {"license_family": "CC0"}),
    ("larger as stored", {"width": 400, "height": 300}),
    ("more colour", {"colours": "many"}),
    ("more pixels", {"source_width": 1001}),
    ("more bytes per pixel", {"bytes": 1001}),
)
WORSE: Mapping[str, Mapping[str, Any]] = {
    "licence": {"license_family": "CC-BY-NC"},
    "larger as stored": {"width": 200, "height": 150},
    "more colour": {"colours": "grey"},
    "more pixels": {"source_width": 999},
    "more bytes per pixel": {"bytes": 999},
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def preferred(con: duckdb.DuckDBPyConnection, rows: Mapping[str, Mapping[str, Any]], recipe: Recipe = RECIPE) -> str:
    """Return the name of the row that comes first."""
    ids = {f"{rank}_id": None for rank in ("kingdom", "phylum", "class", "order", "family", "genus", "species")}
    listed = [{**ids, **BASE, **row, "record_id": name} for name, row in rows.items()]
    fields = [(name, pa.string()) for name in (*ids, "source", "license_family", "record_id")]
    fields += [("provenance", pa.int8())]
    fields += [(name, MEDIA_SCHEMA.field(name).type) for name in ("width", "height", "source_width", "source_height")]
    fields += [(name, MEDIA_SCHEMA.field(name).type) for name in ("colours", "bytes")]
    con.register("rows", pa.Table.from_pylist(listed, pa.schema(fields)))
    pixels = "t.source_width::BIGINT * t.source_height"
    order = preference(recipe, name="t", record="t", pixels=pixels, media="t")
    found = con.execute(f"SELECT record_id FROM rows t ORDER BY {order} LIMIT 1").fetchall()
    return str(found[0][0])


@pytest.mark.parametrize("term", range(len(BETTER)))
def test_a_term_decides_before_all_that_follow_it(con: duckdb.DuckDBPyConnection, term: int) -> None:
    name, better = BETTER[term]
    against = {key: value for other, row in BETTER[term + 1 :] for key, value in row.items()}
    assert preferred(con, {"z": better, "a": {**against}}) == "z", name
    assert preferred(con, {"a": {**WORSE[name], **against}, "z": {}}) == "z", name


def test_equal_rows_go_by_name(con: duckdb.DuckDBPyConnection) -> None:
    assert preferred(con, {"b": {}, "a": {}}) == "a"


def test_what_is_not_known_comes_last(con: duckdb.DuckDBPyConnection) -> None:
    assert preferred(con, {"a": {"colours": None}, "b": {"colours": "grey"}}) == "b"
    assert preferred(con, {"a": {"bytes": None}, "b": {"bytes": 1}}) == "b"


def test_the_side_that_the_recipe_bounds_is_what_is_stored(con: duckdb.DuckDBPyConnection) -> None:
    rows = {"wide": {"width": 512, "height": 100}, "square": {"width": 256, "height": 256}}
    assert preferred(con, rows) == "square"
    longest = replace(RECIPE, image=replace(RECIPE.image, rule="longest"))
    assert preferred(con, rows, longest) == "wide"


def test_the_source_of_higher_priority_counts_before_bytes(con: duckdb.DuckDBPyConnection) -> None:
    assert preferred(con, {"a": {"source": "two", "bytes": 5000}, "b": {"source": "one"}}) == "b"
