"""A controlled vocabulary: its terms in one spelling each, and what else is written for them.

A text is a term where the two are the same once case, accents, punctuation and blanks are set aside. What is near a
term is none: only a recipe's author is asked whether it was meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

LONGEST = 200
"""Characters of a text that may be a term; a longer one is none."""
_OTHER = re.compile(r"[^\w♀♂⚥⚲]|_")
_PLURAL = re.compile(r"\(s\)|\[s\]", re.IGNORECASE)
_PARTS = re.compile(r"\s*(?:[;,|/+&]|\band\b)\s*", re.IGNORECASE)
_COUNT = re.compile(r"\b\d{1,6}")


def folded(text: str) -> str:
    """Return a text as it is compared: without case, accents and punctuation, its words between single blanks.

    >>> folded("  Sub-Adult(s)"), folded("Têtard."), folded("♀")
    ('sub adult', 'tetard', '♀')
    """
    plain = unicodedata.normalize("NFKD", _PLURAL.sub("", text[: LONGEST + 1]).casefold())
    letters = "".join(each for each in plain if unicodedata.category(each) != "Mn")
    return " ".join(_OTHER.sub(" ", letters).casefold().split())


def whole(text: str) -> str:
    """Return a text itself: what is tried where nothing of a text may be left out."""
    return text


def without_count(text: str) -> str:
    """Return a folded text without the whole numbers that count individuals.

    >>> without_count("2 females"), without_count("1f"), without_count("f1"), without_count("4")
    ('females', 'f', 'f1', '')
    """
    return " ".join(_COUNT.sub(" ", text).split())


@dataclass(frozen=True)
class Vocabulary:
    """Terms of one property, with the other labels that are read as them."""

    title: str
    source: str
    """Where the terms are from, for the page that lists them."""
    terms: Mapping[str, tuple[str, ...]]
    """Other labels by term, in the order in which they are listed."""
    reduced: Callable[[str], str] = whole
    """What is compared of a folded text that is no label as it stands."""
    several: Mapping[frozenset[str], str] = field(default_factory=dict)
    """The term of a text that names several terms side by side, such as 'male; female'."""
    doubted: bool = False
    """A question mark makes a text no term."""
    _of: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the labels; raise ValueError for a label that two terms share."""
        found: dict[str, str] = {}
        for term, labels in self.terms.items():
            for label in (term, *labels):
                if found.setdefault(folded(label), term) != term:
                    raise ValueError(f"{label!r} is a label of {found[folded(label)]} and of {term}")
        object.__setattr__(self, "_of", found)

    def find(self, text: str) -> str:
        """Return the term of a text, or '' where it is none.

        >>> Vocabulary("Sex", "", {"Male": ("m",)}).find(" M. ")
        'Male'
        """
        if not text or len(text) > LONGEST:
            return ""
        if "://" in text:  # a term of a published vocabulary is named by its address too
            text = re.split(r"[/#]", text.strip().rstrip("/"))[-1]
        found = self._find(text)
        if found or (self.doubted and "?" in text):
            return found
        parts = [part for part in _PARTS.split(text) if part]
        terms = [self._find(part) for part in parts]
        if len(parts) < 2 or "" in terms:
            return ""
        return terms[0] if len(set(terms)) == 1 else self.several.get(frozenset(terms), "")

    def _find(self, text: str) -> str:
        key = folded(text)
        if self.doubted and "?" in text and key:
            return ""
        return self._of.get(key, "") or self._of.get(self.reduced(key), "") if key else ""

    def labels(self) -> Sequence[str]:
        """Return all labels as they are compared."""
        return tuple(self._of)

    def table(self) -> Iterator[str]:
        """Return the lines of a Markdown table of the terms and what is read as them.

        >>> list(Vocabulary("Sex", "", {"Male": ("m", "♂")}).table())[-1]
        '| `Male` | m, ♂ |'
        """
        yield "| term | read as it, too |"
        yield "|---|---|"
        for term, labels in self.terms.items():
            yield f"| `{term}` | {', '.join(labels)} |"
