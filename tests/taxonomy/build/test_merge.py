from __future__ import annotations

from collections.abc import Callable

import pyarrow.parquet as pq

from taxonomy import Taxonomy
from tests.taxonomy.conftest import ask

Made = Callable[..., Taxonomy]
COLUMNS = (
    "taxonID parentNameUsageID acceptedNameUsageID scientificName scientificNameAuthorship taxonRank kingdom family"
)
HEADER = COLUMNS.replace(" ", "\t") + "\n"
FIRST = HEADER + (
    "1\t\t\tAnimalia\t\tkingdom\t\t\n2\t1\t\tFelidae\t\tfamily\tAnimalia\t\n"
    "3\t2\t\tPuma\tJardine, 1834\tgenus\tAnimalia\tFelidae\n"
    "4\t3\t\tPuma concolor\t(Linnaeus, 1771)\tspecies\tAnimalia\tFelidae\n"
    "5\t\t4\tFelis concolor\tLinnaeus, 1771\tspecies\tAnimalia\tFelidae\n"
)


def source_ids(taxonomy: Taxonomy, usage_id: str) -> list[str]:
    table = pq.read_table(taxonomy.folder / "usages.parquet", columns=["usage_id", "source_ids"])
    found: dict[str, list[str]] = dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    return found[usage_id]


def test_one_name_in_one_kingdom_becomes_one_usage_with_both_ids(made: Made) -> None:
    second = HEADER + "a\t\t\tMetazoa\t\tkingdom\t\t\nb\ta\t\tPuma concolor\tLinnaeus\tspecies\tMetazoa\t\n"
    taxonomy = made(FIRST, second)
    assert source_ids(taxonomy, "source0:4") == ["source0:4", "source1:b"]
    assert taxonomy.row("source1:b") < 0
    assert ask(taxonomy, "Puma concolor")["accepted_id"] == "source0:4"


def test_a_later_source_adds_species_and_synonyms_under_the_earlier_taxa(made: Made) -> None:
    second = HEADER + (
        "a\t\t\tAnimalia\t\tkingdom\t\t\nb\ta\t\tPuma\tJardine, 1834\tgenus\tAnimalia\t\n"
        "c\tb\t\tPuma incerta\tX, 1900\tspecies\tAnimalia\t\nd\tb\t\tPuma concolor\t\tspecies\tAnimalia\t\n"
        "e\t\td\tFelis cougar\tKerr, 1792\tspecies\tAnimalia\t\n"
        "f\t\tc\tFelis concolor\tLinnaeus, 1771\tspecies\tAnimalia\t\n"
    )
    taxonomy = made(FIRST, second)
    assert taxonomy.usage("source1:c").parent_id == "source0:3"
    assert dict(taxonomy.usage("source1:c").classification)["family"] == "Felidae"
    assert taxonomy.usage("source1:e").accepted_id == "source0:4"
    # The earlier source has its own opinion of this name, and keeps it.
    assert taxonomy.row("source1:f") < 0
    assert ask(taxonomy, "Felis concolor")["accepted_id"] == "source0:4"


def test_what_is_a_synonym_earlier_is_not_accepted_later(made: Made) -> None:
    second = HEADER + (
        "a\t\t\tAnimalia\t\tkingdom\t\t\nb\ta\t\tFelis concolor\tLinnaeus, 1771\tspecies\tAnimalia\tFelidae\n"
        "c\tb\t\tFelis concolor coryi\tBangs, 1899\tsubspecies\tAnimalia\tFelidae\n"
    )
    taxonomy = made(FIRST, second)
    assert taxonomy.row("source1:b") < 0
    assert source_ids(taxonomy, "source0:4") == ["source0:4", "source1:b"]
    assert ask(taxonomy, "Felis concolor coryi")["species"] == "Puma concolor"


def test_homonyms_stay_apart_across_kingdoms_and_inside_one_source(made: Made) -> None:
    first = HEADER + "1\t\t\tPlantae\t\tkingdom\t\t\n2\t1\t\tFicus variegata\tBlume\tspecies\tPlantae\tMoraceae\n"
    second = HEADER + (
        "a\t\t\tAnimalia\t\tkingdom\t\t\nb\ta\t\tFicus variegata\tRöding, 1798\tspecies\tAnimalia\tFicidae\n"
        "c\ta\t\tAus\tX, 1900\tgenus\tAnimalia\tAidae\nd\ta\t\tAus\tY, 1950\tgenus\tAnimalia\tBidae\n"
    )
    third = (
        HEADER
        + "x\t\t\tAnimalia\t\tkingdom\t\t\ny\tx\t\tAus\tY, 1950\tgenus\tAnimalia\t\nz\tx\t\tAus\t\tgenus\tAnimalia\t\n"
    )
    taxonomy = made(first, second, third)
    assert ask(taxonomy, "Ficus variegata")["match_type"] == "AMBIGUOUS"
    assert source_ids(taxonomy, "source1:d") == ["source1:d", "source2:y"]
    assert source_ids(taxonomy, "source1:c") == ["source1:c"]
    # Without an author nothing says which Aus this one is.
    assert taxonomy.row("source2:z") >= 0


def test_a_source_without_kingdoms_hangs_itself_into_one_that_has_them(made: Made) -> None:
    mammals = "taxonID\tscientificName\ttaxonRank\torder\tfamily\n1\tPuma concolor\tspecies\tCarnivora\tFelidae\n"
    taxonomy = made(mammals, FIRST)
    assert dict(taxonomy.usage("source0:1").classification) == {
        "kingdom": "Animalia",
        "order": "Carnivora",
        "family": "Felidae",
        "genus": "Puma",
        "species": "Puma concolor",
    }


def test_the_first_source_decides(made: Made) -> None:
    other = FIRST.replace("4\t3\t\tPuma concolor", "4\t\t5\tPuma concolor").replace("5\t\t4\tFelis", "5\t2\t\tFelis")
    assert ask(made(FIRST, other), "Felis concolor")["accepted_name"] == "Puma concolor"
    assert ask(made(other, FIRST), "Puma concolor")["accepted_name"] == "Felis concolor"
