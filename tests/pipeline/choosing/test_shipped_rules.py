"""Shipped rules end what they say, before fetch where records alone tell it, and name rule, value and threshold."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from manifests import Recipe, RecipeError, ScoresSpec, load_recipe
from manifests.condition import read_condition
from manifests.condition_columns import LATE
from manifests.sections.shipped_rules import DETECTOR, SHIPPED_RULES
from pipeline.choosing.rules import chooses, late_rules, rules_of, shipped_rules
from pipeline.choosing.told import sentence, unmeasured
from pipeline.scores.joined import check_scores
from tests.pipeline.choosing.test_choosing import recipe_of, screened

Row = dict[str, Any]
NAMES: dict[str, Row] = {
    "ape": {"name_id": "ape", "genus": "Pan", "species": "Pan troglodytes"},
    "man": {"name_id": "man", "genus": "Homo", "species": "Homo sapiens"},
    "bird": {"name_id": "bird", "genus": None},
}
RECIPE = 'name = "r"\n[[sources]]\nname = "s"\nkind = "lila"\npath = "x.csv"\n[select]\nrules = {rules}\n{more}'
EARLY = {
    name
    for name, rule in SHIPPED_RULES.items()
    if not any(table in LATE for table, _ in read_condition(rule.condition, ((DETECTOR, None),)).columns)
}


def ended(recipe: Recipe, rows: list[Row]) -> dict[str, Row]:
    """Return the evidence of what is not selected, by record."""
    whole = [{"source": "one", "name_id": "ape", "record_id": str(place), **row} for place, row in enumerate(rows)]
    found = screened(recipe, whole, NAMES, Path("no index is opened"))
    assert len(found) == len(rows)
    return {key: proof for key, (outcome, proof) in found.items() if outcome == "not_selected" and proof}


@pytest.mark.parametrize("name", sorted(SHIPPED_RULES))
def test_a_rule_is_asked_whole_before_fetch_or_whole_after_it(name: str) -> None:
    recipe = replace(recipe_of(rules=(name,)), scores=(ScoresSpec(DETECTOR, "x.csv", "media_key"),))
    assert len(shipped_rules(recipe)) == (name in EARLY) and len(late_rules(recipe)) == (name not in EARLY)
    assert chooses(recipe) == (name in EARLY) and len(rules_of(recipe)) == (name in EARLY)
    (rule,) = shipped_rules(recipe) or late_rules(recipe)
    assert (rule.key, rule.shipped, rule.condition) == ("select.rules", name, SHIPPED_RULES[name].condition)
    assert (SHIPPED_RULES[name].scores == DETECTOR) == (f"{DETECTOR}." in rule.condition)


@pytest.mark.parametrize("name", sorted(EARLY - {each for each in EARLY if SHIPPED_RULES[each].scores}))
def test_a_record_that_states_nothing_is_not_ended(name: str) -> None:
    assert ended(recipe_of(rules=(name,)), [{}, {"name_id": None}, {"name_id": "bird"}]) == {}


def test_words_of_labels_end_a_record_with_rule_value_and_threshold() -> None:
    rows = [{"subject_words": "title: drawing"}, {"subject_words": "file: '); DROP TABLE records; --"}, {}]
    found = ended(recipe_of(rules=("no-labels",)), rows)
    assert found.keys() == {"0", "1"}
    assert found["0"] == {
        "rule": "no-labels",
        "key": "select.rules",
        "value": "subject_words = title: drawing",
        "condition": "subject_words IS NULL",
    }
    told = sentence(found["0"], {"select": {"rules": ["no-labels"]}, "sources": []})
    assert (
        told == "select.rules names no-labels, which keeps what is subject_words IS NULL; it has subject_words = "
        "title: drawing"
    )


def test_people_are_told_by_their_taxon_and_by_words_that_are_the_whole_name() -> None:
    rows = [
        {"name_id": "man"},
        {"vernacular_name": " Human "},
        {"scientific_name": "PERSON"},
        {"vernacular_name": "human flea"},
        {"vernacular_name": "childling pink"},
        {"scientific_name": "Homo sapiens"},
        {"scientific_name": "Pediculus humanus"},
    ]
    found = ended(recipe_of(rules=("no-people",)), rows)
    assert found.keys() == {"0", "1", "2", "5"}
    assert "names.genus = Homo" in found["0"]["value"] and "'Homo'" in found["0"]["condition"]
    assert found["1"]["condition"] == SHIPPED_RULES["no-people"].condition  # whole, however long it is


def test_labels_of_empty_frames_end_records_of_any_source() -> None:
    rows = [{"vernacular_name": each} for each in ("Empty", "no animal", "emptyhead", "nothing but net", "Blank")]
    assert ended(recipe_of({"rules": ("no-empty-frames",)}), rows).keys() == {"0", "1", "4"}
    assert ended(recipe_of({"rules": ("no-empty-frames",)}), [{"source": "two", **row} for row in rows]) == {}


def test_a_tiny_box_ends_and_a_box_of_any_other_kind_does_not() -> None:
    picture = {"media_width": 2000, "media_height": 1000}
    rows: list[Row] = [
        {"box_w": 40.0, "box_h": 49.9, **picture},
        {"box_w": 40.0, "box_h": 50.0, **picture},
        {"box_w": 4000.0, "box_h": 5000.0, **picture},  # larger than the picture
        {"box_w": 1.0, "box_h": 1.0},  # of a picture whose size is not stated
        {"box_w": None, "box_h": 1.0, **picture},
        {"box_w": math.nan, "box_h": 1.0, **picture},
        {"box_w": 1.0, "box_h": 1.0, "media_width": 0, "media_height": 0},
        {"box_w": 1.0, "box_h": 1.0, "media_width": 2**31 - 1, "media_height": 2**31 - 1},
    ]
    found = ended(recipe_of(rules=("no-tiny-subjects",)), rows)
    assert found.keys() == {"0", "7"}
    assert found["0"]["value"] == "box_h = 49.9, box_w = 40.0, media_height = 1000, media_width = 2000"
    assert "0.001" in found["0"]["condition"]


DETECTED = """{"images": [
 {"file": "a.jpg", "detections": [{"category": "2", "conf": 0.2, "bbox": [0, 0, 0.5, 0.5]}]},
 {"file": "b.jpg", "detections": [{"category": "1", "conf": 0.9, "bbox": [0, 0, 0.01, 0.05]}]},
 {"file": "c.jpg", "detections": []},
 {"file": "d.jpg", "failure": "unreadable"},
 {"file": "e.jpg", "detections": [{"category": "1", "conf": 0.9, "bbox": [0, 0, 0.5, 0.5]},
                                  {"category": "2", "conf": 0.19, "bbox": [0, 0, 0.5, 0.5]}]}]}"""


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("no-people-detected", {"0"}),
        ("no-tiny-subjects-detected", {"1"}),
        ("no-empty-frames-detected", {"0", "2"}),
    ],
)
def test_a_detector_ends_what_it_saw_and_never_what_it_did_not_look_at(
    rule: str, wanted: set[str], tmp_path: Path
) -> None:
    (tmp_path / "detected.json").write_text(DETECTED)
    scores = (ScoresSpec(DETECTOR, str(tmp_path / "detected.json"), "file_name"),)
    recipe = replace(recipe_of(rules=(rule,)), scores=scores)
    found = ended(recipe, [{"media_url": f"https://a.example/x/{name}.jpg"} for name in "abcdefg"])
    assert found.keys() == wanted
    assert all(each["rule"] == rule and "detector." in each["value"] for each in found.values())


def test_a_rule_without_the_scores_that_it_reads_is_an_error_when_the_recipe_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    other = '[[scores]]\nname = "judge"\npath = "x.csv"\nkey = "media_key"\n'
    for more in ("", other):
        path.write_text(RECIPE.format(rules='["no-people-detected"]', more=more))
        with pytest.raises(RecipeError, match=r"no-people-detected.*reads the scores 'detector'") as refused:
            load_recipe(path)
        assert "[[scores]]" in str(refused.value) and "select.rules[0]" in str(refused.value)
    path.write_text(RECIPE.format(rules='["no-people-detected"]', more=other.replace("judge", DETECTOR)))
    assert load_recipe(path).select.rules == ("no-people-detected",)


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ("media_key,animal\na,0.5\n", "no column 'person'"),
        ("media_key,person\na,none\n", "detector.person holds text"),
    ],
)
def test_scores_without_the_column_of_a_rule_are_an_error_before_the_run(
    columns: str, what: str, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text(columns)
    scores = (ScoresSpec(DETECTOR, str(tmp_path / "x.csv"), "media_key"),)
    with pytest.raises(RecipeError, match=what) as refused:
        check_scores(replace(recipe_of({"rules": ("no-people-detected",)}), scores=scores))
    assert refused.value.where == "key sources.one.rules"


def test_rules_of_which_nothing_was_measured_are_named_once_each() -> None:
    recipe = recipe_of({"rules": ("no-still-frames", "no-labels")}, rules=("no-still-frames", "no-empty-frames"))
    assert [line.split(" is wrong")[0] for line in unmeasured(recipe)] == [
        "how often no-still-frames",
        "how often no-empty-frames",
    ]
    assert unmeasured(recipe_of(rules=("no-labels", "no-text", "no-blanks"))) == []


def test_the_page_says_of_every_rule_what_it_keeps_and_what_is_known_of_its_errors() -> None:
    text = (Path(__file__).parents[3] / "docs" / "quality.md").read_text(encoding="utf-8")
    kept, known = text.split("### How often each is wrong")
    measured, off = known.split("**Switched off**")
    for name, rule in SHIPPED_RULES.items():
        assert f"| `{name}` |" in kept
        assert (f"| `{name}` |" in measured) == (not rule.unmeasured)
        assert (f"`{name}`" in off.split("### subject_words")[0]) == bool(rule.unmeasured)
        if len(rule.condition) < 60 and "coalesce" not in rule.condition:
            assert f"`{rule.condition}`" in kept
