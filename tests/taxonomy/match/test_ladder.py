from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import pytest

from taxonomy import Policy, Taxonomy, TaxonomyError, build_taxonomy, explain
from tests.taxonomy.conftest import ask

Made = Callable[..., Taxonomy]
COLUMNS = ("taxonID", "parentNameUsageID", "acceptedNameUsageID", "scientificName", "scientificNameAuthorship")
HEADER = "\t".join((*COLUMNS, "taxonRank", "taxonomicStatus")) + "\n"
BIRDS = HEADER + (
    "k\t\t\tAnimalia\t\tkingdom\taccepted\nc\tk\t\tAves\t\tclass\taccepted\no\tc\t\tPasseriformes\t\torder\taccepted\n"
    "f\to\t\tPasseridae\t\tfamily\taccepted\nf2\to\t\tTurdidae\t\tfamily\taccepted\n"
    "g\tf\t\tPasser\t\tgenus\taccepted\ng2\tf2\t\tTurdus\t\tgenus\taccepted\n"
    "1\tg\t\tPasser domesticus\t(Linnaeus, 1758)\tspecies\taccepted\n2\tg\t\tPasser montanus\tL.\tspecies\taccepted\n"
    "3\tg2\t\tTurdus philomelos\tBrehm, 1831\tspecies\taccepted\n4\tg\t\tPasser alba\tX\tspecies\taccepted\n"
    "5\t\t3\tTurdus musicus\t\tspecies\tsynonym\n6\tg2\t\tBOLD:AAA1234\t\tunranked\taccepted\n"
    "7\tg2\t\tTurdus merula\tL.\tspecies\taccepted\n8\t7\t\tTurdus merula niger\tY\tsubspecies\taccepted\n"
)


@pytest.fixture
def birds(made: Made) -> Taxonomy:
    return made(BIRDS)


def under(taxonomy: Taxonomy, **policy: object) -> Taxonomy:
    return Taxonomy.open(taxonomy.folder, policy=Policy(**policy))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Passer domestica", "Passer domesticum", "Passer montana", "Passer albus"])
def test_an_epithet_of_another_gender_is_found_by_its_stem(birds: Taxonomy, name: str) -> None:
    row = ask(birds, name)
    assert (row["match_type"], row["edit_distance"]) == ("STEM", 0)
    assert row["species"].startswith(name[:10])
    assert 80 <= row["confidence"] < 100


@pytest.mark.parametrize(
    ("name", "species"),
    [
        ("Passer domesticcus", "Passer domesticus"),
        ("Passer domestcus", "Passer domesticus"),
        ("Passer domsetica", "Passer domesticus"),
        ("Turdus philomelus", "Turdus philomelos"),
        ("Turdus phiomelols", "Turdus philomelos"),
    ],
)
def test_one_edit_in_a_word_is_forgiven(birds: Taxonomy, name: str, species: str) -> None:
    row = ask(birds, name)
    assert (row["match_type"] in ("STEM", "FUZZY"), row["species"]) == (True, species)


@pytest.mark.parametrize("name", ["Passer alta", "Passer domastycvs", "BOLD:AAA1235", "Passer indet"])
def test_short_words_two_edits_and_labels_are_never_forgiven(birds: Taxonomy, name: str) -> None:
    assert ask(birds, name)["species"] is None


def test_a_misspelt_genus_needs_the_support_of_hints(birds: Taxonomy) -> None:
    assert ask(birds, "Turdys")["match_type"] == "NONE"
    assert ask(birds, "Turdys", kingdom="Animalia", **{"class": "Aves"})["usage_name"] == "Turdus"


def test_labels_are_found_whatever_their_case(birds: Taxonomy) -> None:
    row = ask(birds, "bold:aaa1234")
    assert (row["match_type"], row["usage_id"], row["genus"]) == ("OTU", "source0:6", "Turdus")


