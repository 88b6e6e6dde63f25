"""Controlled vocabularies: one spelling for what records write, and nothing for what is only near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import Recipe, RecipeError, SelectRules, SourceSpec
from manifests.checks import check
from manifests.places import Places
from manifests.vocabularies import (
    BASES,
    CATEGORIES,
    COUNTRIES,
    COUNTRY,
    LIFE_STAGE,
    QUALITY_GRADE,
    SEX,
    Vocabulary,
    folded,
)
from manifests.vocabularies.printed import vocabularies_page

ROOT = Path(__file__).parents[3]
ALL = (SEX, LIFE_STAGE, COUNTRY, QUALITY_GRADE)
vocabularies = st.sampled_from(ALL)
hostile = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            "\x00",
            "male\x00",
            "ａｄｕｌｔ",
            "МALE",
            "אדם",
            "\ud7ff",
            "m" * 100_000,
            "1" * 300,
            "://",
            "?",
            ";;|",
            "and",
        ]
    ),
)


@given(vocabularies, hostile)
def test_any_text_is_a_term_or_none_and_a_term_is_itself(vocabulary: Vocabulary, text: str) -> None:
    found = vocabulary.find(text)
    assert found == "" or found in vocabulary.terms
    assert vocabulary.find(found) == found


@given(
    vocabularies.flatmap(lambda v: st.tuples(st.just(v), st.sampled_from(list(v.labels())))),
)
def test_case_blanks_and_punctuation_around_a_label_change_nothing(pair: tuple[Vocabulary, str]) -> None:
    vocabulary, label = pair
    for written in (label.upper(), f"  {label}. ", f"({label})", label.replace(" ", " - ")):
        assert vocabulary.find(written) == vocabulary.find(label) != ""


@pytest.mark.parametrize(
    ("vocabulary", "text", "term"),
    [
        (SEX, "FEMALE", "Female"),
        (SEX, "2 females", "Female"),
        (SEX, "male; female", "Mixed"),
        (SEX, "Male | male", "Male"),
        (SEX, "♂", "Male"),
        (SEX, "unknown", "Indeterminate"),
        (SEX, "male?", ""),
        (SEX, "male; blob", ""),
        (SEX, "mal", ""),
        (LIFE_STAGE, "Adult(s)", "Adult"),
        (LIFE_STAGE, "sub-adult", "Subadult"),
        (LIFE_STAGE, "Têtard", "Tadpole"),
        (LIFE_STAGE, "http://rs.gbif.org/vocabulary/gbif/life_stage/adult", "Adult"),
        (LIFE_STAGE, "adult; juvenile", ""),
        (LIFE_STAGE, "1st instar", ""),
        (COUNTRY, "uk", "GB"),
        (COUNTRY, "EL", "GR"),
        (COUNTRY, "DEU", "DE"),
        (COUNTRY, "costa rica", "CR"),
        (COUNTRY, "Bolivia (Plurinational State of)", "BO"),
        (COUNTRY, "Cote d'Ivoire", "CI"),
        (COUNTRY, "SW", ""),
        (COUNTRY, "Germany and France", ""),
        (QUALITY_GRADE, "needs_id", "needs_id"),
        (QUALITY_GRADE, "VERIFIED", "verified"),
    ],
)
def test_what_records_write_is_read(vocabulary: Vocabulary, text: str, term: str) -> None:
    assert vocabulary.find(text) == term


def test_the_lists_hold_the_terms_of_their_standards() -> None:
    assert {"Female", "Male", "Mixed", "Indeterminate", "Other", "Hermaphrodite"} == set(SEX.terms)
    assert {"Egg", "Larva", "Pupa", "Nymph", "Juvenile", "Subadult", "Adult", "Imago", "Unknown"} <= set(
        LIFE_STAGE.terms
    )
    assert len(COUNTRIES) == 249 + 3 and all(code.isupper() and len(code) == 2 for code in COUNTRIES)
    assert len({labels[0] for labels in COUNTRY.terms.values()}) == len(COUNTRIES), (
        "each has an alpha-3 code of its own"
    )


def test_a_label_of_two_terms_is_refused() -> None:
    with pytest.raises(ValueError, match="is a label of Male and of Female"):
        Vocabulary("Sex", "", {"Male": ("x",), "Female": ("X.",)})


def test_the_page_lists_the_vocabularies_as_they_are() -> None:
    page = (ROOT / "docs" / "vocabularies.md").read_text(encoding="utf-8")
    assert page == vocabularies_page()
    for term in (*LIFE_STAGE.terms, *SEX.terms, *QUALITY_GRADE.terms, *COUNTRIES):
        assert f"| `{term}` |" in page
    assert all(word in page for word in (*CATEGORIES, *BASES))


@given(st.text(max_size=300))
def test_folding_is_idempotent(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def refused(**select: Any) -> RecipeError | None:
    recipe = Recipe("r", (SourceSpec("one", "eol", "x"),), select=SelectRules(**select))
    try:
        check(recipe, Places("a.toml"))
    except RecipeError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("key", "word", "meant"),
    [
        ("life_stages", "larfa", "write 'Larva'"),
        ("sexes", "femal", "write 'Female'"),
        ("countries", "SP", "write 'ES'"),
        ("countries", "Swizerland", "write 'CH'"),
        ("countries", "Atlantis", "docs/vocabularies.md"),
        ("categories", "camera-trap", "write 'camera_trap'"),
    ],
)
def test_an_unknown_word_of_a_recipe_is_an_error_that_names_the_nearest(key: str, word: str, meant: str) -> None:
    error = refused(**{key: (word,)})
    assert error is not None and word in error.what and meant in error.remedy


def test_a_recipe_may_write_any_word_that_is_read_as_a_term_once() -> None:
    assert refused(life_stages=("caterpillars", "ADULT"), sexes=("♀",), countries=("uk", "Costa Rica")) is None
    assert refused(categories=CATEGORIES) is None
    error = refused(countries=("DE", "Germany"))
    assert error is not None and "both 'DE'" in error.what
