from __future__ import annotations

import pickle

import nameparser
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxonomy import KINDS, parse_name
from taxonomy.names.parse import CLEAN_PATTERN, UNCLEAN_PATTERN, is_clean
from taxonomy.names.parsed import NAME_TYPES
from tests.taxonomy.build.test_default_data import TAXA


@pytest.mark.parametrize(
    ("verbatim", "kind", "canonical"),
    [
        ("Puma concolor (Linnaeus, 1771)", "scientific", "Puma concolor"),
        ("Gambusia affinis (Baird & Girard, 1853)", "scientific", "Gambusia affinis"),
        ("Ornithorhynchus_anatinus", "scientific", "Ornithorhynchus anatinus"),
        ("Rosa canina subsp. canina", "scientific", "Rosa canina canina"),
        ("Oenanthe sp.", "informal", "Oenanthe"),
        ("Oenanthe sp. 3", "informal", "Oenanthe"),
        ("Bufonidae gen. sp.", "informal", "Bufonidae"),
        ("Parus cf. major", "informal", "Parus major"),
        ("Parus aff. major", "informal", "Parus major"),
        ("BOLD:AAA1234", "otu", "BOLD:AAA1234"),
        ("bold:aaa1234", "otu", "BOLD:AAA1234"),
        ("Quercus × hispanica", "hybrid", "Quercus hispanica"),
        ("Quercus robur × Q. petraea", "hybrid", "Quercus"),
        ("Salix aurita x Populus alba", "hybrid", ""),
        ("Crataegus + Mespilus", "hybrid", ""),
        ("Canis lupus hybrid", "hybrid", "Canis"),
        ("Rosa sp. hybrid", "hybrid", "Rosa"),
        ("Larus argentatus/fuscus", "informal", "Larus"),
        ("Canis lupus or Canis latrans", "informal", "Canis"),
        ("Canis lupus / Vulpes vulpes", "informal", ""),
        ("Motacilla alba alba/yarrellii", "informal", "Motacilla alba"),
        ("Puma (Puma) concolor couguar", "scientific", "Puma concolor couguar"),
        ("Hymenophyllum subgen. Hymenoglossum (Presl) R.M.Tryon", "scientific", "Hymenoglossum"),
        ("Bombus (Pyrobombus)", "scientific", "Pyrobombus"),
        ("Galega officinalis subsp. mackayana var. petiolata", "scientific", "Galega officinalis petiolata"),
        ("Acer campestre L. cv. 'Nanum'", "cultivar", "Acer campestre"),
        ("Rosa 'Peace'", "cultivar", "Rosa"),
        ("Larus sp./Sterna sp.", "informal", ""),
        ("Puma concolor juvenile", "scientific", "Puma concolor"),
        ("Puma c.f. concolor", "informal", "Puma concolor"),
        ("Puma (aff.) concolor", "informal", "Puma concolor"),
        ("Leptospira interrogans serovar Fugis", "scientific", "Leptospira interrogans"),
        ("Petalacte coronata2", "informal", "Petalacte"),
        ("Rosa alba (synonym for Rosa x damascena)", "scientific", "Rosa alba"),
        ("SH1234567.08fu", "otu", "SH1234567.08FU"),
        ("BOLD_aaa1234", "otu", "BOLD:AAA1234"),
        ("Prochlorococcus sp003284565", "otu", "Prochlorococcus sp003284565"),
        ("Coleoptera sp. BOLD:AAV0432", "informal", "Coleoptera"),
        ("Parus nr. major", "informal", "Parus major"),
        ("Formicidae cf.", "informal", "Formicidae"),
        ("Iteaphila group", "informal", "Iteaphila"),
        ("Begomovirus gossypibangalorense", "scientific", "Begomovirus gossypibangalorense"),
        ("Fungal prions", "virus", "Fungal prions"),
        ("Candidatus Accumulibacter phosphatis", "scientific", "Accumulibacter phosphatis"),
        ("Unidentified Asteraceae", "placeholder", "Asteraceae"),
        ("no identificado", "placeholder", ""),
        ("Abbott's moray eel", "unparsable", ""),
        ("PUMA CONCOLOR LINNAEUS, 1771", "scientific", "Puma concolor"),
        ("\ufeff<i>Puma</i>&nbsp;concolor", "scientific", "Puma concolor"),
        ("Puma_concolor_couguar", "scientific", "Puma concolor couguar"),
        ("Ortygospiza atricollis mülleri", "scientific", "Ortygospiza atricollis muelleri"),
        ("Carcinops 14-striata (Stephens, 1835)", "scientific", "Carcinops quatuordecimstriata"),
        ("Tobacco mosaic virus", "virus", "Tobacco mosaic virus"),
        ("Aves incertae sedis", "placeholder", "Aves"),
        ("sp. 3", "placeholder", ""),
        ("x" * 5000, "unparsable", ""),
        *(
            (text, "placeholder", "")
            for text in ("", "  ", "NA", "unclassified", "unknown fungus", "No name", "-", "?")
        ),
    ],
)
def test_strings_are_told_apart(verbatim: str, kind: str, canonical: str) -> None:
    parsed = parse_name(verbatim)
    assert (parsed.kind, parsed.canonical) == (kind, canonical)


