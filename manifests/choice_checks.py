"""What a choice of records must be: every value by itself, and rules that contradict each other."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from manifests.condition import Scores, read_condition
from manifests.errors import RecipeError
from manifests.nearness import closest
from manifests.places import KeyPath, show, spell
from manifests.problems import Problems
from manifests.sections.choice import Choice
from manifests.sections.shipped_rules import SHIPPED_RULES
from manifests.vocabularies import COUNTRIES_MEANT, COUNTRY, LIFE_STAGE, SEX, Vocabulary, folded

_YEARS = re.compile(r"(\d{4})(?:\s*-\s*(\d{4}))?")
YEARS_EXPECTED = "a year or a range of years in quotes, such as '2010' or '1990-2005'"
_LISTS = (
    *("rules", "taxa", "exclude_taxa", "ranks", "countries", "years", "life_stages", "sexes", "basis", "categories"),
)
TERMS: Mapping[str, Vocabulary] = MappingProxyType({"countries": COUNTRY, "life_stages": LIFE_STAGE, "sexes": SEX})
"""The vocabulary of every key whose words are terms, or what is read as them."""


def is_years(text: str) -> bool:
    """Return whether a text is a year or a range of years, in whatever order.

    >>> is_years("1990-2005"), is_years("90-05")
    (True, False)
    """
    return _YEARS.fullmatch(text) is not None


def year_range(text: str) -> tuple[int, int]:
    """Return the first and the last year of a year or range.

    >>> year_range("2010"), year_range("1990-2005")
    ((2010, 2010), (1990, 2005))
    """
    found = _YEARS.fullmatch(text)
    assert found is not None, "the recipe was checked"
    return int(found[1]), int(found[2] or found[1])


def check_choice(choice: Choice, table: KeyPath, problems: Problems, scores: Scores = ()) -> None:
    """Note what is wrong with the choice of one table, beyond what each item's own rule says.

    `scores`: the tables of scores that conditions may name.
    """
    for name in _LISTS:
        _check_list(getattr(choice, name), (*table, name), problems)
    for name, vocabulary in TERMS.items():
        _check_terms(getattr(choice, name) or (), vocabulary, (*table, name), problems)
    _check_years(choice.years or (), (*table, "years"), problems)
    if choice.bbox is not None:
        _check_bbox(choice.bbox, (*table, "bbox"), problems)
    both: tuple[KeyPath, KeyPath] = ((*table, "exclude_taxa"), (*table, "taxa"))
    for taxon in choice.exclude_taxa or ():
        if taxon in (choice.taxa or ()) and not problems.spoilt(*both):
            what = f"{show(taxon)} is in '{spell(both[1])}' and in '{spell(both[0])}'"
            problems.add(both[0], what, "each taxon in one of the two", "take it out of one of them", both[1:])
    _check_scores(choice.rules or (), (*table, "rules"), problems, scores)
    if choice.where is not None and not problems.spoilt((*table, "where")):
        _check_where(choice.where, (*table, "where"), problems, scores)


def _check_list(items: tuple[str, ...] | None, path: KeyPath, problems: Problems) -> None:
    if items is None or problems.within(path):
        return
    if not items:
        what = f"'{spell(path)}' is an empty list, which would choose nothing"
        problems.add(path, what, "at least one item", "leave out the key to choose all")
    for position, item in enumerate(items):
        if item in items[:position]:
            problems.add((*path, position), f"'{spell(path)}' holds {show(item)} twice", "each item once")


def _check_terms(words: tuple[str, ...], vocabulary: Vocabulary, path: KeyPath, problems: Problems) -> None:
    seen: dict[str, str] = {}
    for position, word in enumerate(words):
        here: KeyPath = (*path, position)
        if problems.spoilt(here):
            continue
        term = vocabulary.find(word)
        if not term:
            meant = nearest_term(word, vocabulary)
            remedy = f"write {meant!r}" if meant else f"see the table {vocabulary.title!r} of docs/vocabularies.md"
            problems.add(here, f"'{spell(here)}' is {show(word)}", _expected(vocabulary), remedy)
        elif seen.setdefault(term, word) != word:
            what = f"'{spell(path)}' holds {show(seen[term])} and {show(word)}, which are both {term!r}"
            problems.add(here, what, "each term once", "take one of the two out")


def nearest_term(word: str, vocabulary: Vocabulary) -> str:
    """Return the term that a word which is none most likely means, or '' when none is near.

    >>> nearest_term("larfa", LIFE_STAGE), nearest_term("SP", COUNTRY), nearest_term("Swizerland", COUNTRY)
    ('Larva', 'ES', 'CH')
    """
    if vocabulary is COUNTRY and (meant := COUNTRIES_MEANT.get(word.strip().upper(), "")):
        return meant
    return vocabulary.find(closest(folded(word), vocabulary.labels()))


def _expected(vocabulary: Vocabulary) -> str:
    if vocabulary is COUNTRY:
        return "a code of two letters of ISO 3166, such as 'NZ', or the English name of a country"
    return f"one of {', '.join(vocabulary.terms)}, or a word that is read as one"


def _check_years(items: tuple[str, ...], path: KeyPath, problems: Problems) -> None:
    for position, item in enumerate(items):
        here: KeyPath = (*path, position)
        if problems.spoilt(here) or not is_years(item):
            continue
        first, last = year_range(item)
        if first > last:
            problems.add(
                here, f"'{spell(here)}' is {show(item)}", "the earlier year first", f"write '{last:04}-{first:04}'"
            )


def _check_bbox(box: tuple[float, ...], path: KeyPath, problems: Problems) -> None:
    if problems.within(path):
        return
    what = f"'{spell(path)}' is {show(list(box))}"
    expected = "[west, south, east, north] in degrees: longitudes from -180 to 180, latitudes from -90 to 90"
    if len(box) != 4 or not all(map(math.isfinite, box)):
        problems.add(path, what, expected)
        return
    west, south, east, north = box
    if not (abs(west) <= 180 and abs(east) <= 180 and abs(south) <= 90 and abs(north) <= 90):
        swapped = all((abs(west) <= 90, abs(east) <= 90, abs(south) <= 180, abs(north) <= 180))
        problems.add(path, what, expected, "write the longitude of each corner first" if swapped else "")
    elif south > north:
        problems.add(path, what, "south below north", f"write {show([west, north, east, south])}")


def _check_scores(rules: tuple[str, ...], path: KeyPath, problems: Problems, scores: Scores) -> None:
    for position, name in enumerate(rules):
        here: KeyPath = (*path, position)
        needs = SHIPPED_RULES[name].scores if name in SHIPPED_RULES else ""
        if needs and needs not in dict(scores) and not problems.spoilt(here):
            what = f"'{spell(here)}' is {show(name)}, which reads the scores {needs!r}, and there are none of that name"
            remedy = f"add [[scores]] with name = {show(needs)}, or take {show(name)} out"
            problems.add(here, what, f"a [[scores]] table that is named {needs!r}", remedy)


def _check_where(text: str, path: KeyPath, problems: Problems, scores: Scores) -> None:
    try:
        read_condition(text, scores)
    except RecipeError as error:
        problems.add(path, f"'{spell(path)}': {error.what}", error.expected, error.remedy)
