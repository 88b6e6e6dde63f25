"""An answer says what was odd about it, all of it, and nothing that was not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from taxonomy import Policy, Taxonomy
from tests.taxonomy.conftest import ask
from tests.taxonomy.match.test_evidence import BIRDS, HEAD

MORE = """
30\tPicus\tLinnaeus, 1758\tgenus\taccepted\t5\t
31\tPicus albus\tSmith, 1900\tspecies\taccepted\t30\t
32\tPicus alba\tMiller, 1850\tspecies\taccepted\t30\t
33\tLarus\tLinnaeus, 1758\tgenus\taccepted\t5\t
34\tLarus fuscus\tLinnaeus, 1758\tspecies\taccepted\t33\t
35\tHookeria\t\tgenus\taccepted\t23\t
36\tHookeria lucens\tHook. f.\tspecies\taccepted\t35\t
37\tMorus\tL.\tgenus\taccepted\t23\t
38\tMorus\tVieillot, 1816\tgenus\taccepted\t5\t
"""


@pytest.fixture
def birds(made: Callable[..., Taxonomy]) -> Taxonomy:
    return made(HEAD + BIRDS + MORE.lstrip("\n"))


def answer(taxonomy: Taxonomy, name: str, **more: str) -> tuple[str, str | None, list[str]]:
    row: dict[str, Any] = ask(taxonomy, name, **more)
    return row["match_type"], row["accepted_name"], sorted(row["issues"] or [])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, ("CANONICAL", "Passer domesticus", [])),
        ({"author": "(Linnaeus, 1758)"}, ("EXACT", "Passer domesticus", [])),
        ({"author": "Smith, 1900"}, ("CANONICAL", "Passer domesticus", ["AUTHOR_DIFFERS"])),
        ({"family": "Passeridae"}, ("CANONICAL", "Passer domesticus", [])),
        ({"family": "Helicidae"}, ("CANONICAL", "Passer domesticus", ["HINTS_DISAGREE"])),
        ({"rank": "species"}, ("CANONICAL", "Passer domesticus", [])),
    ],
)
def test_a_known_name_has_only_the_issues_of_what_was_said_with_it(
    birds: Taxonomy, asked: dict[str, str], told: tuple[str, str, list[str]]
) -> None:
    match, name, issues = answer(birds, "Passer domesticus", **asked)
    assert (match, name, [issue.upper() for issue in issues]) == told


def test_a_name_whose_author_is_another_s_gives_way_to_the_spelling_that_is_his(birds: Taxonomy) -> None:
    assert answer(birds, "Picus albus")[:2] == ("CANONICAL", "Picus albus")
    assert answer(birds, "Picus albus", author="Smith, 1900")[:2] == ("EXACT", "Picus albus")
    assert answer(birds, "Picus albus", author="Miller, 1850")[:2] == ("STEM", "Picus alba")
    assert answer(birds, "Picus alba", author="Miller, 1850")[:2] == ("EXACT", "Picus alba")


def test_an_unknown_species_says_whether_its_genus_is_known(birds: Taxonomy) -> None:
    match, name, issues = answer(birds, "Passer quux")
    assert (match, name) == ("GENUS", "Passer")
    assert "name_not_in_taxonomy" in issues and "genus_not_in_taxonomy" not in issues
    match, name, issues = answer(birds, "Quuxia quux", family="Passeridae")
    assert (match, name) == ("HIGHER_RANK", "Passeridae")
    assert {"name_not_in_taxonomy", "genus_not_in_taxonomy"} <= set(issues)
    match, name, issues = answer(birds, "Quuxia")
    assert (match, name) == ("NONE", None)
    assert issues == ["name_not_in_taxonomy"]  # one lack is said once


def test_the_species_of_an_unknown_subspecies_is_as_sure_as_the_species_itself(birds: Taxonomy) -> None:
    alone = ask(birds, "Passer domesticus", rank="species")
    of_three = ask(birds, "Passer domesticus quux")
    assert (of_three["match_type"], of_three["accepted_name"]) == ("SPECIES_OF_TRINOMIAL", "Passer domesticus")
    assert of_three["name_score"] == alone["name_score"] == 110
    assert of_three["confidence"] == alone["confidence"]


def test_a_hybrid_is_one_and_a_plain_name_is_none(birds: Taxonomy) -> None:
    _, _, issues = answer(birds, "Larus × fuscus")
    assert issues == ["hybrid"]
    assert answer(birds, "Larus fuscus")[2] == []


def test_the_son_is_the_son_however_he_is_written(birds: Taxonomy) -> None:
    scores = [ask(birds, "Hookeria lucens", author=author)["author_score"] for author in ("Hook. f.", "Hook. fil.")]
    assert scores == [20, 20]
    assert ask(birds, "Hookeria lucens", author="Hook.")["author_score"] < 12


def test_equal_names_in_two_kingdoms_are_nobody_s_until_something_tells_them_apart(birds: Taxonomy) -> None:
    match, name, issues = answer(birds, "Morus")
    assert (match, name) == ("AMBIGUOUS", None)
    assert sum(issue.startswith("candidate:") for issue in issues) == 2
    told = ask(birds, "Morus", kingdom="Plantae")
    assert (told["accepted_name"], told["kingdom"]) == ("Morus", "Plantae")
    assert "decided_by_hints" in told["issues"]
    by_author = ask(birds, "Morus", author="Vieillot, 1816")
    assert (by_author["kingdom"], by_author["n_candidates"]) == ("Animalia", 2)
    assert "decided_by_author" in by_author["issues"] and "decided_by_hints" not in by_author["issues"]
    assert by_author["runner_up_name"] == "Morus"


def test_other_spellings_are_searched_only_where_the_policy_lets_them(birds: Taxonomy) -> None:
    assert answer(birds, "Passer domestikus")[:2] == ("FUZZY", "Passer domesticus")
    assert ask(birds, "Passer domestikus")["edit_distance"] == 1
    for policy in (Policy(fuzzy=False), Policy(fuzzy_shortest=11)):
        birds.policy = policy
        assert answer(birds, "Passer domestikus")[:2] == ("GENUS", "Passer")
        assert answer(birds, "Passer domestica")[:2] == ("STEM", "Passer domesticus")


def test_a_strict_policy_takes_a_name_as_it_is_written_or_not_at_all(birds: Taxonomy) -> None:
    birds.policy = Policy(strict=True)
    assert answer(birds, "Passer domesticus")[:2] == ("CANONICAL", "Passer domesticus")
    assert answer(birds, "Passer domesticus", author="(Linnaeus, 1758)")[:2] == ("EXACT", "Passer domesticus")
    assert answer(birds, "Passer nudus", author="Smith, 1900")[:2] == ("CANONICAL", "Passer nudus")
    for name, more in (
        ("Passer domestica", {}),
        ("Passer domestikus", {}),
        ("Passer domesticus quux", {}),
        ("Passer quux", {}),
        ("Passer domesticus", {"author": "Smith, 1900"}),
        ("Passer domesticus", {"rank": "subspecies"}),
        ("Passer domesticus", {"kingdom": "Fungi"}),
    ):
        assert answer(birds, name, **more)[:2] == ("NONE", None), (name, more)


def test_what_the_policy_excludes_is_no_answer_nor_is_what_stands_below(birds: Taxonomy) -> None:
    ids = dict(zip(birds.names["name"].to_pylist(), birds.names["usage_id"].to_pylist(), strict=True))
    birds.policy = Policy(exclude=(ids["Passer"],))
    for name in ("Passer", "Passer domesticus", "Passer domesticus indicus", "Fringilla domestica"):
        assert answer(birds, name)[1] is None, name
    assert answer(birds, "Larus fuscus")[1] == "Larus fuscus"
    assert answer(birds, "Passer domesticus", family="Passeridae")[:2] == ("HIGHER_RANK", "Passeridae")


def test_an_answer_above_the_minimum_rank_is_taken_back_and_named(birds: Taxonomy) -> None:
    birds.policy = replace(Policy(), minimum_rank="species")
    row = ask(birds, "Passer quux")
    assert (row["match_type"], row["accepted_name"], row["runner_up_name"]) == ("NONE", None, "Passer")
    assert "above_minimum_rank" in row["issues"] and row["confidence"] == 0
    assert answer(birds, "Passer domesticus")[1] == "Passer domesticus"


def test_a_spelling_in_another_family_than_stated_is_not_taken_where_the_genus_is_known(
    made: Callable[..., Taxonomy],
) -> None:
    gulls = """
40\tLaridae\t\tfamily\taccepted\t4\t
41\tLarus\t\tgenus\taccepted\t40\t
42\tParidae\t\tfamily\taccepted\t4\t
43\tLanus\t\tgenus\taccepted\t42\t
44\tLanus majorinus\t\tspecies\taccepted\t43\t
"""
    taxonomy = made(HEAD + BIRDS + gulls.lstrip("\n"))
    stated = {"kingdom": "Animalia", "phylum": "Chordata", "class": "Aves", "order": "Passeriformes"}
    assert answer(taxonomy, "Larus majorinus", **stated)[:2] == ("FUZZY", "Lanus majorinus")
    assert answer(taxonomy, "Larus majorinus", **stated, family="Laridae")[:2] == ("GENUS", "Larus")
    # Of a genus that nobody knows, the spelling may be at fault.
    assert answer(taxonomy, "Lamus majorinus", **stated, family="Laridae")[:2] == ("FUZZY", "Lanus majorinus")