def test_a_separate_authorship_and_rank_are_taken_as_given() -> None:
    parsed = parse_name("Ficus variegata", " Röding,  1798 ", "SPECIES")
    assert (parsed.authorship, parsed.year, parsed.rank) == ("Röding, 1798", "1798", "species")
    assert parse_name("Ficus", rank="gen.").rank == "genus"
    assert parse_name("Ficus variegata", rank="family").rank == "species"


def test_what_the_canonical_name_leaves_out_is_kept() -> None:
    assert parse_name("Salix aurita L. × S. caprea L.").parents == ("Salix aurita", "Salix caprea")
    assert parse_name("Galega officinalis subsp. mackayana var. petiolata").middle == "mackayana"
    assert parse_name("Puma (Felis) concolor").infrageneric == "Felis"
    assert parse_name("Bombus (Pyrobombus)").rank == "subgenus"
    assert (parse_name("×Agropogon littoralis").notho, parse_name("Quercus × hispanica").notho) == (
        "generic",
        "specific",
    )
    assert parse_name("Acer campestre cv. 'Nanum'").cultivar == "Nanum"
    assert parse_name("Coleoptera sp. BOLD:AAV0432").otu == "BOLD:AAV0432"
    assert parse_name("Rosa alba auct. non L.").note == "auct. non L."
    assert [parse_name(f"Rosa {mark} alba").qualifier for mark in ("CF.", "cf", "aff", "near", "nr.")] == [
        "cf.",
        "cf.",
        "aff.",
        "nr.",
        "nr.",
    ]
    assert (parse_name("Rosa alba (L.) Mill.").code, parse_name("Puma concolor Linnaeus, 1771").code) == (
        "botanical",
        "zoological",
    )


def test_types_are_those_of_the_parser() -> None:
    names = ("Puma concolor", "Salix alba x S. fragilis", "Puma sp.", "unknown", "BOLD:AAA1234", "Dengue virus")
    assert tuple(parse_name(name).name_type for name in names) == NAME_TYPES


def test_a_parsed_name_travels_between_processes() -> None:
    parsed = parse_name("Parus cf. major")
    assert pickle.loads(pickle.dumps(parsed)) == parsed


def agrees_with_the_parser(name: str) -> bool:
    parsed = nameparser.parse(name)
    return (
        not isinstance(parsed, nameparser.Informal)
        and parsed.type == "SCIENTIFIC"
        and parsed.state == "COMPLETE"
        and parsed.canonical_name_minimal() == name
        and not parsed.notho
        and not parsed.epithet_qualifier
    )


def test_the_fast_path_agrees_with_the_parser_on_the_shipped_names() -> None:
    names = sorted({row["scientificName"] for row in TAXA})
    clean = [name for name in names if is_clean(name)]
    assert len(clean) > 0.98 * len(names)
    assert [name for name in clean if not agrees_with_the_parser(name)] == []


WORDS = st.sampled_from(
    ["alba", "virus", "virens", "Dengue", "Aura", "satellite", "phage", "species", "near", "Rana", "vir"]
)


@given(st.one_of(st.lists(WORDS, max_size=3).map(" ".join), st.text(max_size=12)))
@settings(max_examples=200, deadline=None)
def test_one_name_and_whole_arrays_are_judged_alike(name: str) -> None:
    array = pa.array([name], pa.string())
    taken = pc.match_substring_regex(array, CLEAN_PATTERN)[0].as_py()
    assert is_clean(name) == (taken and not pc.match_substring_regex(array, UNCLEAN_PATTERN)[0].as_py())


@given(st.text(max_size=80), st.text(max_size=30), st.text(max_size=12))
@settings(max_examples=300, deadline=None)
@example("\x00", "\ud7ff", "")
def test_no_string_breaks_the_parser(verbatim: str, authorship: str, rank: str) -> None:
    parsed = parse_name(verbatim, authorship, rank)
    assert parsed.kind in KINDS
    assert parsed == parse_name(verbatim, authorship, rank)
