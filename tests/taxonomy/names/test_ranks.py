from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonomy import normalise_rank, rank_level

WRITTEN = {
    "kingdom": "Regnum reino Royaume REICH k. царство 界",
    "phylum": "PHYLUM phyl. Division divisio Stamm embranchement filo тип 门",
    "class": "Classis cl. CLASSE clase Klasse класс 纲",
    "superclass": "superclassis SUPERCL. superclase",
    "order": "ordo Ord. orden ORDEM ordre Ordnung отряд 目",
    "suborder": "subord. Unterordnung sous-ordre подотряд 亚目",
    "family": "Familia fam. familie FAMÍLIA famille famiglia семейство 科",
    "subfamily": "subfam. Unterfamilie sous-famille subfamilia sub-family",
    "tribe": "tribus Trib. tribu",
    "genus": "gen. Gattung género genre geslacht род 属 nothogenus GenusHybrid",
    "subgenus": "subg. subgen. Untergattung sous-genre INFRAGENERIC_NAME",
    "supersection": "supersect. SUPERSECTIO",
    "section": "sect. sectio sección Sektion",
    "species aggregate": "agg. aggr. SPECIES_AGGREGATE species_group complex superspecies Artengruppe",
    "species": "sp sp. SPECIES espèce especie espécie Art soort вид 种 hybrid nothosp. spp.",
    "subspecies": "ssp. subsp. SUBSP sub.spec. sous-espèce subespecie Unterart подвид 亚种 nothosubsp.",
    "variety": "var. varietas v. Varietät variété variedad nothovar.",
    "form": "f. fo. forma forme FORM. nothof.",
    "infraspecific": "infrasp. INFRASPECIFIC_NAME f.sp. proles",
    "cultivar": "cv. cultivar",
    "unranked": "no_rank NORANK unranked clade",
}


@pytest.mark.parametrize("rank", sorted(WRITTEN))
def test_ranks_as_people_write_them(rank: str) -> None:
    words = [word.replace("_", " ") for word in WRITTEN[rank].split()]
    assert {word: normalise_rank(word) for word in words} == dict.fromkeys(words, rank)


def test_what_is_no_rank_is_none() -> None:
    for word in ("", "banana", "x", "×", "?", "1", "subbanana", "underwater", "Puma"):
        assert normalise_rank(word) is None


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_a_rank_is_always_of_the_vocabulary(word: str) -> None:
    rank = normalise_rank(word)
    assert rank is None or (rank_level(rank) >= 0 and normalise_rank(rank) == rank)
