"""Do two authorships name the same author? Enough to tell homonyms apart, not a bibliography.

Botanists abbreviate ('L.', 'Mill.'), zoologists write in full with a year, catalogues drop parentheses and initials.
Two authorships are the same when one author of each agrees (an abbreviation agrees with what it begins) and years,
where both are given, differ by at most one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_YEAR = re.compile(r"\b(1[6-9]\d\d|20\d\d)\b")
_SPLIT = re.compile(r"\s*(?:&|,|;|:|\bet\b|\band\b|\bex\b|\bin\b|\bal\b\.?|\(|\)|\[|\])\s*")
_ABBREVIATIONS = {"l": "linnaeus", "lin": "linnaeus", "linn": "linnaeus", "linne": "linnaeus", "dc": "candolle"}
_PARTICLES = {"de", "von", "van", "der", "den", "du", "la", "le", "da", "di", "dos", "st", "fil", "f", "jr", "sr"}


@lru_cache(maxsize=262_144)
def _read(authorship: str) -> tuple[frozenset[tuple[str, bool]], tuple[int, ...]]:
    """Give surnames (folded; whether abbreviated) and years."""
    text = authorship[:500]
    years = tuple(int(year) for year in _YEAR.findall(text))
    # Letters such as ø and ß do not decompose; what cannot be folded is dropped on both sides alike.
    folded = unicodedata.normalize("NFKD", _YEAR.sub(" ", text)).encode("ascii", "ignore").decode().casefold()
    authors: set[tuple[str, bool]] = set()
    for part in _SPLIT.split(folded):
        words = [word for word in re.findall(r"[a-z'-]+\.?", part) if word.strip(".'-")]
        words = [word for word in words if word.rstrip(".") not in _PARTICLES or word.rstrip(".") == "l"]
        if not words:
            continue
        surname = words[-1]
        bare = surname.rstrip(".").strip("'")
        authors.add((_ABBREVIATIONS.get(bare, bare), surname.endswith(".") and bare not in _ABBREVIATIONS))
    return frozenset(authors), years


def _agree(one: tuple[str, bool], other: tuple[str, bool]) -> bool:
    (a, a_short), (b, b_short) = one, other
    return a == b or (a_short and b.startswith(a)) or (b_short and a.startswith(b))


@lru_cache(maxsize=262_144)
def compare_authorship(one: str, other: str) -> int:
    """Give 1 when two authorships agree, -1 when they contradict each other, 0 when either says nothing.

    >>> compare_authorship("L.", "Linnaeus, 1758"), compare_authorship("Blume", "Röding, 1798")
    (1, -1)
    >>> compare_authorship("(Linnaeus, 1771)", "Linnaeus, 1758"), compare_authorship("", "L.")
    (-1, 0)
    """
    if one == other:
        return 1 if one else 0
    (a_names, a_years), (b_names, b_years) = _read(one), _read(other)
    if a_years and b_years and min(abs(a - b) for a in a_years for b in b_years) > 1:
        return -1
    if not a_names or not b_names:
        return 0
    return 1 if any(_agree(a, b) for a in a_names for b in b_names) else -1
