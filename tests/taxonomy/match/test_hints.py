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
