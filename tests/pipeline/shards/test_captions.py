"""Captions read as BioCLIP's do, and no missing value ever becomes a word."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from manifests.recipe import RANKS
from pipeline.shards import Captions, captions

RACCOON: dict[str, str | None] = {
    "kingdom": "Animalia",
    "phylum": "Chordata",
    "class": "Mammalia",
    "order": "Carnivora",
    "family": "Procyonidae",
    "genus": "Procyon",
    "species": "Procyon lotor",
}
HIGHER = "Animalia Chordata Mammalia Carnivora Procyonidae"
DATA = Path(__file__).parents[3] / "../shared/data/sources"


def test_a_full_lineage_gives_the_five_forms() -> None:
    assert captions(RACCOON, "raccoon") == Captions(
        sci="a photo of Procyon lotor.",
        com="a photo of raccoon.",
        taxon=f"a photo of {HIGHER} Procyon lotor.",
        sci_com="a photo of Procyon lotor with common name raccoon.",
        taxon_com=f"a photo of {HIGHER} Procyon lotor with common name raccoon.",
    )
    assert captions(RACCOON, "raccoon").default == captions(RACCOON, "raccoon").taxon_com


def test_the_members_are_those_that_bioclip2_reads() -> None:
    members = captions(RACCOON, "Waschbär").members()
    assert [suffix for suffix, _ in members] == ["sci.txt", "com.txt", "taxon.txt", "sci_com.txt", "taxon_com.txt"]
    assert members[1][1] == "a photo of Waschbär.".encode()


@pytest.mark.parametrize("vernacular", [None, "", "  ", "None", "none.", "nan", "NULL", "N/A", "\u200b", "x" * 101])
def test_without_a_common_name_the_scientific_name_takes_its_place(vernacular: str | None) -> None:
    found = captions(RACCOON, vernacular)
    assert found.com == found.sci == "a photo of Procyon lotor."
    assert found.sci_com == "a photo of Procyon lotor with common name Procyon lotor."
    assert found.taxon_com == f"a photo of {HIGHER} Procyon lotor with common name Procyon lotor."


@pytest.mark.parametrize("gap", [None, "", " ", "None", "nan", "not_classified", "incertae sedis", "Unknown", "None;"])
@pytest.mark.parametrize("rank", RANKS)
def test_a_missing_rank_is_left_out_the_same_way_everywhere(rank: str, gap: str | None) -> None:
    absent = {name: value for name, value in RACCOON.items() if name != rank}
    assert captions({**RACCOON, rank: gap}, "raccoon") == captions(absent, "raccoon")
    assert "  " not in captions(absent, None).taxon


def test_the_lowest_rank_stands_in_for_a_species() -> None:
    found = captions({"kingdom": "Animalia", "order": "Carnivora"}, None)
    assert found.sci == found.com == "a photo of Carnivora."
    assert found.taxon == "a photo of Animalia Carnivora."
    assert captions({}, None).default == "a photo of an organism with common name an organism."
    assert captions({}, "raccoon").default == "a photo of an organism with common name raccoon."


@pytest.mark.parametrize(
    ("genus", "species", "expected"),
    [
        ("Procyon", "Procyon lotor", "Procyon lotor"),
        ("Procyon", "lotor", "Procyon lotor"),
        (None, "Procyon lotor", "Procyon lotor"),
        ("Ursus", "Procyon lotor", "Procyon lotor"),
        ("Procyon", "Procyon lotor (Linnaeus, 1758)", "Procyon lotor"),
        ("Procyon", "Procyon lotor lotor", "Procyon lotor"),
        ("Aedes", "Aedes (Stegomyia) aegypti", "Aedes aegypti"),
        ("Procyon Storr, 1780", "", "Procyon"),
        ("Procyon", "Procyon Storr, 1780", "Procyon"),
        ("Procyon", "Procyon de Vries", "Procyon"),
        ("Procyon", "Procyon sp.", "Procyon"),
        ("Procyon", "Procyon sp", "Procyon"),
        ("Procyon", "Procyon cf. lotor", "Procyon"),
        ("Coelioxys", "Coelioxys sp. BOLD:AAS0189", "Coelioxys"),
        ("Coelioxys", "BOLD:AAS0189", "Coelioxys"),
        ("Procyon", "sp. 1", "Procyon"),
        ("Procyon", "Linnaeus, 1758", "Procyon"),
        ("Aglais", "Aglais io", "Aglais io"),
        ("Polygonia", "Polygonia c-album", "Polygonia c-album"),
        ("Mentha", "Mentha × piperita L.", "Mentha × piperita"),
        ("Mentha", "Mentha x piperita", "Mentha × piperita"),
        ("Mentha", "Mentha ×piperita", "Mentha × piperita"),
        ("Mentha", "× piperita", "Mentha × piperita"),
        ("× Cupressocyparis", "× Cupressocyparis leylandii", "× Cupressocyparis leylandii"),
        ("Candidatus Liberibacter", "Candidatus Liberibacter asiaticus", "Candidatus Liberibacter asiaticus"),
        (None, "lotor", "Procyonidae"),
    ],
)
def test_a_species_is_a_binomial_without_author_said_once(genus: str | None, species: str, expected: str) -> None:
    found = captions({"family": "Procyonidae", "genus": genus, "species": species}, None)
    assert found.sci == f"a photo of {expected}."
    assert found.taxon == f"a photo of Procyonidae {expected}.".replace("Procyonidae Procyonidae", "Procyonidae")


def test_a_common_name_is_one_line_without_a_second_full_stop() -> None:
    assert captions(RACCOON, " raccoon\t \n(common).. ").com == "a photo of raccoon (common)."
    assert captions(RACCOON, "None-so-pretty").com == "a photo of None-so-pretty."


words = st.sampled_from(
    ["None", "none", "nan", "NaN", "", " ", "\n", "×", "x", "sp.", "Procyon", "lotor", "(L.)", "1758", "Linnaeus", "."]
)
texts = st.none() | st.text(max_size=30) | st.lists(words, max_size=5).map(" ".join)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*RANKS, "tribe"]), texts), texts)
@example({"genus": "× None", "species": "× None none"}, "None.")
@example({"genus": "Candidatus", "species": "None lotor"}, ". None .")
def test_no_caption_holds_none_double_blanks_or_line_breaks(lineage: dict[str, str | None], common: str | None) -> None:
    found = captions(lineage, common)
    assert captions(lineage, common) == found
    for _, data in found.members():
        text = data.decode()
        assert text.startswith("a photo of ") and text.endswith(".") and not text.endswith(" .")
        assert "  " not in text and text.isprintable()
        assert "None" not in [word.strip(".,;") for word in text.split()]
    assert found.taxon.endswith(found.sci.removeprefix("a photo of "))
    assert found.sci_com.startswith(found.sci[:-1]) and found.taxon_com.startswith(found.taxon[:-1])


def real_names(table: Path) -> list[tuple[dict[str, str | None], str]]:
    """Return the distinct (lineage, common name) of a published table; empty common names stay empty."""
    if not table.is_file():
        pytest.skip(f"no sample data: {table.name} is absent")
    with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [("cls" if rank == "class" and "cls" in rows[0] else rank) for rank in RANKS]
    distinct = {(*(row[column] for column in columns), row["common_name"]) for row in rows}
    return [(dict(zip(RANKS, ranks, strict=True)), common) for *ranks, common in sorted(distinct)]


@pytest.mark.parametrize(
    ("table", "taxa"), [("eol/rare_species_metadata.csv.gz", 400), ("inat/biotrove_unseen_metadata.csv.gz", 100)]
)
def test_real_names_keep_every_rank_and_word(table: str, taxa: int) -> None:
    names = real_names(DATA / table)
    plain = [(lineage, common) for lineage, common in names if lineage["genus"] and is_epithet(lineage["species"])]
    assert len(plain) >= taxa
    for lineage, common in plain:
        found = captions(lineage, common)
        assert found.taxon == f"a photo of {' '.join(filter(None, lineage.values()))}."
        assert found.sci == f"a photo of {lineage['genus']} {lineage['species']}."
        assert found.com == f"a photo of {' '.join(common.split()).rstrip(' .') or found.sci[11:-1]}."


def test_real_species_columns_that_hold_no_epithet_leave_the_genus() -> None:
    names = real_names(DATA / "inat" / "biotrove_unseen_metadata.csv.gz")
    odd = [lineage for lineage, _ in names if not is_epithet(lineage["species"])]
    assert len(odd) >= 5
    for lineage in odd:
        species = lineage["species"] or ""
        expected = [lineage[rank] for rank in RANKS[:-1] if lineage[rank]]
        if species.startswith(f"{lineage['genus']} "):
            expected = [*expected[:-1], species]
        assert captions(lineage, None).taxon == f"a photo of {' '.join(filter(None, expected))}."


def is_epithet(species: str | None) -> bool:
    return species is not None and species.isalpha() and species.islower()
