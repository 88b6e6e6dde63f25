"""The ladder: canonical name, species of a trinomial, genus, then the nearest higher hint that the taxonomy holds.

Every rung asks for all its questions at once. A rung decides a question when candidates survive the hints: one taxon,
one that stands out by author or hints, one that holds all the others, or the one valid bearer of the name. Several
equal ones make it AMBIGUOUS, which no lower rung may paper over; without a survivor the next rung is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from taxonomy.evidence import VETO, HintReader, weigh
from taxonomy.kingdoms import normalise_kingdom
from taxonomy.lineage import lowest_common
from taxonomy.questions import HINTS, Questions
from taxonomy.ranks import SEVEN
from taxonomy.status import STATUSES

if TYPE_CHECKING:
    from taxonomy.lookup import Taxonomy

MATCH_TYPES = ("NONE", "EXACT", "CANONICAL", "SPECIES_OF_TRINOMIAL", "GENUS", "HIGHER_RANK", "AMBIGUOUS")
NONE, EXACT, CANONICAL, SPECIES_OF_TRINOMIAL, GENUS, HIGHER_RANK, AMBIGUOUS = range(7)
MARGIN = 5
"""Points by which a candidate must lead to be chosen."""
_BASE = {EXACT: 100, CANONICAL: 95, SPECIES_OF_TRINOMIAL: 85, GENUS: 75, HIGHER_RANK: 65}
_LISTED = 5
"""Candidates of an ambiguous name that are listed."""


class Flag(IntFlag):
    """What was odd, or decided a question; the names, in lower case, are the issue codes."""

    AUTHOR_DIFFERS = 1
    HINTS_DISAGREE = 2
    VETOED_BY_HINTS = 4
    ACCEPTED_MISSING = 8
    QUALIFIED_NAME = 16
    RANK_DIFFERS = 32
    HOLDS_ALL_CANDIDATES = 64
    DECIDED_BY_AUTHOR = 128
    DECIDED_BY_HINTS = 256
    NOT_A_TAXON_NAME = 512
    HYBRID = 1024
    ACCEPTED_OVER_SYNONYMS = 2048


@dataclass
class Answers:
    """Arrays with one entry per question."""

    match: npt.NDArray[np.int8]
    usage: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.int32]
    candidates: npt.NDArray[np.int32]
    runner_up: npt.NDArray[np.int32]
    agreement: npt.NDArray[np.int8]
    flags: npt.NDArray[np.int64]
    more: dict[int, list[str]] = field(default_factory=dict)
    """Issues that carry a value: the candidates of an ambiguous name, and what they have in common."""


def climb(taxonomy: Taxonomy, questions: Questions) -> Answers:
    """Answer all questions."""
    count = len(questions)
    answers = Answers(
        np.zeros(count, dtype=np.int8),
        np.full(count, -1, dtype=np.int32),
        np.zeros(count, dtype=np.int32),
        np.zeros(count, dtype=np.int32),
        np.full(count, -1, dtype=np.int32),
        np.zeros((count, len(HINTS)), dtype=np.int8),
        np.zeros(count, dtype=np.int64),
    )
    reader = HintReader(taxonomy, questions)
    kind, qualifier = questions.kind, questions.qualifier
    answers.flags[(kind == "placeholder") | (kind == "unparsable")] |= Flag.NOT_A_TAXON_NAME
    answers.flags[kind == "hybrid"] |= Flag.HYBRID
    informal = kind == "informal"
    answers.flags[informal] |= Flag.QUALIFIED_NAME
    named = (kind == "scientific") | (kind == "otu") | (kind == "virus")
    # 'cf.' and '?' compare with a species; 'aff.' and 'sp.' say that it is another one.
    compared = informal & ((qualifier == "cf.") | (qualifier == "?") | (qualifier == "confer."))
    hybrid = (kind == "hybrid") & (questions.canonical != questions.genus)
    rung = _Rung(taxonomy, questions, reader, answers)
    rung.step(questions.canonical, named | compared | hybrid, EXACT)
    rung.step(questions.species, questions.species != "", SPECIES_OF_TRINOMIAL)
    anchored = questions.canonical == questions.genus
    rung.step(questions.genus, ~anchored, GENUS, level=60)
    rung.step(questions.genus, anchored, GENUS)
    for slot in range(len(HINTS) - 1, 0, -1):
        hint = questions.hints[HINTS[slot]]
        rung.step(hint, hint != "", HIGHER_RANK, level=(slot + 1) * 10)
    kingdom = questions.hints["kingdom"]
    rung.step(kingdom, kingdom != "", HIGHER_RANK, level=10)
    plain = {word: normalise_kingdom(word) or "" for word in set(kingdom.tolist())}
    rung.step(np.array([plain[word] for word in kingdom], dtype=object), kingdom != "", HIGHER_RANK, level=10)
    answers.confidence[compared & (answers.match != AMBIGUOUS)] -= 20
    answers.confidence[(answers.flags & Flag.ACCEPTED_OVER_SYNONYMS) > 0] -= 10
    np.clip(answers.confidence, 0, 100, out=answers.confidence)
    answers.confidence[(answers.match == NONE) | (answers.match == AMBIGUOUS)] = 0
    return answers


@dataclass
class _Rung:
    taxonomy: Taxonomy
    questions: Questions
    reader: HintReader
    answers: Answers

    def step(self, keys: npt.NDArray[Any], asked: npt.NDArray[np.bool_], match: int, level: int = 0) -> None:
        """Ask one key of every open question; `level`: only taxa at that rank."""
        open_ = np.flatnonzero(asked & (self.answers.match == NONE) & (keys != ""))
        if len(open_) == 0:
            return
        place, row = self.taxonomy.find(keys[open_])
        question = open_[place]
        levels = np.asarray(self.taxonomy.levels)[row]
        if level:
            question, row, levels = (each[levels == level] for each in (question, row, levels))
        target = self.taxonomy.accepted[row]
        lost = target < 0
        self.answers.flags[question[lost]] |= Flag.ACCEPTED_MISSING
        question, row, levels = question[~lost], row[~lost], levels[~lost]
        if match == EXACT:
            question, row = self._at_rank(question, row, levels)
        if len(row) == 0:
            return
        self._decide(question, row, match)

    def _at_rank(self, question: Any, row: Any, levels: Any) -> tuple[Any, Any]:
        """Where a rank is stated and some candidate has it, drop those that have another."""
        stated = self.questions.level[question]
        other = (stated > 0) & (levels > 0) & (stated != levels) & ((stated < 70) | (levels < 70))
        fits = np.zeros(len(self.questions), dtype=bool)
        fits[question[~other]] = True
        self.answers.flags[question[other & ~fits[question]]] |= Flag.RANK_DIFFERS
        keep = ~(other & fits[question])
        return question[keep], row[keep]

    def _decide(self, question: npt.NDArray[np.int64], row: npt.NDArray[np.int32], match: int) -> None:
        found = weigh(self.reader, self.questions, question, row, with_author=match == EXACT)
        target = np.asarray(self.taxonomy.accepted[row])
        veto = found.against >= (VETO if match in (EXACT, SPECIES_OF_TRINOMIAL) else VETO - 20)
        order = np.lexsort((row, row != target, target, -found.points, veto, question))
        # Of several usages of one taxon only the best counts.
        first = order[_first_of_pairs(question[order], target[order])]
        question, row, target, veto = question[first], row[first], target[first], veto[first]
        points, author, against = found.points[first], found.author[first], found.against[first]
        agreement = found.agreement[first]
        start = np.flatnonzero(np.r_[True, question[1:] != question[:-1]])
        size = np.diff(np.r_[start, len(question)])
        a = self.answers
        for_all = question[start]
        a.candidates[for_all] = size
        a.flags[for_all[veto[start]]] |= Flag.VETOED_BY_HINTS
        alive = ~veto[start]
        start, size = start[alive], size[alive]
        second = np.where(size > 1, start + 1, start)
        lead = np.where((size > 1) & ~veto[second], points[start] - points[second], MARGIN)
        chosen = start.copy()
        decided = lead >= MARGIN
        for i in np.flatnonzero(~decided).tolist():
            best, end = int(start[i]), int(start[i] + size[i])
            rivals = [j for j in range(best, end) if not veto[j] and points[best] - points[j] < MARGIN]
            common = lowest_common(self.taxonomy.parent, [int(target[j]) for j in rivals])
            holder = next((j for j in rivals if int(target[j]) == common), -1)
            bearer = self._only_accepted([int(row[j]) for j in rivals])
            if holder >= 0:
                chosen[i], decided[i] = holder, True
                a.flags[question[best]] |= Flag.HOLDS_ALL_CANDIDATES
            elif bearer >= 0:
                chosen[i], decided[i] = rivals[bearer], True
                a.flags[question[best]] |= Flag.ACCEPTED_OVER_SYNONYMS
            else:
                self._ambiguous(int(question[best]), [int(target[j]) for j in rivals], common)
        self._several(question, start, second, size, points, author, veto)
        at, next_ = chosen[decided], np.where(size > 1, start + (chosen == start), -1)[decided]
        self._settle(question[at], row[at], match, author[at], against[at], agreement[at])
        runner = np.where(next_ >= 0, target[next_], -1)
        a.runner_up[question[at]] = runner

    def _several(self, question: Any, start: Any, second: Any, size: Any, points: Any, author: Any, veto: Any) -> None:
        """Say what decided between several taxa."""
        told = (size > 1) & ((points[start] - points[second] >= MARGIN) | veto[second])
        by_author = told & (author[start] > author[second]) & ~veto[second]
        self.answers.flags[question[start[by_author]]] |= Flag.DECIDED_BY_AUTHOR
        self.answers.flags[question[start[told & ~by_author]]] |= Flag.DECIDED_BY_HINTS

    def _settle(self, question: Any, row: Any, match: int, author: Any, against: Any, agreement: Any) -> None:
        a = self.answers
        target = self.taxonomy.accepted[row]
        types = np.full(len(row), match, dtype=np.int8)
        if match == EXACT:
            written = self.questions.authorship[question] != ""
            known = self.taxonomy.names["authorship"].take(row).is_valid().to_numpy(zero_copy_only=False)
            types[(written | known) & (author < 1)] = CANONICAL
            a.flags[question[author < 0]] |= Flag.AUTHOR_DIFFERS
        if match in (GENUS, HIGHER_RANK):
            at_genus = self.taxonomy.ranks[target, SEVEN.index("genus")] >= 0
            types = np.where(at_genus, GENUS, HIGHER_RANK).astype(np.int8)
        base = np.array([_BASE.get(each, 0) for each in range(len(MATCH_TYPES))])[types]
        a.match[question], a.usage[question], a.agreement[question] = types, row, agreement
        a.confidence[question] = base - against - 15 * (author < 0) + (agreement == 1).sum(axis=1)
        a.flags[question[against > 0]] |= Flag.HINTS_DISAGREE

    def _only_accepted(self, rows: list[int]) -> int:
        """Give the place of the one accepted usage among usages of one class of one kingdom, or -1.

        Inside one code of nomenclature a name has one valid bearer (principle of homonymy: ICZN article 52, ICN article
        53); what bears it as a synonym is a later homonym or a doubtful use. Across classes nothing is concluded.
        """
        homes = {tuple(self.taxonomy.ranks[row, [0, 2]].tolist()) for row in rows}
        accepted = [i for i, row in enumerate(rows) if self.taxonomy.status[row] == STATUSES.index("accepted")]
        return accepted[0] if len(homes) == 1 and min(homes.pop()) >= 0 and len(accepted) == 1 else -1

    def _ambiguous(self, question: int, targets: list[int], common: int) -> None:
        a = self.answers
        a.match[question] = AMBIGUOUS
        a.runner_up[question] = targets[1]
        ids = self.taxonomy.names["usage_id"]
        listed = [f"candidate:{ids[target].as_py()}" for target in targets[:_LISTED]]
        if common >= 0:
            listed.append(f"lowest_common_ancestor:{ids[common].as_py()}")
        a.more[question] = listed


def _first_of_pairs(one: npt.NDArray[np.int64], other: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Give the first place of every distinct pair, in order."""
    order = np.lexsort((np.arange(len(one)), other, one))
    new = np.ones(len(one), dtype=bool)
    new[1:] = (one[order][1:] != one[order][:-1]) | (other[order][1:] != other[order][:-1])
    return np.sort(order[new])
