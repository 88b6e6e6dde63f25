"""What each thing that is known of a name weighs, one thing at a time, by the published weights of GBIF's matching."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from taxonomy import Taxonomy, Weighed, explain
from taxonomy.match.evidence import confidence, rank_points
from taxonomy.names.ranks import rank_level

HEAD = (
    "taxonID\tscientificName\tscientificNameAuthorship\ttaxonRank\ttaxonomicStatus\tparentNameUsageID"
    "\tacceptedNameUsageID"
)
BIRDS = """
1\tAnimalia\t\tkingdom\taccepted\t\t
2\tChordata\t\tphylum\taccepted\t1\t
3\tAves\t\tclass\taccepted\t2\t
4\tPasseriformes\t\torder\taccepted\t3\t
5\tPasseridae\tIlliger, 1811\tfamily\taccepted\t4\t
6\tPasser\tBrisson, 1760\tgenus\taccepted\t5\t
7\tPasser domesticus\t(Linnaeus, 1758)\tspecies\taccepted\t6\t
8\tPasser nudus\t\tspecies\taccepted\t6\t
9\tPasser dubius\t\tspecies\tdoubtful\t6\t
10\tFringilla domestica\tLinnaeus, 1758\tspecies\tsynonym\t6\t7
11\tPasser domesticus indicus\tJardine, 1831\tsubspecies\taccepted\t7\t
12\tPlantae\t\tkingdom\taccepted\t\t
13\tMollusca\t\tphylum\taccepted\t1\t
14\tGastropoda\t\tclass\taccepted\t13\t
15\tStylommatophora\t\torder\taccepted\t14\t
16\tHelicidae\t\tfamily\taccepted\t15\t
17\tHelix\t\tgenus\taccepted\t16\t
18\tFungi\t\tkingdom\taccepted\t\t
19\tChromista\t\tkingdom\taccepted\t\t
20\tOomycota\t\tphylum\taccepted\t19\t
21\tPhytophthora\t\tgenus\taccepted\t20\t
22\tPhytophthora infestans\t\tspecies\taccepted\t21\t
23\tPoaceae\t\tfamily\taccepted\t12\t
24\tPoa\t\tgenus\taccepted\t23\t
25\tPoa annua\t\tspecies\taccepted\t24\t
"""


@pytest.fixture
def birds(made: Callable[..., Taxonomy]) -> Taxonomy:
    return made(HEAD + BIRDS)


def weighed(taxonomy: Taxonomy, name: str, of: str = "", **more: str) -> Weighed:
    columns = {"author": "name_authorship", "rank": "rank_verbatim"}
    table = {columns.get(key, key): [value] for key, value in {"scientific_name": name, **more}.items()}
    return next(each for each in explain(taxonomy, pa.table(table)) if each.name == (of or name))


def points(taxonomy: Taxonomy, component: str, name: str, of: str = "", **more: str) -> int:
    return dict(weighed(taxonomy, name, of, **more).points)[component]


RIGHT = {
    "kingdom": "Animalia",
    "phylum": "Chordata",
    "class": "Aves",
    "order": "Passeriformes",
    "family": "Passeridae",
    "genus": "Passer",
}
WRONG = {
    "kingdom": "Plantae",
    "phylum": "Mollusca",
    "class": "Gastropoda",
    "order": "Stylommatophora",
    "family": "Helicidae",
    "genus": "Helix",
}


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [("kingdom", 4, -11), ("phylum", 9, -11), ("class", 13, -12), ("order", 13, -12), ("family", 23, -17)],
)
def test_a_rank_that_agrees_or_disagrees_weighs_by_how_much_it_tells(
    birds: Taxonomy, hint: str, right: int, wrong: int
) -> None:
    # What is not said of kingdom and phylum costs a point each.
    assert points(birds, "classification", "Passer domesticus", **{hint: RIGHT[hint]}) == right
    assert points(birds, "classification", "Passer domesticus", **{hint: WRONG[hint]}) == wrong


def test_nothing_said_costs_two_points_and_everything_right_gives_no_more_than_fifty(birds: Taxonomy) -> None:
    assert points(birds, "classification", "Passer domesticus") == -2
    assert points(birds, "classification", "Passer domesticus", genus="Passer") == 0
    assert points(birds, "classification", "Passer domesticus", **RIGHT) == 50
    lower = {name: WRONG[name] for name in ("phylum", "class", "order", "family")}
    assert points(birds, "classification", "Passer domesticus", kingdom="Animalia", **lower) == 5 - 45


def test_a_genus_that_is_not_its_own_is_not_held_against_a_name(birds: Taxonomy) -> None:
    assert points(birds, "classification", "Passer domesticus", genus="Helix") == -2
    # The genus that a synonym stood in is its own, although its taxon stands in another now.
    assert points(birds, "classification", "Fringilla domestica", genus="Fringilla") == 0


def test_only_another_kingdom_puts_a_name_out_of_the_question(birds: Taxonomy) -> None:
    assert weighed(birds, "Passer domesticus", kingdom="Plantae").vetoed
    assert not weighed(birds, "Passer domesticus", kingdom="Animalia").vetoed
    assert not weighed(birds, "Passer domesticus", phylum="Mollusca").vetoed
    # Between neighbouring kingdoms taxa were moved: it speaks against the name, not for sure.
    near = weighed(birds, "Phytophthora infestans", kingdom="Fungi")
    assert not near.vetoed and dict(near.points)["classification"] == -1 - 1 - 9
    assert weighed(birds, "Poa annua", kingdom="Fungi").vetoed
    assert not weighed(birds, "Phytophthora infestans", kingdom="Plantae").vetoed


@pytest.mark.parametrize("family", ["Poaceae", "Gramineae", "POACEAE", "gramineae"])
def test_a_family_may_bear_its_other_name(birds: Taxonomy, family: str) -> None:
    assert points(birds, "classification", "Poa annua", family=family) == 25 - 2
    assert points(birds, "classification", "Poa annua", family="Compositae") == -15 - 2


@pytest.mark.parametrize(
    ("author", "worth"),
    [
        ("", 0),
        ("(Linnaeus, 1758)", 20),
        ("(LINNAEUS 1758)", 20),
        ("(L., 1758)", 12),
        ("Smith, 1900", -36),
    ],
)
def test_an_author_who_contradicts_weighs_more_than_one_who_agrees(birds: Taxonomy, author: str, worth: int) -> None:
    assert points(birds, "author", "Passer domesticus", author=author) == worth


def test_an_author_of_whom_the_taxonomy_says_nothing_costs_a_point_and_above_genera_he_says_less(
    birds: Taxonomy,
) -> None:
    assert points(birds, "author", "Passer nudus", author="Smith, 1900") == -1
    assert points(birds, "author", "Passeridae", author="Illiger, 1811") == 4 + 8
    assert points(birds, "author", "Passeridae", author="Smith, 1900") == -12
    assert points(birds, "author", "Passer", author="Brisson, 1760") == 12 + 8


@pytest.mark.parametrize(
    ("author", "worth"),
    [
        ("Linnaeus, 1758", 20),
        ("Linnaeus, 1790", 12),
        ("Linnaeus, 1790a", 12),
        ("Linnaeus", 12),
        ("Smith, 1758", -36),
        ("Smith, 1758b", -36),
        ("1790", 0),
        ("1758 in Miller", 0),
    ],
)
def test_the_name_of_an_author_comes_before_the_year_and_a_year_alone_tells_nothing(
    birds: Taxonomy, author: str, worth: int
) -> None:
    assert points(birds, "author", "Fringilla domestica", author=author) == worth


def test_the_status_of_a_name_weighs_little(birds: Taxonomy) -> None:
    assert points(birds, "status", "Passer domesticus") == 1
    assert points(birds, "status", "Fringilla domestica") == 0
    assert points(birds, "status", "Passer dubius") == -5


def test_names_of_several_words_weigh_more_than_one_word_and_misspellings_less(birds: Taxonomy) -> None:
    assert points(birds, "name", "Passer domesticus") == 110
    assert points(birds, "name", "Passer") == 100
    assert points(birds, "name", "Passer domestica", of="Passer domesticus") == (100 + 95) // 2 - 5 + 5
    assert points(birds, "name", "Passer domestikus", of="Passer domesticus") == (100 + 90) // 2 - 5 + 5
    assert points(birds, "name", "Pasxer domesticus", of="Passer domesticus") == (80 + 100) // 2 - 5 - 10


def test_the_rank_that_is_asked_for_weighs_for_its_own_and_against_others(birds: Taxonomy) -> None:
    assert points(birds, "rank", "Passer domesticus", rank="species") == 6
    assert points(birds, "rank", "Passer") == 0
    assert points(birds, "rank", "Passer", rank="genus") == 6
    assert points(birds, "rank", "Passer", rank="family") == -35


@pytest.mark.parametrize(
    ("asked", "found", "worth"),
    [
        ("species", "species", 6),
        ("unranked", "species", 0),
        ("species", "unranked", 0),
        ("unranked", "unranked", -3),
        ("subspecies", "infraspecific", 5),
        ("infraspecific", "variety", 5),
        ("species aggregate", "species", 2),
        ("species", "subspecies", -30),
        ("species aggregate", "subspecies", -30),
        ("genus", "species", -30),
        ("subgenus", "species", -30),
        ("family", "genus", -35),
        ("family", "order", -3),
        ("subspecies", "cultivar", -4 - 7),
    ],
)
def test_ranks_weigh_alike_whichever_is_asked_for(asked: str, found: str, worth: int) -> None:
    one, other = rank_level(asked), rank_level(found)
    got = rank_points(np.array([one]), np.array([other])).tolist()
    assert got == [worth]
    if 0 not in (one, other) and found != "cultivar":
        assert rank_points(np.array([other]), np.array([one])).tolist() == [worth]


def test_confidence_is_what_gbif_gives() -> None:
    points = np.arange(-50, 300)
    given = confidence(points)
    by_points = dict(zip(points.tolist(), given.tolist(), strict=True))
    assert given[points <= 0].tolist() == [0] * 51
    assert given[(points >= 0) & (points <= 80)].tolist() == list(range(81))
    assert (np.diff(given) >= 0).all()
    assert [by_points[each] for each in (81, 90, 100, 110, 130)] == [81, 88, 93, 96, 100]
    assert given[-1] == 100
