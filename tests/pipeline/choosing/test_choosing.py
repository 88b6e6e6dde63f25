"""What a choice leaves out is what its plain definition says, whatever the order of the rows."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import Recipe, RecipeError, ScoresSpec, SelectRules, SourceSpec, canonical_json, recipe_digest
from manifests.sections.shipped_rules import SHIPPED_RULES
from pipeline.choosing import limits
from pipeline.choosing.chosen_taxa import find_taxa
from pipeline.choosing.rules import ORDER, choice_parts, chooses, late_parts, late_rules, rules_of, scores_read
from pipeline.choosing.screening import prepare
from pipeline.likeness.taxa import HELD_TAXA_SCHEMA
from pipeline.model.ids import hash64
from pipeline.model.records import RECORD_SCHEMA
from pipeline.sources.mapping.event_dates import event_columns
from pipeline.stages.base import recipe_parts
from pipeline.stages.screen import screening_sql
from pipeline.storage import database as sql
from taxonomy import RESOLVED_SCHEMA, Taxonomy, build_taxonomy, resolve

IDS = pa.schema([(name, pa.string()) for name in ("benchmark", "media_key", "record_key", "occurrence_key")])
SOURCES = (SourceSpec("one", "eol", "x"), SourceSpec("two", "eol", "y"))
Row = dict[str, Any]
NAMES = (
    "Puma concolor",
    "Felis concolor",
    "Passer domesticus",
    "Passer",
    "Aves",
    "Quercus robur",
    "Zzyzzus zz",
    "Morus",
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names") / "taxonomy"
    build_taxonomy(["default"], folder)
    return folder


@pytest.fixture(scope="module")
def names(index: Path) -> dict[str, Row]:
    asked = pa.table({"name_id": list(NAMES), "scientific_name": list(NAMES)})
    return {row["name_id"]: row for row in resolve(Taxonomy.open(index), asked).to_pylist()}


def screened(
    recipe: Recipe, rows: Sequence[Row], names: Mapping[str, Row], index: Path
) -> dict[str, tuple[str | None, Row | None]]:
    """Return the outcome and the evidence of every record."""
    whole = [{"media_type": "StillImage", "license_family": "CC0", "locator_file": "f", **row} for row in rows]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for part, table in (
            ("records", pa.Table.from_pylist(whole, RECORD_SCHEMA)),
            ("names", pa.Table.from_pylist(list(names.values()), RESOLVED_SCHEMA)),
            ("ids", IDS.empty_table()),
            ("items", IDS.empty_table()),
            ("taxa", HELD_TAXA_SCHEMA.empty_table()),
        ):
            (folder / part).mkdir()
            pq.write_table(table, folder / part / "a.parquet")
        tables = [sql.parquet(folder / part) for part in ("records", "names", "ids", "items", "taxa")]
        with sql.connect(256, folder) as con:
            prepare(con, recipe, tables[1], index)
            query = f"SELECT record_id, outcome, evidence FROM ({screening_sql(recipe, *tables)})"
            found = con.execute(query).fetchall()
    return {key: (outcome, json.loads(proof) if outcome else None) for key, outcome, proof in found}


def recipe_of(source: Row | None = None, **select: Any) -> Recipe:
    one = replace(SOURCES[0], **(source or {}))
    return Recipe("r", (one, SOURCES[1]), seed=5, select=SelectRules(**select))


DATES: dict[str | None, tuple[int, int] | None] = {
    None: None,
    "": None,
    "1989": (1989, 1989),
    "1990-01-01": (1990, 1990),
    "1990/1993": (1990, 1993),
    "1990-05-01/1999-01-01": (1990, 1999),
    "1991-12-30/31": (1991, 1991),
    "1990-02-30/1993": None,
    "20050412": (2005, 2005),
    "2005-12-31T23:59": (2005, 2005),
    "05": None,
    "1991-05/": None,
    "200512": None,
    "12/05/1995": None,
    "1995/05/12": None,
    " 1992 ": (1992, 1992),
    "1999/1990": (1990, 1999),
    "19905": None,
}
"""The years that a date begins and ends in; None where it is no date of ISO 8601."""


def in_years(date: str | None, items: Sequence[str]) -> bool:
    span = DATES[date]
    wanted = set()
    for item in items:
        a, _, b = item.partition("-")
        wanted |= set(range(int(a), int(b or a) + 1))
    return span is not None and set(range(span[0], span[1] + 1)) <= wanted


def dated(row: Row) -> Row:
    """Return a row with what a reader makes of its date."""
    columns, masks = event_columns(pa.array([row["event_date"] or None], pa.string()))
    issues = [code for code, mask in masks.items() if mask[0]]
    return {**row, "event_year": columns["event_year"][0].as_py(), "issues": issues}


def in_box(lat: float | None, lon: float | None, box: Sequence[float]) -> bool:
    west, south, east, north = box
    if lat is None or lon is None or not south <= lat <= north:
        return False
    across = west > east
    return any(
        (each >= west or each <= east) if across else west <= each <= east
        for each in ({180.0, -180.0} if abs(lon) == 180 else {lon})
    )


def lineage(name: Row) -> set[str]:
    ranks = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
    return {name["accepted_id"], *(name[f"{rank}_id"] for rank in ranks)} - {None}


def fails(key: str, value: Any, row: Row, name: Row) -> bool:
    """The plain definition of every key."""
    unresolved = name["accepted_id"] is None
    ids = {"Aves": {"bm:Aves"}, "Felis concolor": {"bm:Puma-concolor"}, "bm:Passer": {"bm:Passer"}}
    columns = {"life_stages": "life_stage", "sexes": "sex", "categories": "image_category"}
    match key:
        case "taxa":
            return not unresolved and not any(ids[each] & lineage(name) for each in value)
        case "exclude_taxa":
            return any(ids[each] & lineage(name) for each in value)
        case "ranks":
            return not unresolved and name["accepted_rank"] not in value
        case "bbox":
            return not in_box(row["lat"], row["lon"], value)
        case "countries":
            return row["country_code"] not in [{"Great Britain": "GB"}.get(each, each) for each in value]
        case "years":
            return not in_years(row["event_date"], value)
        case "basis":
            said = re.sub("[^A-Z]", "", (row["basis_of_record"] or "").upper())
            return said not in [each.replace("_", "") for each in value]
        case "where":
            return not (row["lat"] is not None and row["lat"] > 10 and (name["class"] or "") != "Aves")
        case "sample":
            return hash64(5, f"choice:{row['record_id']}") >= int(value * 2**64)
        case _:
            terms = {"imagines": "Imago", "ADULT": "Adult", "f": "Female"}
            return row[columns[key]] not in [terms.get(each, each) for each in value]


rows_of = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["one", "two"]),
        "name_id": st.sampled_from(NAMES),
        "lat": st.none() | st.sampled_from([-90.0, -10.0, 0.0, 10.0, 10.5, 50.0, 90.0]),
        "lon": st.none() | st.sampled_from([-180.0, -170.0, 0.0, 30.0, 170.0, 175.5, 180.0]),
        "country_code": st.sampled_from([None, "NZ", "GB", "DE"]),
        "event_date": st.sampled_from(list(DATES)),
        "life_stage": st.sampled_from([None, "Adult", "Imago", "Larva"]),
        "sex": st.sampled_from([None, "Female", "Male"]),
        "image_category": st.sampled_from([None, "citizen", "camera_trap", "unknown"]),
        "basis_of_record": st.sampled_from([None, "HumanObservation", "HUMAN_OBSERVATION", "PRESERVED_SPECIMEN"]),
    }
)
choices = st.fixed_dictionaries(
    {},
    optional={
        "taxa": st.sampled_from([("Aves",), ("Felis concolor", "Aves"), ("bm:Passer",)]),
        "exclude_taxa": st.sampled_from([("bm:Passer",), ("Felis concolor",)]),
        "ranks": st.sampled_from([("species",), ("genus", "class")]),
        "bbox": st.sampled_from(
            [
                (-180.0, -90.0, 180.0, 90.0),
                (170.0, -50.0, -170.0, 20.0),
                (0.0, 0.0, 30.0, 10.0),
                (-180.0, -90.0, 0.0, 90.0),
                (0.0, -90.0, 180.0, 90.0),
                (10.0, 10.0, 10.0, 10.0),
            ]
        ),
        "countries": st.sampled_from([("NZ",), ("Great Britain", "NZ")]),
        "years": st.sampled_from([("1990-1999",), ("1989", "1990", "1991-1993", "2005"), ("1990", "1993")]),
        "life_stages": st.sampled_from([("ADULT",), ("imagines", "Larva")]),
        "sexes": st.just(("f",)),
        "categories": st.sampled_from([("citizen",), ("camera_trap", "unknown")]),
        "basis": st.just(("HUMAN_OBSERVATION",)),
        "where": st.just("lat > 10 AND coalesce(names.class, '') <> 'Aves'"),
        "sample": st.sampled_from([0.3, 0.7, 1.0]),
    },
)


def apart(choice: Row) -> bool:
    """Whether no taxon is in both lists, or below one that is left out."""
    below = {"bm:Passer": {"bm:Passer"}, "Felis concolor": {"Felis concolor"}, "Aves": {"Aves"}}
    return not any(below[out] & set(choice.get("taxa", ())) for out in choice.get("exclude_taxa", ()))


@settings(max_examples=8)
@given(st.lists(rows_of, min_size=8, max_size=40), choices.filter(apart), choices.filter(apart), st.randoms())
def test_every_key_is_its_plain_definition_and_the_first_that_fails_is_named(
    index: Path, names: dict[str, Row], drawn: list[Row], own: Row, of_all: Row, random: Any
) -> None:
    rows = [{**dated(row), "record_id": f"id{number}", "locator_row": number} for number, row in enumerate(drawn)]
    recipe = recipe_of(own, **of_all)
    found = screened(recipe, rows, names, index)
    random.shuffle(rows)
    assert screened(recipe, rows, names, index) == found
    for row in rows:
        tables = [("sources.one", own)] * (row["source"] == "one") + [("select", of_all)]
        expected = [
            f"{table}.{key}"
            for table, choice in tables
            for key in ORDER
            if key in choice and fails(key, choice[key], row, names[row["name_id"]])
        ]
        outcome, proof = found[row["record_id"]]
        assert (outcome == "not_selected") == bool(expected), (row, expected, proof)
        if expected:
            assert proof is not None and proof["key"] == expected[0] and proof["rule"] == "choice"


def test_a_record_whose_name_is_not_resolved_ends_by_its_name_and_not_by_the_taxa_that_are_chosen(
    index: Path, names: dict[str, Row]
) -> None:
    rows = [
        {"record_id": "a", "source": "one", "name_id": "Zzyzzus zz"},
        {"record_id": "b", "source": "one", "name_id": "Morus"},
        {"record_id": "c", "source": "one", "name_id": "Quercus robur"},
    ]
    found = screened(recipe_of(taxa=("Aves",)), rows, names, index)
    assert {key: outcome for key, (outcome, _) in found.items()} == {
        "a": "name_unresolved",
        "b": "name_ambiguous",
        "c": "not_selected",
    }
    assert found["c"][1] == {"rule": "choice", "key": "select.taxa", "value": "Quercus robur"}


def test_evidence_of_a_condition_has_its_columns_but_never_a_place(index: Path, names: dict[str, Row]) -> None:
    row = {"record_id": "a", "source": "one", "name_id": "Passer", "lat": 51.23456, "lon": 7.0, "sex": "x" * 500}
    proof = screened(recipe_of(where="lat > 60 OR sex = 'f'"), [row], names, index)["a"][1]
    assert proof is not None and proof["condition"] == "lat > 60 OR sex = 'f'"
    assert proof["value"] == "lat (not shown), sex = " + "x" * 60
    inside = screened(recipe_of(bbox=(0.0, 60.0, 10.0, 70.0)), [row], names, index)["a"][1]
    assert inside is not None and inside["value"] == "south of it"
    assert "51.2" not in json.dumps([proof, inside])


def test_what_cannot_be_computed_for_one_record_is_not_chosen_and_ends_no_run(
    index: Path, names: dict[str, Row]
) -> None:
    rows = [
        {"record_id": str(number), "source": "one", "name_id": "Passer", "media_width": width, "media_height": 2}
        for number, width in enumerate((1, 2**31 - 1, 5))
    ]
    found = screened(recipe_of(where="media_width * media_height * 1 > 5"), rows, names, index)
    assert [found[key][0] for key in "012"] == ["not_selected", "not_selected", None]


@settings(max_examples=8)
@given(
    st.lists(st.sampled_from(["one", "two"]), max_size=30),
    st.none() | st.integers(1, 8),
    st.none() | st.integers(1, 20),
    st.randoms(),
)
def test_a_limit_keeps_the_first_of_a_hash_order_of_each_source_and_then_of_all(
    sources: list[str], own: int | None, of_all: int | None, random: Any
) -> None:
    rows = [{"record_id": f"id{number}", "source": source} for number, source in enumerate(sources)]
    recipe = recipe_of({"limit": own}, limit=of_all)
    order = sorted(rows, key=lambda row: (hash64(5, f"choice:{row['record_id']}"), row["record_id"]))
    first = [row for row in order if row["source"] == "one"][: own or None]
    kept = [row for row in order if row["source"] == "two" or row in first][: of_all or None]
    random.shuffle(rows)
    with sql.connect(256, Path(tempfile.gettempdir())) as con:
        schema = pa.schema([("record_id", pa.string()), ("source", pa.string())])
        con.register("rows", pa.Table.from_pylist(rows, schema))
        limits.create_order(con, recipe.seed)
        limits.note_beyond(con, recipe, "SELECT * FROM rows")
        left = con.execute(f"SELECT record_id FROM ({limits.kept_sql('SELECT * FROM rows')})").fetchall()
        ended = con.execute(
            f"SELECT row_id, outcome, evidence FROM ({limits.ended_sql('SELECT * FROM rows')})"
        ).fetchall()
    assert sorted(key for (key,) in left) == sorted(row["record_id"] for row in kept)
    assert len(left) + len(ended) == len(rows)
    for key, outcome, proof in ended:
        source = rows[[row["record_id"] for row in rows].index(key)]["source"]
        over = source == "one" and own is not None and key not in [row["record_id"] for row in first]
        assert (outcome, json.loads(proof)["key"]) == (
            "not_selected",
            "sources.one.limit" if over else "select.limit",
        )


def test_an_unknown_or_ambiguous_taxon_is_an_error_with_candidates(index: Path) -> None:
    taxonomy = Taxonomy.open(index)
    for taxon, what, remedy in (
        ("Morus", "is the name of several taxa", "bm:Plantae-Morus"),
        ("Avess", "is no taxon", "bm:Aves"),
        ("Puma concolr", "is no taxon", "bm:Puma-concolor"),
        ("Puma mystica", "is no taxon", ""),
        ("bm:nothing", "is no taxon", ""),
    ):
        with pytest.raises(RecipeError, match=what) as refused:
            find_taxa(recipe_of({"taxa": (taxon,)}), taxonomy)
        assert remedy in refused.value.remedy and refused.value.where == "key sources.one.taxa"
    with pytest.raises(RecipeError, match="leaves out everything"):
        find_taxa(recipe_of(taxa=("Passer domesticus",), exclude_taxa=("Aves",)), taxonomy)
    with pytest.raises(RecipeError, match="leaves out everything"):
        find_taxa(recipe_of(taxa=("Felis concolor",), exclude_taxa=("Puma concolor",)), taxonomy)
    assert find_taxa(recipe_of(taxa=("Aves",), exclude_taxa=("Passer domesticus",)), taxonomy).keys() == {0, 1}


def test_a_recipe_without_a_choice_has_the_digest_and_the_query_that_it_had(index: Path) -> None:
    plain = recipe_of()
    assert not any(key in canonical_json(plain) for key in ("where", "exclude_taxa", '"limit"', "bbox"))
    assert choice_parts(plain) == {} and rules_of(plain) == []
    assert "choice" not in screening_sql(plain, *["x"] * 5)


def test_only_screen_depends_on_what_is_chosen_and_on_the_seed_only_where_a_hash_decides() -> None:
    plain, chosen = recipe_of(), recipe_of({"years": ("1990",)}, where="lat > 1")
    assert recipe_digest(plain) != recipe_digest(chosen)
    assert recipe_parts(plain, ["sources", "select"]) == recipe_parts(chosen, ["sources", "select"])
    assert choice_parts(chosen) == {"choice": {"sources.one.years": ("1990",), "select.where": "lat > 1"}}
    assert choice_parts(recipe_of(sample=0.5))["choice.seed"] == 5


def test_a_smaller_sample_is_a_part_of_a_larger_one_and_of_about_its_size(index: Path, names: dict[str, Row]) -> None:
    rows = [{"record_id": f"r{n}", "source": "one", "name_id": "Passer", "locator_row": n} for n in range(2000)]
    kept = {}
    for share in (0.1, 0.5):
        found = screened(recipe_of(sample=share), rows, names, index)
        kept[share] = {key for key, (outcome, _) in found.items() if outcome is None}
    assert kept[0.1] < kept[0.5] and 150 < len(kept[0.1]) < 250 and 900 < len(kept[0.5]) < 1100


def test_what_is_said_of_pictures_is_no_part_of_screen_and_the_rest_is_no_part_of_select() -> None:
    scores = (ScoresSpec("judge", "x.csv", "media_key"),)
    where = "lat > 1 AND judge.good > 0.5 AND media.sharpness > 100"
    recipe = replace(
        recipe_of({"where": "media.pixels > 5"}, where=where, rules=("no-blanks", "no-frames")), scores=scores
    )
    said = {"choice": {"select.where": "((r.lat > 1) AND (s_judge.good > 0.5))"}}
    assert choice_parts(recipe) == said
    louder = replace(recipe, select=replace(recipe.select, where=where.replace("100", "900"), rules=None))
    assert choice_parts(louder) == said and late_parts(louder) != late_parts(recipe)
    assert [rule.key for rule in rules_of(recipe)] == ["select.where"]
    late = late_rules(recipe)
    assert [rule.key for rule in late] == ["sources.one.where", "select.rules", "select.rules", "select.where"]
    assert [rule.condition for rule in late[1:3]] == [
        SHIPPED_RULES[each].condition for each in ("no-blanks", "no-frames")
    ]
    assert late[0].source == "one" and all("r.lat" not in rule.fails + rule.value for rule in late)
    assert scores_read(recipe, late=False) == {"judge"} and scores_read(recipe, late=True) == set()
    only = recipe_of(rules=("no-blanks",), where="media.sharpness > 1")
    assert choice_parts(only) == {} and not chooses(only) and rules_of(only) == []
    assert choice_parts(recipe_of()) == late_parts(recipe_of()) == {}


def test_a_record_is_chosen_by_its_scores_and_without_one_it_is_not(
    names: dict[str, Row], index: Path, tmp_path: Path
) -> None:
    (tmp_path / "judge.csv").write_text("media_key,Good one\na,0.9\nb,0.1\nz,1\n")
    scores = (ScoresSpec("judge", str(tmp_path / "judge.csv"), "media_key"),)
    recipe = replace(recipe_of(where='judge."good one" > 0.5'), scores=scores)
    rows: list[Row] = [
        {"record_id": f"r{key}", "source": "one", "media_key": key, "name_id": NAMES[0]} for key in "abc"
    ]
    rows.append({"record_id": "r", "source": "two", "media_key": None, "name_id": NAMES[0]})
    found = screened(recipe, rows, names, index)
    wanted: dict[str, str | None] = {
        "ra": None,
        "rb": "not_selected",
        "rc": "not_selected",
        "r": "not_selected",
    }
    assert {key: outcome for key, (outcome, _) in found.items()} == wanted
    values = {key: proof["value"] for key, (_, proof) in found.items() if proof}
    assert values == {"rb": "judge.good one = 0.1", "rc": "judge.good one = NULL", "r": "judge.good one = NULL"}
