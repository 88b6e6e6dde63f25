from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import pytest

from taxonomy import RESOLVED_SCHEMA, Taxonomy, TaxonomyError, resolve
from tests.taxonomy.conftest import ask

Made = Callable[..., Taxonomy]


def test_an_accepted_name_resolves_to_itself_with_all_ranks(default: Taxonomy) -> None:
    row = ask(default, "Cyanistes caeruleus (Linnaeus, 1758)")
    assert (row["match_type"], row["confidence"], row["taxonomic_status"]) == ("EXACT", 100, "accepted")
    assert [row[r] for r in ("kingdom", "phylum", "class", "order", "family", "genus", "species")] == [
        "Animalia", "Chordata", "Aves", "Passeriformes", "Paridae", "Cyanistes", "Cyanistes caeruleus",
    ]  # fmt: skip
    assert (row["species_id"], row["vernacular_name"], row["vernacular_language"]) == (
        "bm:Cyanistes-caeruleus", "Eurasian blue tit", "eng",
    )  # fmt: skip
    assert row["taxonomy_build"] == default.build_id


@pytest.mark.parametrize(
    ("synonym", "accepted"),
    [
        ("Felis concolor", "Puma concolor"),
        ("Parus caeruleus", "Cyanistes caeruleus"),
        ("Bufo marinus", "Rhinella marina"),
        ("Coluber aesculapii", "Zamenis longissimus"),
        ("Lycopersicon esculentum Mill.", "Solanum lycopersicum"),
    ],
)
def test_a_synonym_leads_to_the_accepted_species(default: Taxonomy, synonym: str, accepted: str) -> None:
    row = ask(default, synonym)
    assert (row["taxonomic_status"], row["accepted_name"], row["species"]) == ("synonym", accepted, accepted)
    assert row["genus"] == accepted.split(" ")[0]


@pytest.mark.parametrize("name", ["Morus", "Oenanthe", "Prunella", "Ficus", "Pieris", "Ficus variegata"])
def test_a_homonym_is_never_decided_without_a_reason(default: Taxonomy, name: str) -> None:
    row = ask(default, name)
    assert (row["match_type"], row["accepted_id"], row["kingdom"], row["confidence"]) == ("AMBIGUOUS", None, None, 0)
    assert row["n_candidates"] == 2
    assert row["runner_up_id"]
    assert sum(issue.startswith("candidate:") for issue in row["issues"]) == 2
    for kingdom in ("Animalia", "Plantae"):
        assert ask(default, name, kingdom=kingdom)["kingdom"] == kingdom
    assert ask(default, name, kingdom="METAZOA")["kingdom"] == "Animalia"


@pytest.mark.parametrize("name", ["Morus", "Oenanthe", "Ficus"])
def test_an_unknown_species_of_a_homonymous_genus_stays_unresolved(default: Taxonomy, name: str) -> None:
    assert ask(default, f"{name} ignota")["match_type"] == "AMBIGUOUS"
    assert ask(default, f"{name} sp. 7")["match_type"] == "AMBIGUOUS"
    assert ask(default, f"{name} sp. 7", kingdom="Plantae")["accepted_id"] == f"bm:Plantae-{name}"


def test_the_author_decides_between_homonyms(default: Taxonomy) -> None:
    for author, kingdom in (("Blume", "Plantae"), ("Röding, 1798", "Animalia"), ("Roding 1798", "Animalia")):
        row = ask(default, "Ficus variegata", author=author)
        assert (row["kingdom"], row["match_type"]) == (kingdom, "EXACT")
        assert "decided_by_author" in row["issues"]
    assert ask(default, "Ficus variegata Blume")["kingdom"] == "Plantae"


def test_a_lower_hint_decides_too_and_the_loser_is_named(default: Taxonomy) -> None:
    row = ask(default, "Oenanthe", family="Apiaceae")
    assert (row["accepted_id"], row["runner_up_id"]) == ("bm:Plantae-Oenanthe", "bm:Animalia-Oenanthe")
    assert json.loads(row["hint_agreement"]) == {"family": "agree"}
    assert "decided_by_hints" in row["issues"]


