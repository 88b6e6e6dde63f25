"""The fast path gives what the parser gives: over drawn names, real lists, and the parser's own vocabulary."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import nameparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taxonomy
from taxonomy.names import clean_names
from taxonomy.names.clean_names import is_clean, parse_clean
from tests.conformance.clean_names import ACCENTED, EPITHETS, SHAPES, disagreements, drawn_names, short_words

DATA = Path(__file__).parents[3] / "../shared/data/taxonomy"
AUTHORS = ["L.", "Mill.", "Linnaeus", "A.Gray", "DC.", "Müller", "Hook.f.", "Auct", "Hort", "Non", "Vector", "Delle"]
FORMS = (
    "Bonaparte {low}", "{cap}", "{cap} alba", "Bonaparte alba {cap}", "Bonaparte alba {cap}.",
    "Bonaparte alba {cap}, 1900", "Bonaparte alba ({cap}) Smith", "Bonaparte alba Smith ex {cap}",
    "Bonaparte alba {cap} ex Smith", "Bonaparte alba ({cap}, 1900)", "Bonaparte alba {cap} & Smith",
    "Bonaparte alba A.{cap}",
)  # fmt: skip


def vocabulary() -> list[str]:
    """Return every word in the parser's binary (its markers, stop lists and patterns) and in our own modules."""
    folder = Path(str(nameparser.__file__)).parent
    text = b"\n".join(path.read_bytes() for path in sorted(folder.glob("*.so")) + sorted(folder.glob("*.pyd")))
    own = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(Path(str(taxonomy.__file__)).parent.glob("*.py"))
    )
    runs = re.findall(rb"[\x20-\x7e]{4,}", text)
    runs = [run for run in runs if not run.startswith((b"_R", b"_Z"))]  # symbols of the compiler
    words = {word.decode().lower() for run in runs for word in re.findall(rb"[A-Za-z]{3,16}", run)}
    return sorted(words | {word.lower() for word in re.findall(r"[A-Za-z]{3,16}", own)})


def test_no_word_that_the_parser_knows_is_taken_for_a_name_or_an_author_by_mistake() -> None:
    words = vocabulary()
    assert "incertae" in words
    # Most words of a binary mean nothing: those take the forms in turn, the ones on our own lists take all of them.
    stop = set(clean_names._STOP_WORDS.split()) | set(clean_names._OTHER_WORDS.split())
    names = []
    for i, word in enumerate(words):
        forms = FORMS if word in stop else (*EPITHETS, FORMS[1 + i % (len(FORMS) - 1)])
        names += [(form.format(low=word, cap=word.capitalize()), "") for form in forms]
        if i % 4 == 0:
            names.append(("Bonaparte alba", f"({word.capitalize()}, 1900)"))
    taken, wrong = disagreements(names)
    assert taken > 8_000
    assert wrong == []


def listed() -> Iterator[tuple[str, str]]:
    """Yield the real names at hand, with the authorship where it stands beside them."""
    with (DATA / "gbif-matching-ws/nub_usages.tsv").open(encoding="utf-8") as handle:
        yield from ((line.split("\t")[2], "") for line in handle)
    with (DATA / "inat21/inat2021-categories.csv").open(encoding="utf-8", newline="") as handle:
        yield from ((row[rank], "") for row in csv.DictReader(handle) for rank in ("name", "family", "order"))
    with gzip.open(DATA / "gbif-checklistbank/homonyms.txt.gz", "rt", encoding="utf-8") as text:
        yield from ((line.split("\t")[0].strip(), "") for line in text)
    with gzip.open(DATA / "gbif-name-parser/expected-parse.jsonl.gz", "rt", encoding="utf-8") as text:
        yield from ((json.loads(line)["input"], "") for line in text)
    with gzip.open(DATA / "taxonworks/plecoptera-taxa.csv.gz", "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text, delimiter="\t"):
            cells = {key: value or "" for key, value in row.items() if key}
            yield cells.get("scientificName", ""), cells.get("scientificNameAuthorship", "")


def test_the_fast_path_agrees_with_the_parser_on_real_lists() -> None:
    if not (DATA / "inat21").exists():
        pytest.skip("the published name lists are not here")
    taken, wrong = disagreements(sorted(set(listed())))
    assert taken > 12_000
    assert wrong == []


EPITHET = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)
GENUS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=11).map(str.capitalize)
DRAWN = st.builds(
    lambda initials, name, end: initials + name.capitalize() + end,
    st.sampled_from(["", "A.", "J.B."]),
    st.text(ACCENTED, min_size=3, max_size=10),
    st.sampled_from(["", "."]),
)
SURNAME = st.one_of(st.sampled_from(AUTHORS), DRAWN)
TEAMS = st.lists(SURNAME, min_size=4, max_size=4)
YEAR = st.integers(1700, 2030).map(lambda year: f", {year}")


@given(GENUS, EPITHET, TEAMS, YEAR, st.sampled_from(SHAPES), st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_fast_path_agrees_with_the_parser_on_drawn_names(
    genus: str, epithet: str, team: list[str], year: str, shape: str, beside: bool
) -> None:
    author = shape.format(**dict(zip("abcd", team, strict=True)), y=year)
    name = f"{genus} {epithet}"
    pair = (name, author) if beside else (f"{name} {author}".strip(), "")
    assert disagreements([pair])[1] == []


def test_the_fast_path_agrees_with_the_parser_on_short_words_and_accented_authors() -> None:
    # `python -m tests.conformance.clean_names` takes all of them.
    taken, wrong = disagreements([*islice(short_words("n"), 0, None, 7), *drawn_names("n", 4_000)])
    assert taken > 8_000
    assert wrong == []


@pytest.mark.parametrize(
    "name",
    [
        "Bonaparte alba Linnaeus & L.",  # read as "L.Linnaeus"
        "Bonaparte alba (Smith & L.) Mill.",
        "Bonaparte alba Lögv",  # "gv", a granulovirus: an accented letter ends a word there
        "Bonaparte alba (Kéht.) Mill.",
        "Bonaparte alba A.Rnaé, 1900",
        "Bonaparte snpv",
        "Ictv alba",
        "Nspp alba",
        "Bonaparte alba Etal",
        "Bonaparte alba Excl. & Smith",
        "Apud apud Apud, 1900",
    ],
)
def test_markers_that_hide_in_a_plain_form_are_left_to_the_parser(name: str) -> None:
    assert parse_clean(name) is None


def test_doubt_leaves_a_name_to_the_parser() -> None:
    for name in ("Puma sp.", "Puma species", "Dengue virus", "Puma concolor auct.", "Puma concolor Hort", "Life"):
        assert parse_clean(name) is None
    assert not is_clean("Puma concolor-alba")
    assert parse_clean("Puma concolor Smith, 1900", "Jones") is None
