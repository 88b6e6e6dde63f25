"""A name that fell says that the taxonomy lacks its species; a name that did not fall says nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline.losses.name_fall import fall_sql, missing_sql
from taxonomy import Policy, Taxonomy, build_taxonomy, resolve

WITHIN = "in the taxonomy 'default'"
FALLS = {
    ("Puma mystica", "Felidae"): ("name", f"the species 'Puma mystica' is not {WITHIN}: it fell to the genus Puma"),
    ("Zzyzzus mysticus", "Felidae"): (
        "name, genus",
        f"the species 'Zzyzzus mysticus' and its genus are not {WITHIN}: it fell to the family Felidae",
    ),
    ("Zzyzzus mysticus", None): (
        "name, genus",
        f"the species 'Zzyzzus mysticus' and its genus are not {WITHIN}, nor is anything above it that the record "
        "states",
    ),
    ("Zzyzzus", "Felidae"): ("name", f"the name 'Zzyzzus' is not {WITHIN}: it fell to the family Felidae"),
    ("Puma sp.", None): (None, "'Puma sp.' names no species: it fell to the genus Puma"),
    ("Zzyzzus sp.", "Felidae"): ("genus", f"the genus of 'Zzyzzus sp.' is not {WITHIN}: it fell to the family Felidae"),
    ("Oenanthe mystica", None): (
        "name",
        f"the species 'Oenanthe mystica' is not {WITHIN}, and what is above it belongs to several taxa",
    ),
    ("Puma concolor", "Felidae"): (None, None),
    ("Felis concolor", None): (None, None),
    ("Felidae", None): (None, None),
}


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names") / "taxonomy"
    build_taxonomy(["default"], folder)
    return folder


def test_each_way_to_fall_has_its_sentence(taxonomy: Path) -> None:
    asked = pa.table({"scientific_name": [name for name, _ in FALLS], "family": [family for _, family in FALLS]})
    names = resolve(Taxonomy.open(taxonomy), asked)
    with duckdb.connect() as con:
        con.register("names", names)
        query = f"SELECT {missing_sql('n')}, {fall_sql('n', ['default'])} FROM names n"
        found = con.execute(query).fetchall()
    for question, answer in zip(FALLS, found, strict=True):
        assert answer == FALLS[question], question


def test_what_is_in_the_taxonomy_and_not_a_good_match_is_not_called_missing(taxonomy: Path) -> None:
    asked = pa.table({"scientific_name": ["Puma concolor"], "kingdom": ["Plantae"], "family": ["Asteraceae"]})
    names = resolve(Taxonomy.open(taxonomy, policy=Policy(fuzzy=False)), asked)
    assert names["accepted_name"].to_pylist() != ["Puma concolor"]
    with duckdb.connect() as con:
        con.register("names", names)
        missing, sentence = con.execute(
            f"SELECT {missing_sql('n')}, {fall_sql('n', ['default'])} FROM names n"
        ).fetchall()[0]
    assert missing is None
    assert sentence is None or "is a good match of 'Puma concolor'" in sentence


def test_a_name_is_one_sentence_whatever_is_in_it(taxonomy: Path) -> None:
    sentence = fall_sql("n", ["it's.zip", "b"])
    odd = ["", "'", "a'b\nc", "× Zzyzzus mysticus", "BOLD:AAA0000", "Zzyzzus mysticus var. odd", "?"]
    names = resolve(Taxonomy.open(taxonomy), pa.table({"scientific_name": odd}))
    with duckdb.connect() as con:
        con.register("names", names)
        found = con.execute(f"SELECT {sentence} FROM names n").fetchall()
    assert len(found) == len(odd)
    assert "the species '× Zzyzzus mysticus'" in found[3][0] or "the species 'Zzyzzus mysticus'" in found[3][0]
