from __future__ import annotations

import csv
from collections import Counter

from taxonomy.names.ranks import SEVEN, rank_level
from taxonomy.readers.default import FOLDER


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


TAXA = rows("default.tsv")
BY_ID = {row["taxonID"]: row for row in TAXA}


def test_ids_are_unique_and_every_link_leads_to_an_accepted_row() -> None:
    assert len(BY_ID) == len(TAXA)
    for row in TAXA:
        if row["taxonomicStatus"] == "synonym":
            assert not row["parentNameUsageID"]
            assert BY_ID[row["acceptedNameUsageID"]]["taxonomicStatus"] == "accepted"
        else:
            assert row["taxonomicStatus"] == "accepted"
            assert not row["acceptedNameUsageID"]
            assert row["taxonRank"] == "kingdom" or BY_ID[row["parentNameUsageID"]]["taxonomicStatus"] == "accepted"


def test_a_parent_stands_one_rank_above_and_its_classification_is_its_childs() -> None:
    for row in TAXA:
        if row["taxonomicStatus"] == "accepted" and row["parentNameUsageID"]:
            parent = BY_ID[row["parentNameUsageID"]]
            assert SEVEN.index(parent["taxonRank"]) == SEVEN.index(row["taxonRank"]) - 1
            above = [rank for rank in SEVEN[:-1] if rank_level(rank) <= rank_level(parent["taxonRank"])]
            assert [row[rank] for rank in above] == [parent[rank] for rank in above]


def test_every_species_has_all_ranks_an_author_and_its_genus_as_first_word() -> None:
    species = [row for row in TAXA if row["taxonRank"] == "species" and row["taxonomicStatus"] == "accepted"]
    assert len(species) >= 220
    for row in species:
        assert all(row[rank] for rank in SEVEN[:-1])
        assert row["scientificNameAuthorship"]
        genus, epithet = row["scientificName"].split(" ")
        assert genus == row["genus"] == BY_ID[row["parentNameUsageID"]]["scientificName"]
        assert epithet == epithet.lower()


def test_the_file_is_broad_enough_to_show_synonyms_and_homonyms() -> None:
    assert Counter(row["taxonomicStatus"] for row in TAXA)["synonym"] >= 40
    kingdoms: dict[str, set[str]] = {}
    for row in TAXA:
        kingdoms.setdefault(row["scientificName"], set()).add(row["kingdom"])
    assert {"Morus", "Oenanthe", "Prunella", "Ficus", "Ficus variegata", "Bacillus"} <= {
        n for n, k in kingdoms.items() if len(k) > 1
    }
    assert {row["kingdom"] for row in TAXA} == {
        *("Animalia", "Plantae", "Fungi", "Chromista", "Protozoa", "Bacteria", "Archaea")
    }


def test_vernacular_names_belong_to_accepted_taxa_and_prefer_one_name_per_language() -> None:
    names = rows("default_vernacular.tsv")
    preferred = Counter((row["taxonID"], row["language"]) for row in names if row["preferred"] == "true")
    assert max(preferred.values()) == 1
    assert all(BY_ID[row["taxonID"]]["taxonomicStatus"] == "accepted" for row in names)
    english = {row["taxonID"] for row in names if row["language"] == "eng"}
    species = {i for i, row in BY_ID.items() if row["taxonRank"] == "species" and row["taxonomicStatus"] == "accepted"}
    assert len(english & species) > 0.95 * len(species)