def test_a_kingdom_that_differs_vetoes_an_exact_name(default: Taxonomy) -> None:
    row = ask(default, "Puma concolor", kingdom="Plantae")
    assert (row["match_type"], row["accepted_id"]) == ("HIGHER_RANK", "bm:Plantae")
    assert "vetoed_by_hints" in row["issues"]
    assert ask(default, "Puma concolor", kingdom="Viruses")["match_type"] == "NONE"
    assert ask(default, "Puma concolor", kingdom="Eukaryota")["accepted_id"] == "bm:Puma-concolor"


def test_other_hints_that_differ_lower_the_confidence(default: Taxonomy) -> None:
    sure = ask(default, "Puma concolor", family="Felidae", order="Carnivora")
    unsure = ask(default, "Puma concolor", family="Canidae", order="Carnivora")
    assert unsure["accepted_id"] == sure["accepted_id"] == "bm:Puma-concolor"
    assert unsure["confidence"] < sure["confidence"]
    assert json.loads(unsure["hint_agreement"]) == {"order": "agree", "family": "disagree"}
    assert "hints_disagree" in unsure["issues"]


def test_a_genus_hint_from_before_a_move_is_no_contradiction(default: Taxonomy) -> None:
    row = ask(default, "Felis concolor", genus="Felis", family="Felidae")
    assert json.loads(row["hint_agreement"]) == {"family": "agree", "genus": "agree"}


def test_authors_make_the_difference_between_exact_and_canonical(default: Taxonomy) -> None:
    assert ask(default, "Puma concolor")["match_type"] == "CANONICAL"
    assert ask(default, "Felidae")["match_type"] == "EXACT"
    row = ask(default, "Puma concolor", author="Miller, 1912")
    assert row["match_type"] == "CANONICAL"
    assert "author_differs" in row["issues"]


def test_a_trinomial_falls_to_its_species_and_a_species_to_its_genus(default: Taxonomy) -> None:
    assert ask(default, "Canis lupus familiaris")["match_type"] == "SPECIES_OF_TRINOMIAL"
    row = ask(default, "Turdus philomelos")
    assert (row["match_type"], row["accepted_name"], row["species"]) == ("GENUS", "Turdus", None)
    row = ask(default, "Nowhere nothing", family="Felidae", kingdom="Animalia")
    assert (row["match_type"], row["accepted_name"]) == ("HIGHER_RANK", "Felidae")


@pytest.mark.parametrize("name", ["BOLD:AAA1234", "unclassified", "indet.", "sp. 3", "", None, "???"])
def test_what_is_no_name_falls_to_the_nearest_hint_or_to_nothing(default: Taxonomy, name: str | None) -> None:
    assert ask(default, name)["match_type"] == "NONE"
    row = ask(default, name, kingdom="Animalia", **{"class": "Insecta"}, order="Diptera", family="Nosuchidae")
    assert (row["match_type"], row["accepted_name"]) == ("HIGHER_RANK", "Diptera")


def test_open_nomenclature_is_taken_at_its_word(default: Taxonomy) -> None:
    compared, another = ask(default, "Panthera cf. leo"), ask(default, "Panthera aff. leo")
    assert compared["accepted_name"] == "Panthera leo"
    assert compared["confidence"] < ask(default, "Panthera leo")["confidence"]
    assert (another["accepted_name"], another["match_type"]) == ("Panthera", "GENUS")
    assert ask(default, "Insecta sp.")["match_type"] == "HIGHER_RANK"


def test_a_cross_of_two_species_of_one_genus_is_that_genus(default: Taxonomy) -> None:
    row = ask(default, "Quercus robur × petraea")
    assert (row["accepted_name"], row["match_type"]) == ("Quercus", "GENUS")


