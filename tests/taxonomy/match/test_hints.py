"""What hints say of candidates: other names of families and kingdoms, and genera that a name itself states."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from taxonomy import Taxonomy, explain

Made = Callable[..., Taxonomy]
HEAD = "taxonID\tscientificName\ttaxonRank\tparentNameUsageID\n"


def classification(taxonomy: Taxonomy, name: str, **hints: str) -> int:
    table = pa.table({"scientific_name": [name], **{key: [value] for key, value in hints.items()}})
    weighed = next(each for each in explain(taxonomy, table) if each.name == name)
    return dict(weighed.points)["classification"]


@pytest.mark.parametrize(
    ("other", "family"),
    [
        ("Compositae", "Asteraceae"),
        ("Cruciferae", "Brassicaceae"),
        ("Gramineae", "Poaceae"),
        ("Guttiferae", "Clusiaceae"),
        ("Labiatae", "Lamiaceae"),
        ("Leguminosae", "Fabaceae"),
        ("Palmae", "Arecaceae"),
        ("Papilionaceae", "Fabaceae"),
        ("Umbelliferae", "Apiaceae"),
    ],
)
def test_either_name_of_a_family_says_the_same(made: Made, other: str, family: str) -> None:
    rows = f"1\tPlantae\tkingdom\t\n2\t{family}\tfamily\t1\n3\tAus\tgenus\t2\n4\tAus bus\tspecies\t3\n"
    taxonomy = made(HEAD + rows + "5\tRosaceae\tfamily\t1\n")
    same, regular, another = (classification(taxonomy, "Aus bus", family=f) for f in (other, family, "Rosaceae"))
    assert same == regular > another


@pytest.mark.parametrize("other", ["Metazoa", "METAZOA", "animalia"])
def test_either_name_of_a_kingdom_says_the_same(made: Made, other: str) -> None:
    taxonomy = made(HEAD + "1\tAnimalia\tkingdom\t\n2\tAus\tgenus\t1\n3\tAus bus\tspecies\t2\n")
    same, regular, nothing = (classification(taxonomy, "Aus bus", kingdom=k) for k in (other, "Animalia", ""))
    assert same == regular > nothing


def test_a_hint_agrees_by_a_synonym_of_the_taxon_whichever_row_that_one_has(made: Made) -> None:
    head = "taxonID\tscientificName\ttaxonRank\tparentNameUsageID\ttaxonomicStatus\tacceptedNameUsageID\n"
    rows = "0\tEmberizidae\tfamily\t1\taccepted\t\n00\tFringillaridae\tfamily\t1\tsynonym\t0\n"
    rows += "1\tAnimalia\tkingdom\t\taccepted\t\n2\tPasseridae\tfamily\t1\taccepted\t\n"
    rows += "3\tMontanidae\tfamily\t1\tsynonym\t2\n4\tEmberiza\tgenus\t0\taccepted\t\n"
    taxonomy = made(head + rows + "5\tPasser\tgenus\t2\taccepted\t\n")
    assert taxonomy.row("source0:0") == 0
    for name, own, another in (("Emberiza", "Fringillaridae", "Montanidae"), ("Passer", "Montanidae", "Emberizidae")):
        assert classification(taxonomy, name, family=own) == 25 - 2
        assert classification(taxonomy, name, family=another) == -15 - 2
