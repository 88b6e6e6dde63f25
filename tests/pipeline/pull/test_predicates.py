"""Predicates: what people write becomes what GBIF takes, and what it would not take is said before it is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.pull import (
    PullError,
    check_predicate,
    checklist_key,
    existing,
    load_predicate,
    parse_conditions,
    request_for,
    with_checklist,
)

COL, BACKBONE = checklist_key("col"), checklist_key("backbone")


def test_conditions_become_a_predicate() -> None:
    assert parse_conditions(["country=NZ"]) == {"type": "equals", "key": "COUNTRY", "value": "NZ"}
    assert parse_conditions(
        [
            "TAXON_KEY = 5WZLF",
            "basisofrecord!=FOSSIL_SPECIMEN",
            "year>=1979",
            "elevation<9000",
            "mediaType=StillImage",
            "scientificName=Puma concolor (Linnaeus, 1771)",
            "mediaType=Sound",
            "geometry=POLYGON((1 2, 3 4, 1 2))",
        ]
    ) == {
        "type": "and",
        "predicates": [
            {"type": "equals", "key": "TAXON_KEY", "value": "5WZLF"},
            {"type": "not", "predicate": {"type": "equals", "key": "BASIS_OF_RECORD", "value": "FOSSIL_SPECIMEN"}},
            {"type": "greaterThanOrEquals", "key": "YEAR", "value": "1979"},
            {"type": "lessThan", "key": "ELEVATION", "value": "9000"},
            {"type": "in", "key": "MEDIA_TYPE", "values": ["StillImage", "Sound"]},
            {"type": "equals", "key": "SCIENTIFIC_NAME", "value": "Puma concolor (Linnaeus, 1771)"},
            {"type": "within", "geometry": "POLYGON((1 2, 3 4, 1 2))"},
        ],
    }


@pytest.mark.parametrize("bad", [[], ["country"], ["country="], ["=NZ"], ["contry=NZ"], ["taxon key=1"]])
def test_a_condition_that_says_nothing_is_refused(bad: list[str]) -> None:
    with pytest.raises(PullError) as caught:
        parse_conditions(bad)
    assert bad != ["contry=NZ"] or "COUNTRY" in caught.value.remedy


def test_every_recorded_predicate_is_understood(recordings: Path, tmp_path: Path) -> None:
    seen = 0
    for line in (recordings / "index.jsonl").read_text().splitlines():
        body = json.loads(line)["request_json"]
        if body and "predicate" in body:
            (tmp_path / "p.json").write_text(json.dumps(body))
            assert load_predicate(tmp_path / "p.json") == body["predicate"]
            seen += 1
    assert seen == 16


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"type": "equals", "key": "YEAR"},
        {"type": "eq", "key": "YEAR", "value": "1"},
        {"type": "and", "predicates": []},
        {"type": "and", "predicates": ["x"]},
        {"type": "not", "predicate": None},
        {"type": "in", "key": "YEAR", "values": [str(n) for n in range(100_001)]},
    ],
)
def test_a_predicate_that_gbif_would_not_take_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(PullError):
        check_predicate(bad)


def test_a_predicate_nested_without_end_is_refused() -> None:
    nested: dict[str, Any] = {"type": "isNull", "parameter": "YEAR"}
    for _ in range(500):
        nested = {"type": "not", "predicate": nested}
    with pytest.raises(PullError, match="nested"):
        check_predicate(nested)


def test_a_taxon_key_always_names_its_checklist() -> None:
    asked = {"type": "not", "predicate": {"type": "in", "key": "GENUS_KEY", "values": ["5WZLF", "622"]}}
    with pytest.raises(PullError, match="'622' may belong"):
        with_checklist(asked, "")
    assert with_checklist(asked, BACKBONE)["predicate"]["checklistKey"] == BACKBONE
    own = {"type": "equals", "key": "TAXON_KEY", "value": "212", "checklistKey": BACKBONE}
    assert with_checklist(own, "") == own
    request = request_for({"type": "equals", "key": "TAXON_KEY", "value": "5WZLF"})
    assert request == {
        "format": "DWCA",
        "predicate": {"type": "equals", "key": "TAXON_KEY", "value": "5WZLF", "checklistKey": COL},
        "checklistKey": COL,
    }
    with pytest.raises(PullError):
        request_for(parse_conditions(["year=1"]), "SPECIES_LIST")
    with pytest.raises(PullError):
        existing("../../etc/passwd")