def test_the_stated_rank_tells_a_genus_from_a_subgenus(made: Made) -> None:
    header = "taxonID\tparentNameUsageID\tscientificName\ttaxonRank\n"
    taxonomy = made(header + "1\t\tBufonidae\tfamily\n2\t1\tRhinella\tgenus\n3\t2\tBufo\tsubgenus\n4\t1\tBufo\tgenus\n")
    assert ask(taxonomy, "Bufo", rank="GENUS")["accepted_id"] == "source0:4"
    assert ask(taxonomy, "Bufo", rank="subgen.")["accepted_id"] == "source0:3"
    either = ask(taxonomy, "Bufo")
    assert (either["match_type"], either["accepted_id"], either["genus"]) == ("LCA", "source0:1", None)
    assert either["runner_up_id"] in ("source0:3", "source0:4")
    assert {"candidate:source0:3", "candidate:source0:4", "lowest_common_ancestor:source0:1"} <= set(either["issues"])


def test_a_taxon_that_holds_all_candidates_is_the_answer(made: Made) -> None:
    header = "taxonID\tparentNameUsageID\tscientificName\ttaxonRank\n"
    taxonomy = made(header + "1\t\tBufo\tgenus\n2\t1\tBufo\tsubgenus\n")
    row = ask(taxonomy, "Bufo")
    assert row["accepted_id"] == "source0:1"
    assert "holds_all_candidates" in row["issues"]


HOMONYMS = (
    "taxonID\tparentNameUsageID\tacceptedNameUsageID\t"
    "scientificName\tscientificNameAuthorship\ttaxonRank\ttaxonomicStatus\n"
    "1\t\t\tPlantae\t\tkingdom\taccepted\n2\t1\t\tPinopsida\t\tclass\taccepted\n3\t1\t\tLiliopsida\t\tclass\taccepted\n"
    "4\t2\t\tAbies\t\tgenus\taccepted\n5\t2\t\tPicea\t\tgenus\taccepted\n6\t4\t\tAbies alba\tMill.\tspecies\taccepted\n"
    "7\t5\t\tPicea glauca\t(Moench) Voss\tspecies\taccepted\n8\t\t7\tAbies alba\tMunchh.\tspecies\tsynonym\n"
    "9\t3\t\tPoa\t\tgenus\taccepted\n"
    "10\t9\t\tPoa annua\tL.\tspecies\taccepted\n11\t\t10\tAbies nana\tX\tspecies\tsynonym\n"
    "12\t4\t\tAbies nana\tY\tspecies\taccepted\n13\t\t10\tAbies meant\tauct.\tspecies\tmisapplied\n"
)


def test_inside_one_class_the_valid_bearer_of_a_name_comes_before_later_homonyms(made: Made) -> None:
    taxonomy = made(HOMONYMS)
    row = ask(taxonomy, "Abies alba")
    assert (row["accepted_id"], row["runner_up_id"]) == ("source0:6", "source0:7")
    assert "accepted_over_synonyms" in row["issues"]
    assert row["confidence"] < 90
    assert ask(taxonomy, "Abies alba", author="Munchh.")["accepted_id"] == "source0:7"
    across_classes = ask(taxonomy, "Abies nana")
    assert (across_classes["match_type"], across_classes["accepted_name"]) == ("LCA", "Plantae")


def test_a_misapplied_name_is_never_matched(made: Made) -> None:
    row = ask(made(HOMONYMS), "Abies meant")
    assert (row["match_type"], row["accepted_name"]) == ("GENUS", "Abies")


def test_a_synonym_that_leads_nowhere_is_not_resolved(made: Made) -> None:
    row = ask(made(HOMONYMS + "14\t\t99\tRosa perdita\tL.\tspecies\tsynonym\n"), "Rosa perdita")
    assert (row["match_type"], row["accepted_id"]) == ("NONE", None)
    assert "accepted_missing" in row["issues"]


def test_the_answer_has_the_schema_even_without_rows_and_the_input_needs_a_name(default: Taxonomy) -> None:
    assert resolve(default, pa.table({"scientific_name": pa.array([], pa.string())})).schema == RESOLVED_SCHEMA
    assert resolve(default, pa.table({"scientific_name": ["Puma"]})).schema == RESOLVED_SCHEMA
    with pytest.raises(TaxonomyError, match="scientific_name"):
        resolve(default, pa.table({"name": ["Puma"]}))


def test_an_unknown_usage_is_said_so(default: Taxonomy) -> None:
    with pytest.raises(TaxonomyError, match="no such usage"):
        default.usage("bm:Nothing")
