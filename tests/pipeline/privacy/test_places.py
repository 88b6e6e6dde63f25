"""Places: the rule of rounding, what it is asked of, and which records a list of taxa protects."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import PrivacyRules, RecipeError
from pipeline.catalog.build import view_statements
from pipeline.model.records import RECORD_SCHEMA
from pipeline.privacy import PLACES_SCHEMA, THREATENED_SCHEMA, generalised, place_columns
from pipeline.privacy.protected import find_taxa, read_threatened, taxa_below
from taxonomy import Taxonomy, build_taxonomy


@given(st.one_of(st.floats(-90, 90), st.floats(-180, 180)))
def test_a_rounded_coordinate_is_a_tenth_within_half_a_cell_and_stays(value: float) -> None:
    told = generalised(value)
    assert repr(told) == f"{told:.1f}" and math.copysign(1, told) == (1 if told >= 0 else -1)
    assert abs(told - value) <= 0.05 + 1e-9 and abs(told) <= max(abs(math.floor(value)), abs(math.ceil(value)))
    assert generalised(told) == told


@given(st.lists(st.one_of(st.none(), st.floats(-180, 180)), min_size=1, max_size=20))
def test_shards_and_function_round_alike(values: list[float | None]) -> None:
    lat = place_columns(PrivacyRules("0.1"))[0]
    query = f"SELECT {lat} FROM (SELECT unnest(?::DOUBLE[]) AS lat, NULL AS record_id) r"
    found = [row[0] for row in duckdb.execute(query, [values]).fetchall()]
    assert found == [None if value is None else generalised(value) for value in values]


def test_the_views_round_as_the_shards_do() -> None:
    rounding = place_columns(PrivacyRules("0.1"))[0].partition("ELSE ")[2].partition(" END")[0]
    assert rounding == "floor(r.lat * 10 + 0.5) / 10 + 0.0"
    views = view_statements()
    assert rounding in views and rounding.replace("lat", "lon") in views


KEPT_BACK = ("location_key", "sequence_key", "individual_key", "country_verbatim", "coordinate_uncertainty_m")
"""What is told of a place beside its coordinates; the country is told as a code."""


def told(folder: Path, coordinates: str, threatened: str) -> dict[str, dict[str, Any]]:
    """Return what the view `records` says of a protected record and of another at the same place."""
    place = {"lat": 1.2345, "lon": 2.3456, "location_key": "camp 3", "country_verbatim": "Kenya: camp 3"}
    row = {**place, "sequence_key": "camp 3:7", "individual_key": "rhino 1", "coordinate_uncertainty_m": 30.0}
    common = {**row, "country_code": "KE", "locator_file": "f", "locator_row": 1, "issues": []}
    protected = {"record_id": "kept back", "source": "s", "reason": "taxon", "other_id": None}
    where = pa.schema([("record_id", pa.string()), ("locator_file", pa.string()), ("locator_row", pa.int64())])
    conflicts = pa.schema([("record_id", pa.string()), ("label_conflict", pa.bool_())])
    listed = [{"taxon": "Ceratotherium simum"}] if threatened else []
    for path, rows, schema in (
        ("ingest/records", [{**common, "record_id": key} for key in ("kept back", "shown")], RECORD_SCHEMA),
        ("select/threatened", listed, THREATENED_SCHEMA),
        ("select/places", [protected] if threatened else [], PLACES_SCHEMA),
        ("screen/media_records", [], conflicts),
        ("screen/candidates", [], where),
    ):
        (folder / path).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / path / "a.parquet")
    statement = re.search(r"CREATE VIEW records AS.*?;", view_statements(), re.DOTALL)
    assert statement is not None
    with duckdb.connect() as con:
        con.execute(f"SET file_search_path = '{folder}'")
        con.execute("CREATE TABLE privacy AS SELECT ? AS coordinates, ? AS threatened", [coordinates, threatened])
        con.execute(statement[0])
        found = con.execute("SELECT * FROM records")
        names = [column[0] for column in found.description or ()]
        shown = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    return {each["record_id"]: each for each in shown}


@pytest.mark.parametrize("coordinates", ["0.1", "none"])
def test_what_leads_to_a_place_is_kept_back_with_its_coordinates(tmp_path: Path, coordinates: str) -> None:
    of_all = told(tmp_path / "a", coordinates, "")
    assert {row[name] for row in of_all.values() for name in KEPT_BACK} == {None}
    assert {row["country_code"] for row in of_all.values()} == {"KE"}
    listed = told(tmp_path / "b", coordinates, "list.txt")
    assert [listed["kept back"][name] for name in KEPT_BACK] == [None] * 5
    assert [listed["shown"][name] for name in KEPT_BACK] == ["camp 3", "camp 3:7", "rhino 1", "Kenya: camp 3", 30.0]
    assert (listed["kept back"]["lat"], listed["shown"]["lat"]) == (1.2 if coordinates == "0.1" else None, 1.2345)


def test_exact_places_are_told_with_all_that_leads_to_them(tmp_path: Path) -> None:
    shown = told(tmp_path, "exact", "")["kept back"]
    assert None not in [shown[name] for name in KEPT_BACK]


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    folder = tmp_path_factory.mktemp("taxonomy") / "index"
    build_taxonomy(["default"], folder)
    return Taxonomy.open(folder)


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("Felis concolor", "bm:Puma-concolor", "bm:Panthera-leo"),
        ("bm:Felis-concolor", "bm:Puma-concolor", "bm:Panthera-leo"),
        ("Panthera", "bm:Panthera-leo", "bm:Puma-concolor"),
        ("Felidae", "bm:Puma-concolor", "bm:Morus-bassanus"),
    ],
)
def test_a_listed_taxon_covers_its_synonyms_and_what_is_below_it(
    taxonomy: Taxonomy, entry: str, inside: str, outside: str
) -> None:
    below = taxa_below(find_taxa([entry], taxonomy), taxonomy).to_pylist()
    assert inside in below and outside not in below


@pytest.mark.parametrize("entry", ["Morus", "Nonexistus imaginarius", "Puma imaginaria"])
def test_a_name_that_is_not_resolved_takes_nothing_else_in_its_place(taxonomy: Taxonomy, entry: str) -> None:
    row = find_taxa([entry], taxonomy).to_pylist()[0]
    assert (row["accepted_id"], row["canonical_name"]) == (None, entry)
    assert len(taxa_below(find_taxa([entry], taxonomy), taxonomy)) == 0


def test_lists_of_taxa_are_names_or_keys_and_never_empty(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfPuma concolor\r\n\r\nFucus\r\nFucus\r\n")
    (tmp_path / "b.csv").write_text("accepted_id,taxon\nbm:Fucus,Fucus\n,Puma concolor\n")
    (tmp_path / "c.csv").write_text("taxon\n\n")
    (tmp_path / "d.csv").write_text("red list\nPuma\n")
    assert read_threatened(tmp_path / "a.txt") == ["Puma concolor", "Fucus"]
    assert read_threatened(tmp_path / "b.csv") == ["bm:Fucus", "Puma concolor"]
    for name, said in (("c.csv", "is empty"), ("d.csv", "no column")):
        with pytest.raises(RecipeError, match=said):
            read_threatened(tmp_path / name)