def test_another_spelling_in_another_family_gives_way_to_the_genus_of_the_name(made: Made) -> None:
    taxonomy = made(BIRDS + "9\tf\t\tTurdos\t\tgenus\taccepted\n10\t9\t\tTurdos ignotus\t\tspecies\taccepted\n")
    row = ask(taxonomy, "Turdus ignotus", family="Turdidae")
    assert (row["match_type"], row["accepted_id"]) == ("GENUS", "source0:g2")


def test_an_author_who_contradicts_sends_a_name_up_to_its_genus(birds: Taxonomy) -> None:
    row = ask(birds, "Turdus merula", author="Zimmermann, 1999")
    assert row["author_score"] < 0
    assert row["confidence"] < ask(birds, "Turdus merula", author="Linnaeus")["confidence"]


def test_a_trinomial_falls_to_its_species_under_another_spelling_too(birds: Taxonomy) -> None:
    assert ask(birds, "Turdus merula nigra")["usage_id"] == "source0:8"
    row = ask(birds, "Turdus philomelas novus")
    assert (row["match_type"], row["species"]) == ("SPECIES_OF_TRINOMIAL", "Turdus philomelos")


def test_an_abbreviated_genus_is_written_out_where_the_hint_names_it(birds: Taxonomy) -> None:
    assert ask(birds, "P. domesticus", genus="Passer")["species"] == "Passer domesticus"
    assert ask(birds, "P. domesticus", genus="Turdus")["species"] is None


def test_the_components_of_an_answer_are_kept_and_explained(birds: Taxonomy) -> None:
    row = ask(birds, "Passer domesticus", author="Linnaeus, 1758", family="Passeridae")
    parts = [row[f"{each}_score"] for each in ("name", "author", "classification", "rank", "status")]
    best = explain(
        birds,
        pa.table(
            {"scientific_name": ["Passer domesticus"], "name_authorship": ["Linnaeus, 1758"], "family": ["Passeridae"]}
        ),
    )[0]
    assert [points for _, points in best.points] == parts
    assert (best.total, best.usage_id, best.vetoed) == (sum(parts), "source0:1", False)


def test_a_policy_says_what_is_tried_and_changes_the_build_id(birds: Taxonomy) -> None:
    plain = under(birds, fuzzy=False)
    assert ask(plain, "Passer domestcus")["match_type"] == "GENUS"
    assert ask(plain, "Passer domestica")["match_type"] == "STEM"
    strict = under(birds, strict=True)
    assert [ask(strict, name)["match_type"] for name in ("Passer domestica", "Passer novus")] == ["NONE", "NONE"]
    assert ask(strict, "Passer domesticus", rank="genus")["match_type"] == "NONE"
    assert ask(under(birds, minimum_rank="genus"), "Nullus", order="Passeriformes")["match_type"] == "NONE"
    assert ask(under(birds, exclude=("source0:f2",)), "Turdus merula")["accepted_id"] is None
    assert ask(under(birds, qualifiers="genus"), "Passer cf. domesticus")["match_type"] == "GENUS"
    builds = {
        ask(each, "Passer")["taxonomy_build"] for each in (birds, plain, strict, under(birds, minimum_confidence=90))
    }
    assert len(builds) == 4


@pytest.mark.parametrize(
    "wrong", [{"minimum_rank": "tribe"}, {"minimum_confidence": 101}, {"fuzzy_shortest": 3}, {"qualifiers": "x"}]
)
def test_an_impossible_policy_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TaxonomyError):
        Policy(**wrong)  # type: ignore[arg-type]


def test_a_usage_id_that_is_asked_for_is_the_answer_or_there_is_none(birds: Taxonomy) -> None:
    assert ask(birds, "Passer", taxon_id="source0:5")["accepted_id"] == "source0:3"
    assert ask(birds, "Passer", taxon_id="source0:99", order="Passeriformes")["match_type"] == "NONE"


