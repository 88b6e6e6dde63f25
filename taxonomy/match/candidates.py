"""Find candidates: usages that bear a name, its stem key, or a name that differs by a misspelling in a word.

Every finder gives pairs of a question and a usage, with the points (0 to 120) of the name's likeness: 100 for equal
names, 10 more for several words, 20 more for labels and viruses, and less for every word that differs, most of all for
the first one. The weights are those of GBIF's matching service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from taxonomy.names.fuzzy import MOVED
from taxonomy.names.stems import stem, stem_key

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
_WORD = {0: 100, 1: 90, MOVED: 80}
"""Likeness of two words by their edits."""
_OTHER_ENDING = 95
_UNSURE, _SAME_GENUS, _OTHER_GENUS = -5, 5, -10
SURE = 120
"""Points of an equal label or virus name."""
_MOST = 32
"""Spellings of one name that are looked up."""


@dataclass(frozen=True)
class Candidates:
    """Pairs, ordered by question."""

    question: Ints
    row: Rows
    points: Ints
    edits: Ints
    """Letters that differ; 0 for equal names and other endings."""
    kind: npt.NDArray[np.int8]
    """Which finder gave the pair: EXACTLY, BY_STEM or NEARLY."""

    def pick(self, which: npt.NDArray[Any]) -> Candidates:
        """Return some pairs: a mask, or places in order."""
        return Candidates(
            self.question[which], self.row[which], self.points[which], self.edits[which], self.kind[which]
        )

    def of(self, questions: Ints) -> Candidates:
        """Return the pairs of some questions."""
        return self.pick(np.isin(self.question, questions))

    def __add__(self, other: Candidates) -> Candidates:
        """Return both, each pair once, the first one first."""
        both = Candidates(
            np.concatenate([self.question, other.question]),
            np.concatenate([self.row, other.row]),
            np.concatenate([self.points, other.points]),
            np.concatenate([self.edits, other.edits]),
            np.concatenate([self.kind, other.kind]),
        )
        order = np.lexsort((np.arange(len(both.row)), both.row, both.question))
        question, row = both.question[order], both.row[order]
        new = np.ones(len(row), dtype=bool)
        new[1:] = (question[1:] != question[:-1]) | (row[1:] != row[:-1])
        return both.pick(order[new])


EXACTLY, BY_STEM, NEARLY = range(3)


def exact(taxonomy: Taxonomy, question: Ints, names: npt.NDArray[Any], sure: npt.NDArray[np.bool_]) -> Candidates:
    """Find usages with exactly the names; `sure` marks labels and viruses, which need no more than that."""
    place, row = taxonomy.find(names)
    several = np.array([" " in name for name in names.tolist()], dtype=bool)
    points = np.where(sure, SURE, np.where(several, 110, 100)).astype(np.int64)
    return _pairs(question[place], row, points[place], EXACTLY)


def labels(taxonomy: Taxonomy, question: Ints, names: npt.NDArray[Any]) -> Candidates:
    """Find labels of operational taxa (BOLD:AAA1234, SH205817.07FU), whatever case they are written in."""
    keys = np.array([stem_key(name) if any(map(str.isdigit, name)) else "" for name in names.tolist()], dtype=object)
    place, row = taxonomy.find_stems(keys)
    return _pairs(question[place], row, np.full(len(row), SURE, dtype=np.int64), EXACTLY)


def by_stem(taxonomy: Taxonomy, question: Ints, names: npt.NDArray[Any]) -> Candidates:
    """Find usages whose epithets differ in gender or spelling only (see taxonomy.names.stems)."""
    place, row = taxonomy.find_stems(np.array([stem_key(name) for name in names.tolist()], dtype=object))
    found = taxonomy.names["name"].take(row).to_pylist()
    points = [likeness(asked, name, [0] * 9) for asked, name in zip(names[place].tolist(), found, strict=True)]
    return _pairs(question[place], row, np.array(points, dtype=np.int64), BY_STEM)


def near(taxonomy: Taxonomy, question: Ints, names: npt.NDArray[Any]) -> Candidates:
    """Find usages that differ by at most one edit in every word, be it beside another ending."""
    split = [name.split(" ") for name in names.tolist()]
    shortest = taxonomy.policy.fuzzy_shortest
    firsts = {words[0].lower() for words in split}
    known = taxonomy.near({word for words in split for word in words[1:] if len(word) >= shortest})
    # The first word may be one letter shorter: where it differs, all else must speak for it.
    known_firsts = taxonomy.near({word for word in firsts if len(word) >= shortest - 1})
    known_stems = taxonomy.near({stem(word) for words in split for word in words[1:] if len(word) > shortest})
    spellings: list[str] = []
    keys: list[str] = []
    counts: list[tuple[int, ...]] = []
    owners: list[int] = []
    for place, words in enumerate(split):
        for spelling, key, edits in _spellings(words, known_firsts.get(words[0].lower(), []), known, known_stems):
            spellings.append(spelling)
            keys.append(key)
            counts.append(edits)
            owners.append(place)
    owner = np.array(owners, dtype=np.int64)

    def pairs(at: Ints, row: Rows) -> Candidates:
        place = owner[at]
        found = taxonomy.names["name"].take(row).to_pylist()
        edits = [counts[each] for each in at.tolist()]
        points = [likeness(a, b, c) for a, b, c in zip(names[place].tolist(), found, edits, strict=True)]
        letters = np.array([sum(each) for each in edits], dtype=np.int64)
        return _pairs(question[place], row, np.array(points, dtype=np.int64), NEARLY, letters)

    exactly = taxonomy.find(np.array(spellings, dtype=object))
    return pairs(*exactly) + pairs(*taxonomy.find_stems(np.array(keys, dtype=object)))


def _spellings(
    words: list[str],
    firsts: list[tuple[str, int]],
    known: dict[str, list[tuple[str, int]]],
    stems: dict[str, list[tuple[str, int]]],
) -> list[tuple[str, str, tuple[int, ...]]]:
    """Return (spelling, empty) and (empty, stem key) for all words that may stand in the place of the given ones."""
    first = [(words[0], 0), *((word.capitalize(), edits) for word, edits in firsts)]
    whole = [first, *([(word, 0), *known.get(word, [])] for word in words[1:])]
    cut = [first, *([(stem(word), 0), *stems.get(stem(word), [])] for word in words[1:])]
    found: list[tuple[str, str, tuple[int, ...]]] = []
    for choices, is_key in ((whole, False), (cut, True)):
        if is_key and len(words) == 1:
            continue
        number = 0
        for picked in product(*choices):
            edits = tuple(each for _, each in picked)
            if not any(edits):
                continue
            text = " ".join(word for word, _ in picked)
            found.append(("", text, edits) if is_key else (text, "", edits))
            number += 1
            if number == _MOST:
                break
    return found


def likeness(asked: str, found: str, edits: Sequence[int]) -> int:
    """Return the points of two unequal names, whose words differ by so many edits.

    >>> likeness("Zabidius novaemaculeatus", "Zabidius novemaculeatus", (0, 1)), likeness("Oenante", "Oenanthe", (1,))
    (95, 75)
    """
    ours, theirs = asked.split(" "), found.split(" ")
    points = [_WORD[edit] for edit in edits[: len(ours)]]
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other and points[place] == _WORD[0]:
            points[place] = _OTHER_ENDING
    points[0] = 2 * points[0] - 100
    total = sum(points) // len(points) + _UNSURE
    if len(theirs) > 1:
        total += _SAME_GENUS if ours[0] == theirs[0] else _OTHER_GENUS
    return total


def _pairs(question: Ints, row: Rows, points: Ints, kind: int, edits: Ints | None = None) -> Candidates:
    none = np.zeros(len(row), dtype=np.int64)
    return Candidates(question, row, points, none if edits is None else edits, np.full(len(row), kind, dtype=np.int8))
