"""Choose among weighed candidates: the best one, what holds all equal ones, or nobody.

A candidate wins by a lead in points. Candidates of different classes need a lead of two; a better status alone never
decides between kingdoms. Equal ones are answered by the lowest taxon that holds them all, unless it holds kingdoms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.match.evidence import Evidence, confidence

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
_SINGLE = 5
"""Points for having no rival, and most points for a lead."""
_CLASS = 3
"""Kingdom, phylum and class: the ranks in which near-equal candidates must agree."""
_STATUS = 4


@dataclass(frozen=True)
class Verdict:
    """One entry per question that had candidates, in the order of questions."""

    question: Ints
    pair: Ints
    """Place of the best candidate among the pairs that were given; also where nothing was decided."""
    confidence: Ints
    size: Ints
    """Taxa that bear the name."""
    runner_up: Rows
    """Accepted taxon that came second; -1: none."""
    vetoed: npt.NDArray[np.bool_]
    """No candidate survived the hints."""
    by_status: npt.NDArray[np.bool_]
    """Only its status speaks for the best candidate."""
    by_author: npt.NDArray[np.bool_]
    by_hints: npt.NDArray[np.bool_]
    tied: dict[int, list[int]]
    """Place in this verdict -> accepted taxa between which nothing decides, the first ones first."""
    common: dict[int, int]
    """Place in this verdict -> the lowest taxon that holds them all; left out when there is none."""


def decide(taxonomy: Taxonomy, question: Ints, row: Rows, evidence: Evidence, excluded: Any) -> Verdict:
    """Decide every question that has pairs; `excluded` marks pairs that may not win."""
    target = np.asarray(taxonomy.accepted[row])
    veto = evidence.veto | excluded
    total, status = evidence.total, evidence.points[:, _STATUS]
    # Older ids are shorter ids in most sources: of synonyms that lead to one taxon, the oldest stands for all.
    length = pc.binary_length(taxonomy.names["usage_id"].take(pa.array(row))).to_numpy()
    order = np.lexsort((row, length, row != target, -total, veto, question))
    boost = _boost(question[order], total[order], veto[order])
    order = order[_first_of_pairs(question[order], target[order])]
    question, row, target, veto = question[order], row[order], target[order], veto[order]
    total, bare, author = total[order], (total - status)[order], evidence.points[order, 1]
    start = np.flatnonzero(np.r_[True, question[1:] != question[:-1]])
    size = np.diff(np.r_[start, len(question)])
    second = np.where(size > 1, start + 1, start)
    rival = (size > 1) & ~veto[second]
    first_of = np.repeat(start, size)
    upper = np.asarray(taxonomy.ranks[target, :_CLASS])
    other_class = (upper != upper[first_of]).any(axis=1)
    other_kingdom = upper[:, 0] != upper[first_of, 0]
    own = np.arange(len(question)) == first_of
    near = total[first_of] - total <= np.where(other_class, 1, 0)
    unsaid = other_kingdom & (bare >= bare[first_of]) & (author >= author[first_of])
    equal = ~own & ~veto & (near | unsaid)
    torn = np.bitwise_or.reduceat(equal, start) if len(start) else np.empty(0, dtype=bool)
    tied: dict[int, list[int]] = {}
    common: dict[int, int] = {}
    for place in np.flatnonzero(torn & ~veto[start]).tolist():
        low, high = int(start[place]), int(start[place] + size[place])
        # Whoever stands between two equals by points is as near as they are.
        last = max(j for j in range(low, high) if equal[j])
        rivals = [j for j in range(low, last + 1) if not veto[j]]
        tied[place] = [int(target[j]) for j in rivals]
        holder = taxonomy.common(tied[place])
        # A root above the kingdoms is as good as none.
        if holder >= 0 and (taxonomy.ranks[holder, 0] >= 0 or (taxonomy.ranks[tied[place], 0] < 0).all()):
            common[place] = holder
    told = rival & ~torn
    by_author = told & (author[start] > author[second]) & (bare[start] > bare[second])
    return Verdict(
        question[start],
        order[start],
        confidence(total[start] + boost),
        size,
        np.where(size > 1, target[second], -1).astype(np.int32),
        veto[start],
        told & (bare[start] <= bare[second]),
        by_author,
        ((told & (bare[start] > bare[second])) | ((size > 1) & veto[second])) & ~by_author & ~veto[start],
        tied,
        common,
    )


def _boost(question: Ints, total: Ints, veto: npt.NDArray[np.bool_]) -> Ints:
    """Return each question's points for being alone, or half its lead over the next usage, be it of the same taxon."""
    start = np.flatnonzero(np.r_[True, question[1:] != question[:-1]])
    alone = np.diff(np.r_[start, len(question)]) == 1
    second = np.where(alone, start, np.minimum(start + 1, len(question) - 1))
    lead = np.where(alone | veto[second], 2 * _SINGLE, total[start] - total[second])
    boost: Ints = np.minimum(_SINGLE, lead // 2)
    return boost


def _first_of_pairs(one: Ints, other: Rows) -> Ints:
    """Return the first place of every distinct pair, in order."""
    order = np.lexsort((np.arange(len(one)), other, one))
    new = np.ones(len(one), dtype=bool)
    new[1:] = (one[order][1:] != one[order][:-1]) | (other[order][1:] != other[order][:-1])
    return np.sort(order[new])
