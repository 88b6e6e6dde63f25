"""Weigh candidates: what name, author, classification, rank and status say for and against each of them.

The points follow the published weights of GBIF's matching service (gbif/matching-ws, MatchingService): a family tells
more than a class, a class more than a kingdom, a contradicting author more than an agreeing one. What is called a veto
here puts a candidate out of the question: a kingdom that cannot be the same one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.match.hints import AGREE, DISAGREE, UNKNOWN, HintReader
from taxonomy.match.questions import Questions
from taxonomy.names.authors import compare_authorship
from taxonomy.names.kingdoms import normalise_kingdom
from taxonomy.names.ranks import rank_level
from taxonomy.names.taxonomic_status import STATUSES

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy

Ints = npt.NDArray[np.int64]
_FOR = np.array([5, 10, 15, 15, 25, 2], dtype=np.int64)
"""Points for agreement at kingdom ... genus."""
_AGAINST = np.array([10, 10, 10, 10, 15, 0], dtype=np.int64)
"""Points against a candidate for disagreement at kingdom ... genus."""
_UNSAID = np.array([1, 1, 0, 0, 0, 0], dtype=np.int64)
"""Points against a candidate for what is not known at kingdom ... genus."""
_CLASSIFICATION = (-60, 50)
_VIRUS = 10
_STATUS = {"accepted": 1, "provisional": -5, "doubtful": -5, "synonym": 0, "ambiguous synonym": -1, "misapplied": -10}
_STATUS_POINTS = np.array([_STATUS[status] for status in STATUSES], dtype=np.int64)
_SAME_WRITING = 8
_NO_AUTHOR_KNOWN = 1
_YEAR = re.compile(r",?\s*\b(?:1[6-9]|20)\d\d[a-z]?\b")
_SON = re.compile(r"\b(?:filius|fil)\b")
_FIRST = re.compile(r"^\(([^)]*)\)(.*)$")
NAME, SPECIES_ALONE, HIGHER, STRICT = range(4)
"""What is asked: the name itself, the species of a trinomial, a genus or higher taxon, the name without any licence."""


@dataclass(frozen=True)
class Evidence:
    """One entry per pair of a question and a candidate."""

    agreement: npt.NDArray[np.int8]
    """Shape (pairs, 6): UNKNOWN, AGREE or DISAGREE for each of HINTS."""
    veto: npt.NDArray[np.bool_]
    author_says: Ints
    """1: agrees, -1: contradicts, 0: says nothing."""
    points: Ints
    """Shape (pairs, 5): points of COMPONENTS."""

    @property
    def total(self) -> Ints:
        """All points of every pair."""
        total: Ints = self.points.sum(axis=1)
        return total


COMPONENTS = ("name", "author", "classification", "rank", "status")


class Scales:
    """Weighs pairs of questions and candidates, on whole arrays."""

    def __init__(self, taxonomy: Taxonomy, questions: Questions) -> None:
        self.taxonomy, self.questions = taxonomy, questions
        self.hints = HintReader(taxonomy, questions)

    def weigh(self, question: Ints, row: npt.NDArray[np.int32], name: Ints, mode: int, level: Ints) -> Evidence:
        """Weigh pairs: `name` are the points of the name's likeness, `level` the rank that is asked for (0: none)."""
        agreement, apart = self.hints.agreement(question, row)
        classification = self._classification(agreement, apart)
        says, author = self._author(question, row, mode)
        levels = np.asarray(self.taxonomy.levels)[row].astype(np.int64)
        rank = rank_points(level, levels) * (2 if mode == HIGHER else 1)
        status = _STATUS_POINTS[self.taxonomy.status[row]] - self._viruses(row) * _VIRUS
        veto = agreement[:, 0] == DISAGREE
        if mode == STRICT:
            veto = veto | (says < 0) | (rank < 0) | apart
        return Evidence(agreement, veto, says, np.stack([name, author, classification, rank, status], axis=1))

    def _classification(self, agreement: Any, apart: Any) -> Ints:
        points = (agreement == AGREE) @ _FOR - (agreement == DISAGREE) @ _AGAINST - (agreement == UNKNOWN) @ _UNSAID
        points -= apart * (_AGAINST[0] - _UNSAID[0])
        clamped: Ints = np.clip(points, *_CLASSIFICATION)
        return clamped

    def _viruses(self, row: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Mark viruses: they bear the names of their hosts, and are rarely meant."""
        kingdom = self.taxonomy.ranks[row, 0]
        distinct = np.unique(kingdom[kingdom >= 0])
        names = self.taxonomy.names["name"].take(pa.array(distinct)).to_pylist()
        return np.isin(
            kingdom, distinct[np.array([normalise_kingdom(name) == "Viruses" for name in names], dtype=bool)]
        )

    def _author(self, question: Ints, row: npt.NDArray[np.int32], mode: int) -> tuple[Ints, Ints]:
        """Return what the authorships say, and the points for it; the author counts only where it is the name's own."""
        says, points = np.zeros(len(row), dtype=np.int64), np.zeros(len(row), dtype=np.int64)
        if mode not in (NAME, STRICT):
            return says, points
        some = np.flatnonzero(self.questions.authorship[question] != "")
        if len(some) == 0:
            return says, points
        asked = self.questions.authorship[question[some]]
        known = pc.fill_null(self.taxonomy.names["authorship"].take(pa.array(row[some])), "").to_pylist()
        said = [_compare(a, b) for a, b in zip(asked, known, strict=True)]
        letters = [_letters(a) == _letters(b) for a, b in zip(asked, known, strict=True)]
        says[some] = said
        above = np.asarray(self.taxonomy.levels)[row[some]] < rank_level("genus")
        factor = np.where(above, 2, 6)
        extra = np.where(letters, _SAME_WRITING, 0) - np.array([_NO_AUTHOR_KNOWN * (not b) for b in known])
        points[some] = np.where(says[some] > 0, 2, np.where(says[some] < 0, -6, 0)) * factor + extra
        return says, points


@lru_cache(maxsize=262_144)
def _compare(one: str, other: str) -> int:
    """Compare those who combined the name before those who first described it; names before years."""
    (a_first, a_later), (b_first, b_later) = _split(one), _split(other)
    if a_later and b_later:
        said = compare_authorship(a_later, b_later)
        if said < 0 and _YEAR.search(a_later) and _YEAR.search(b_later):
            said = compare_authorship(_YEAR.sub("", a_later), _YEAR.sub("", b_later))
        return said
    if a_first and b_first and not a_later and not b_later:
        return compare_authorship(a_first, b_first)
    return compare_authorship(one, other)


def _split(authorship: str) -> tuple[str, str]:
    """Return the author of the first description, where it stands in parentheses, and the rest."""
    found = _FIRST.match(authorship.strip())
    return (found[1].strip(), found[2].strip()) if found else ("", authorship.strip())


def _letters(authorship: str) -> str:
    """Return the letters and digits of an authorship, the son written as 'f'."""
    return "".join(filter(str.isalnum, _SON.sub("f", authorship.casefold())))


def rank_points(asked: Ints, found: Ints) -> Ints:
    """Return points for the ranks (`rank_level`; 0: none): the same is good, another number of epithets is out.

    >>> levels = [rank_level(rank) for rank in ("genus", "subspecies", "family")]
    >>> rank_points(np.array([60, 73, 60]), np.array(levels)).tolist()
    [6, 5, -35]
    """
    low, high = np.minimum(asked, found), np.maximum(asked, found)
    genus, aggregate, species = rank_level("genus"), rank_level("species aggregate"), rank_level("species")
    some_infraspecific = (low > species) & (
        (asked == rank_level("infraspecific")) | (found == rank_level("infraspecific"))
    )
    apart = (np.abs(asked - found) + 1) // 2  # neighbouring ranks of the vocabulary stand about two apart
    rules = [
        asked == 0,
        found == 0,
        asked == found,
        some_infraspecific & (high <= rank_level("subform")),
        (low == aggregate) & (high == species),
        ((low == species) | (low == aggregate)) & (high > species),
        (low < aggregate) & (high >= species),
        (low < genus) & (high >= genus),
    ]
    worth = [np.where(found == 0, -3, 0), *(np.full(len(asked), each) for each in (0, 6, 5, 2, -30, -30, -35))]
    points: Ints = np.select(rules, worth, -np.where(low < genus, (apart + 1) // 2, apart))
    points -= np.where((found >= rank_level("cultivar")) & (asked != found), 7, 0)
    return np.clip(points, -35, 6)


def confidence(points: Ints) -> Ints:
    """Return the confidence (0 to 100) that points stand for: 80 is acceptable, 90 good; 175 points are full
    confidence.

    >>> confidence(np.array([60, 80, 105, 120, 175])).tolist()
    [60, 80, 95, 99, 100]
    """
    above = 75.8 + 26.0 * (np.log10(np.maximum(points - 70.0, 1.0) * 1.5) - 1)
    scaled = np.where(points <= 80, points, np.floor(above + 0.5))
    limited: Ints = np.clip(scaled, 0, 100).astype(np.int64)
    return limited
