"""What counts as near: a typing error does, another word does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.checks import LICENCE_FAMILIES
from manifests.nearness import closest, edits
from manifests.recipe import LAYOUTS, RANKS, SOURCE_KINDS, Recipe
from manifests.schema import is_table, keys_of

TABLES = [sorted(keys_of(Recipe)), *(sorted(keys_of(k.type)) for k in keys_of(Recipe).values() if is_table(k.type))]


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("validaton_percent", TABLES, "validation_percent"),
        ("Validation-Percent", TABLES, "validation_percent"),
        ("max_redirect", TABLES, "max_redirects"),
        ("percent_validation", TABLES, "validation_percent"),
        ("duplicate_distanse", TABLES, "duplicate_distance"),
        ("CC-BY-NC-4.0", [LICENCE_FAMILIES], "CC-BY-NC"),
        ("camtrapdp", [SOURCE_KINDS], "camtrap-dp"),
        ("treeoflife-10m", [LAYOUTS], "treeoflife10m"),
        ("familly", [RANKS], "family"),
    ],
)
def test_typing_errors_are_near(word: str, known: list[list[str]], meant: str) -> None:
    assert meant in {closest(word, each) for each in known}


@pytest.mark.parametrize(
    "word",
    ["test_percent", "train_percent", "min_percentage", "max_count", "dog", "rating", "paths_to_all", "x" * 9_999, ""],
)
def test_other_words_are_not(word: str) -> None:
    assert {closest(word, known) for known in TABLES} == {""}


@pytest.mark.parametrize(("word", "known"), [("CC-BY-XX", LICENCE_FAMILIES), ("tribe", RANKS), ("gbif", SOURCE_KINDS)])
def test_nothing_is_guessed_where_much_or_two_words_may_be_meant(word: str, known: tuple[str, ...]) -> None:
    assert closest(word, known) == ""


# Of a word of two letters, behind one that several keys share, nothing is near.
LONG = [key for table in TABLES for key in table if len(key) > 3 and len(key.split("_")[-1]) > 2]


@given(st.sampled_from(LONG), st.randoms(use_true_random=False))
def test_any_one_typing_error_in_a_key_leads_back_to_it_or_to_one_as_near(key: str, chance: random.Random) -> None:
    (table,) = [table for table in TABLES if key in table][:1]
    at = chance.randrange(len(key))
    letter = chance.choice("abcxyz")
    typed = chance.choice([key[:at] + key[at + 1 :], key[:at] + letter + key[at:], key[:at] + letter + key[at + 1 :]])
    found = closest(typed, table)
    assert found == key or (found and edits(typed, found) <= edits(typed, key)) or "_" in (key[at], typed[at : at + 1])


@given(st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_edits_are_those_of_a_walk_over_all_words(one: str, other: str) -> None:
    """The definition itself: letters put in, left out, changed or swapped, each place touched once."""

    def walk(left: str, right: str) -> int:
        if not left or not right:
            return len(left) + len(right)
        best = min(
            walk(left[1:], right) + 1, walk(left, right[1:]) + 1, walk(left[1:], right[1:]) + (left[0] != right[0])
        )
        if left[:2] == right[1::-1] and len(left) > 1 and len(right) > 1:
            best = min(best, walk(left[2:], right[2:]) + 1)
        return best

    assert edits(one, other) == edits(other, one) == walk(one, other)