def test_a_damaged_file_of_an_index_is_named(birds: Taxonomy) -> None:
    path = birds.folder / "stem_hashes.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    Taxonomy.open(birds.folder)
    with pytest.raises(TaxonomyError, match="has changed") as caught:
        Taxonomy.open(birds.folder, check=True)
    assert "stem_hashes.npy" in caught.value.where
    path.write_bytes(bytes(data[:-8]))
    with pytest.raises(TaxonomyError, match="missing or not whole"):
        Taxonomy.open(birds.folder)


def test_two_builds_of_one_taxonomy_are_the_same_bytes(
    made: Made, birds: Taxonomy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("again") / "built"
    build_taxonomy([birds.folder.parent / "source0.tsv"], other)
    names = sorted(path.name for path in birds.folder.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    assert all((birds.folder / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_an_aggregate_that_the_taxonomy_holds_is_found_and_a_part_of_it_is_not_taken_for_it(made: Made) -> None:
    rows = "1\t\tRosaceae\tfamily\n2\t1\tRubus\tgenus\n3\t2\tRubus fruticosus\tspecies aggregate\n"
    rows += "4\t2\tRubus caesius\tspecies\n"
    taxonomy = made("taxonID\tparentNameUsageID\tscientificName\ttaxonRank\n" + rows)
    assert ask(taxonomy, "Rubus fruticosus agg.")["accepted_id"] == "source0:3"
    assert ask(taxonomy, "Rubus fruticosus", rank="species aggregate")["accepted_id"] == "source0:3"
    assert ask(taxonomy, "Rubus caesius agg.")["accepted_id"] == "source0:2"
    assert ask(taxonomy, "Rubus caesius")["accepted_id"] == "source0:4"


def test_a_name_with_another_author_is_taken_where_no_spelling_is_better_with_or_without_misspellings(
    birds: Taxonomy,
) -> None:
    for taxonomy in (birds, under(birds, fuzzy=False)):
        row = ask(taxonomy, "Passer domesticus", author="Smith, 1900", family="Passeridae")
        assert (row["match_type"], row["accepted_id"]) == ("CANONICAL", "source0:1")
        assert "author_differs" in row["issues"]


def test_hints_say_of_a_common_taxon_only_what_reaches_as_far_as_that_one(made: Made) -> None:
    rows = "1\t\t\tPlantae\t\tkingdom\taccepted\n2\t1\t\tPinopsida\t\tclass\taccepted\n"
    rows += "3\t1\t\tLiliopsida\t\tclass\taccepted\n4\t2\t\tAbies\t\tgenus\taccepted\n"
    rows += "5\t4\t\tAbies nana\tY\tspecies\taccepted\n6\t3\t\tPoa\t\tgenus\taccepted\n"
    rows += "7\t6\t\tPoa annua\tL.\tspecies\taccepted\n8\t\t7\tAbies nana\tX\tspecies\tsynonym\n"
    row = ask(made(HEADER + rows), "Abies nana", kingdom="Plantae", **{"class": "Aves"})
    assert (row["match_type"], row["accepted_name"]) == ("LCA", "Plantae")
    assert json.loads(row["hint_agreement"]) == {"kingdom": "agree", "class": "unknown"}
    one = ask(made(HEADER + rows), "Poa annua", kingdom="Plantae", **{"class": "Pinopsida"})
    assert json.loads(one["hint_agreement"]) == {"kingdom": "agree", "class": "disagree"}


def test_an_unknown_species_falls_to_its_genus_whichever_row_that_one_has(made: Made) -> None:
    first = made(BIRDS + "0\tf\t\tAbba\t\tgenus\taccepted\n")
    assert first.row("source0:0") == 0
    for name in ("Abba", "Passer"):
        row = ask(first, f"{name} ignotus")
        assert (row["match_type"], row["accepted_name"]) == ("GENUS", name)


def test_a_label_is_the_answer_although_a_hint_speaks_against_it(birds: Taxonomy) -> None:
    row = ask(birds, "BOLD:AAA1234", family="Passeridae")
    assert (row["match_type"], row["accepted_id"]) == ("OTU", "source0:6")
    assert "hints_disagree" in row["issues"]
