"""Weigh candidates: what author, rank and classification hints say for and against each of them.

Points follow the weights of GBIF's matching service (gbif/matching-ws): a family tells more than a class, a class more
than a kingdom. A kingdom that differs is a veto, and so are several ranks that disagree at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from taxonomy.authors import compare_authorship
from taxonomy.kingdoms import kingdoms_differ, normalise_kingdom
from taxonomy.questions import HINTS, Questions

if TYPE_CHECKING:
    from taxonomy.lookup import Taxonomy

UNKNOWN, AGREE, DISAGREE = 0, 1, 2
"""What one hint says about one candidate."""
_FOR = np.array([5, 10, 15, 15, 25, 5], dtype=np.int64)
"""Points for agreement at kingdom ... genus."""
_AGAINST = np.array([100, 20, 15, 15, 20, 5], dtype=np.int64)
"""Points against a candidate for disagreement at kingdom ... genus; also what they cost in confidence."""
AUTHOR = 20
"""Points for, or against, an authorship that agrees or contradicts."""
VETO = 50
"""Points against, from hints alone, from which on a candidate is out."""


@dataclass(frozen=True)
class Evidence:
    """One entry per pair of a question and a candidate."""

    agreement: npt.NDArray[np.int8]
    """Shape (pairs, 6): UNKNOWN, AGREE or DISAGREE for each of HINTS."""
    author: npt.NDArray[np.int64]
    """1: agrees, -1: contradicts, 0: says nothing."""
    points: npt.NDArray[np.int64]
    against: npt.NDArray[np.int64]
    """Points against from hints alone."""


class HintReader:
    """Compares the hints of questions with the lineages of candidates, on whole arrays."""

    def __init__(self, taxonomy: Taxonomy, questions: Questions) -> None:
        self.taxonomy = taxonomy
        self.codes: list[npt.NDArray[np.int64]] = []
        self.words: list[list[str]] = []
        self.rows: list[npt.NDArray[np.int32]] = []
        for slot, hint in enumerate(HINTS):
            encoded = pa.array(questions.hints[hint], pa.string()).dictionary_encode()
            words = encoded.dictionary.to_pylist()
            self.words.append(words)
            self.codes.append(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64))
            self.rows.append(self._taxa(np.array(words, dtype=object), slot))

    def _taxa(self, words: npt.NDArray[Any], slot: int) -> npt.NDArray[np.int32]:
        """Give the accepted taxa of that rank which each word names (directly or as a synonym), padded with -2."""
        place, row = self.taxonomy.find(words)
        named = (np.asarray(self.taxonomy.levels)[row] == (slot + 1) * 10) & (self.taxonomy.accepted[row] >= 0)
        place, row = place[named], self.taxonomy.ranks[row[named], slot]
        width = int(np.bincount(place, minlength=1).max()) if len(place) else 1
        taxa = np.full((len(words), max(1, width)), -2, dtype=np.int32)
        nth = np.arange(len(place)) - np.searchsorted(place, place, side="left")
        taxa[place, nth] = np.where(row >= 0, row, -2)
        return taxa

    def agreement(self, question: npt.NDArray[np.int64], row: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
        """Say for every pair and hint whether they agree."""
        result = np.zeros((len(row), len(HINTS)), dtype=np.int8)
        lineage = np.asarray(self.taxonomy.ranks[row])
        for slot in range(len(HINTS)):
            code = self.codes[slot][question]
            stated = np.array([word != "" for word in self.words[slot]], dtype=bool)[code]
            both = stated & (lineage[:, slot] >= 0)
            if slot == 0:
                result[both, 0] = self._kingdoms(code[both], lineage[both, 0])
                continue
            same = (self.rows[slot][code] == lineage[:, slot : slot + 1]).any(axis=1)
            result[both, slot] = np.where(same[both], AGREE, DISAGREE)
        # The genus that is stated may be the genus of the name itself, from before it was moved.
        moved = result[:, 5] == DISAGREE
        if moved.any():
            names = self.taxonomy.names["name"].take(pa.array(row[moved])).to_pylist()
            own = [self.words[5][code] for code in self.codes[5][question[moved]].tolist()]
            kept = [name.split(" ")[0] == genus for name, genus in zip(names, own, strict=True)]
            result[np.flatnonzero(moved)[np.array(kept, dtype=bool)], 5] = AGREE
        return result

    def _kingdoms(self, code: npt.NDArray[np.int64], row: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
        if len(code) == 0:
            return np.zeros(0, dtype=np.int8)
        pairs, back = np.unique(np.stack([code, row.astype(np.int64)]), axis=1, return_inverse=True)
        names = self.taxonomy.names["name"].take(pa.array(pairs[1])).to_pylist()
        said = [_kingdom(self.words[0][int(a)], b) for a, b in zip(pairs[0].tolist(), names, strict=True)]
        return np.array(said, dtype=np.int8)[back.reshape(-1)]


def _kingdom(hint: str, name: str) -> int:
    if hint == name or (normalise_kingdom(hint) or hint) == (normalise_kingdom(name) or name):
        return AGREE
    return DISAGREE if kingdoms_differ(hint, name) else UNKNOWN


def weigh(
    reader: HintReader,
    questions: Questions,
    question: npt.NDArray[np.int64],
    row: npt.NDArray[np.int32],
    with_author: bool,
) -> Evidence:
    """Weigh every pair of a question and a candidate usage; the author counts only where it is the name's own."""
    agreement = reader.agreement(question, row)
    against = ((agreement == DISAGREE) * _AGAINST).sum(axis=1)
    author = np.zeros(len(row), dtype=np.int64)
    if with_author:
        asked = questions.authorship[question]
        some = np.flatnonzero(asked != "")
        known = reader.taxonomy.names["authorship"].take(pa.array(row[some])).to_pylist()
        author[some] = [compare_authorship(a, b or "") for a, b in zip(asked[some], known, strict=True)]
    points = ((agreement == AGREE) * _FOR).sum(axis=1) - against + AUTHOR * author
    return Evidence(agreement, author, points, against)
