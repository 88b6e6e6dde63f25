"""The fast path gives what the parser gives: over drawn names, real lists, and the parser's own vocabulary."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import nameparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonomy import clean_names, placeholders
from taxonomy.clean_names import is_clean, parse_clean
from taxonomy.parse import parse_fully

DATA = Path(__file__).parents[2] / "../shared/data/taxonomy"
AUTHORS = ["L.", "Mill.", "Linnaeus", "A.Gray", "DC.", "Müller", "Hook.f.", "Auct", "Hort", "Non", "Vector", "Delle"]
FORMS = (
    "Bonaparte {low}", "{cap}", "{cap} alba", "Bonaparte alba {cap}", "Bonaparte alba {cap}.",
    "Bonaparte alba {cap}, 1900", "Bonaparte alba ({cap}) Smith", "Bonaparte alba Smith ex {cap}",
    "Bonaparte alba {cap} ex Smith", "Bonaparte alba ({cap}, 1900)", "Bonaparte alba {cap} & Smith",
    "Bonaparte alba A.{cap}",
)  # fmt: skip


def disagreements(names: Iterable[tuple[str, str]]) -> tuple[int, list[str]]:
    """Give how many names the fast path takes, and those for which the whole way gives something else."""
    taken, wrong = 0, []
    for name, author in names:
        quick = parse_clean(name, author)
        if quick is not None:
            taken += 1
            if quick != parse_fully(name, author):
                wrong.append(f"{name} | {author}")
    return taken, wrong


def vocabulary() -> list[str]:
    """Give every word in the parser's binary (its markers, stop lists and patterns) and in our own rules."""
    folder = Path(str(nameparser.__file__)).parent
    text = b"\n".join(path.read_bytes() for path in sorted(folder.glob("*.so")) + sorted(folder.glob("*.pyd")))
    own = "\n".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (clean_names, placeholders))
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
        forms = FORMS if word in stop else (FORMS[0], FORMS[1 + i % (len(FORMS) - 1)])
        names += [(form.format(low=word, cap=word.capitalize()), "") for form in forms]
        if i % 4 == 0:
            names.append(("Bonaparte alba", f"({word.capitalize()}, 1900)"))
    taken, wrong = disagreements(names)
    assert taken > 8_000
    assert wrong == []


def listed() -> Iterator[tuple[str, str]]:
    """Give the real names at hand, with the authorship where it stands beside them."""
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
    st.text("abcdefghijklmnopqrstuvwxyzåäöüéèøñ", min_size=3, max_size=10),
    st.sampled_from(["", "."]),
)
SURNAME = st.one_of(st.sampled_from(AUTHORS), DRAWN)
YEAR = st.integers(1700, 2030).map(lambda year: f", {year}")
SHAPES = st.sampled_from(
    ["{a}", "{a}{y}", "({a}{y})", "({a}) {b}", "{a} ex {b}", "{a} & {b}{y}", "({a} & {b}) {a}", ""]
)


@given(GENUS, EPITHET, SURNAME, SURNAME, YEAR, SHAPES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_fast_path_agrees_with_the_parser_on_drawn_names(
    genus: str, epithet: str, a: str, b: str, year: str, shape: str, beside: bool
) -> None:
    author = shape.format(a=a, b=b, y=year)
    name = f"{genus} {epithet}"
    pair = (name, author) if beside else (f"{name} {author}".strip(), "")
    assert disagreements([pair])[1] == []


def test_doubt_leaves_a_name_to_the_parser() -> None:
    for name in ("Puma sp.", "Puma species", "Dengue virus", "Puma concolor auct.", "Puma concolor Hort", "Life"):
        assert parse_clean(name) is None
    assert not is_clean("Puma concolor-alba")
    assert parse_clean("Puma concolor Smith, 1900", "Jones") is None
