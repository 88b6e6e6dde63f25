from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import nameparser
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxonomy import KINDS, parse_name
from taxonomy.parse import CLEAN_PATTERN, UNCLEAN_PATTERN, is_clean, split_author
from tests.taxonomy.test_default_data import TAXA

EPITHETS = ["alba", "affinis", "virens", "novae-angliae", "speciosa", "complexa", "typica", "indeterminata", "undata"]


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


def test_a_parsed_name_travels_between_processes() -> None:
    parsed = parse_name("Parus cf. major")
    assert pickle.loads(pickle.dumps(parsed)) == parsed


def test_the_authored_fast_path_agrees_with_the_parser_on_a_real_backbone() -> None:
    path = Path(__file__).parents[2] / "../shared/data/taxonomy/gbif-matching-ws/nub_usages.tsv"
    if not path.exists():
        pytest.skip("the backbone excerpt is not here")
    taken = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        name = line.split("\t")[2]
        bare, author = split_author(name)
        if author:
            taken += 1
            assert agrees_with_the_parser(bare)
            parsed = nameparser.parse(name)
            assert not isinstance(parsed, nameparser.Informal)
            assert (parsed.canonical_name_minimal(), parsed.authorship_complete()) == (bare, author)
    assert taken > 20


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


def test_the_fast_path_agrees_with_the_parser_on_published_test_names() -> None:
    path = Path(__file__).parents[2] / "../shared/data/taxonomy/gbif-name-parser/expected-parse.jsonl.gz"
    if not path.exists():
        pytest.skip("the parser's published test names are not here")
    names = [json.loads(line)["input"] for line in gzip.decompress(path.read_bytes()).splitlines()]
    clean = [name for name in names if is_clean(name)]
    assert len(clean) >= 20
    assert [name for name in clean if not agrees_with_the_parser(name)] == []


@given(st.from_regex(r"\A[A-Z][a-z]{2,9}\Z"), st.sampled_from(EPITHETS))
@settings(max_examples=200, deadline=None)
def test_the_fast_path_agrees_with_the_parser_on_latin_epithets(genus: str, epithet: str) -> None:
    name = f"{genus} {epithet}"
    if is_clean(name):
        assert agrees_with_the_parser(name)


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
