"""The ladder: the name itself, its stem, its spelling, the species of a trinomial, the genus, the nearest higher hint.

Every rung asks for all its open questions at once, weighs all candidates (see taxonomy.match.evidence) and decides what
it can (see taxonomy.match.decide). A name that several taxa bear equally is answered by the lowest taxon that holds
them all, or by nobody: AMBIGUOUS, which no lower rung may paper over. What finds no candidate that is good enough
climbs down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from taxonomy.match import candidates as finders
from taxonomy.match.candidates import EXACTLY, NEARLY, Candidates
from taxonomy.match.decide import Verdict, decide
from taxonomy.match.evidence import COMPONENTS, HIGHER, NAME, SPECIES_ALONE, STRICT, Evidence, Scales
from taxonomy.match.hints import DISAGREE, UNKNOWN
from taxonomy.match.questions import HINTS, Questions
from taxonomy.names.kingdoms import normalise_kingdom
from taxonomy.names.ranks import SEVEN, rank_level

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy

Ints = npt.NDArray[np.int64]
MATCH_TYPES = (
    *("NONE", "EXACT", "CANONICAL", "SPECIES_OF_TRINOMIAL", "GENUS", "HIGHER_RANK", "AMBIGUOUS"),
    *("STEM", "FUZZY", "LCA", "OTU"),
)
NONE, EXACT, CANONICAL, SPECIES_OF_TRINOMIAL, GENUS, HIGHER_RANK, AMBIGUOUS, STEM, FUZZY, LCA, OTU = range(11)
_LISTED = 5
"""Candidates of an ambiguous name that are listed."""
_SHAKY = 110
"""Points below which a name that author or hints speak against competes with other spellings."""
_QUALIFIED, _BY_STATUS = 20, 10
"""What an open nomenclature, or a decision by status alone, costs in confidence."""


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
    LOW_CONFIDENCE = 4096
    ABOVE_MINIMUM_RANK = 8192
    NAME_NOT_IN_TAXONOMY = 16384
    GENUS_NOT_IN_TAXONOMY = 32768


@dataclass
class Answers:
    """Arrays with one entry per question."""

    match: npt.NDArray[np.int8]
    usage: npt.NDArray[np.int32]
    confidence: Ints
    candidates: Ints
    runner_up: npt.NDArray[np.int32]
    agreement: npt.NDArray[np.int8]
    flags: Ints
    edits: Ints
    points: Ints
    """Shape (questions, 5): points of COMPONENTS for the answer; zeros where there is none."""
    more: dict[int, list[str]] = field(default_factory=dict)
    """Issues that carry a value: the candidates of an ambiguous name, and what they have in common."""


Trace = list[tuple[int, npt.NDArray[np.int32], Evidence, npt.NDArray[np.bool_]]]
"""What was weighed, in order: the match type that was tried, usage rows, evidence, and which of them were out."""


def climb(taxonomy: Taxonomy, questions: Questions, trace: Trace | None = None) -> Answers:
    """Answer all questions under the taxonomy's policy; what is weighed is added to `trace`."""
    count = len(questions)
    answers = Answers(
        np.zeros(count, dtype=np.int8),
        np.full(count, -1, dtype=np.int32),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.full(count, -1, dtype=np.int32),
        np.zeros((count, len(HINTS)), dtype=np.int8),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros((count, len(COMPONENTS)), dtype=np.int64),
    )
    kind, qualifier, policy = questions.kind, questions.qualifier, taxonomy.policy
    answers.flags[(kind == "placeholder") | (kind == "unparsable")] |= Flag.NOT_A_TAXON_NAME
    answers.flags[kind == "hybrid"] |= Flag.HYBRID
    informal = kind == "informal"
    answers.flags[informal] |= Flag.QUALIFIED_NAME
    label = (kind == "otu") | (kind == "virus") | (kind == "unparsable")
    named = (kind == "scientific") | label
    # 'cf.' and '?' compare with a species; 'aff.' and 'sp.' say that it is another one.
    compared = informal & ((qualifier == "cf.") | (qualifier == "?") | (qualifier == "confer."))
    if policy.qualifiers == "genus":
        compared[:] = False
    hybrid = (kind == "hybrid") & (questions.canonical != questions.genus)
    ladder = Ladder(taxonomy, questions, Scales(taxonomy, questions), answers, trace)
    by_id = questions.taxon_id != ""
    ladder.usage(by_id)
    named, hybrid = (named | compared) & ~by_id, hybrid & ~by_id
    ladder.name(questions.canonical, named | hybrid, label)
    if not policy.strict:
        ladder.species(questions.species, ~by_id & (questions.species != ""))
        anchored = questions.canonical == questions.genus
        ladder.higher(questions.genus, ~anchored & ~label & ~by_id, 0)
        ladder.higher(questions.genus, anchored & ~label & ~by_id, 0)
        _climb_hints(ladder, questions)
    answers.confidence[compared & (answers.match != AMBIGUOUS)] -= _QUALIFIED
    answers.confidence[(answers.flags & Flag.ACCEPTED_OVER_SYNONYMS) > 0] -= _BY_STATUS
    np.clip(answers.confidence, 0, 100, out=answers.confidence)
    ladder.keep_below_minimum()
    answers.confidence[(answers.match == NONE) | (answers.match == AMBIGUOUS)] = 0
    return answers


def _climb_hints(ladder: Ladder, questions: Questions) -> None:
    named = questions.taxon_id == ""
    for slot in range(len(HINTS) - 1, 0, -1):
        hint = questions.hints[HINTS[slot]]
        # Where the name has a genus of its own, that one was asked for, and another one is no answer.
        asked = named & (hint != "") & ((slot < HINTS.index("genus")) | (questions.genus == ""))
        ladder.higher(hint, asked, (slot + 1) * 10)
    kingdom = questions.hints["kingdom"]
    ladder.higher(kingdom, named & (kingdom != ""), rank_level("kingdom"))
    plain = {word: normalise_kingdom(word) or "" for word in set(kingdom.tolist())}
    ladder.higher(
        np.array([plain[word] for word in kingdom], dtype=object), named & (kingdom != ""), rank_level("kingdom")
    )


@dataclass
class Ladder:
    """The rungs; each answers what it can of the questions that are still open."""

    taxonomy: Taxonomy
    questions: Questions
    scales: Scales
    answers: Answers
    trace: Trace | None = None

    def usage(self, asked: npt.NDArray[np.bool_]) -> None:
        """Return the usages whose ids are stated; an id that this taxonomy does not hold stays without an answer."""
        for question in np.flatnonzero(asked).tolist():
            row = self.taxonomy.row(self.questions.taxon_id[question])
            if row >= 0 and self.taxonomy.accepted[row] >= 0:
                self.answers.match[question], self.answers.usage[question] = EXACT, row
                self.answers.confidence[question] = 100

    def name(self, names: npt.NDArray[Any], asked: npt.NDArray[np.bool_], label: npt.NDArray[np.bool_]) -> None:
        """Ask for the name itself, then for other endings, then for other spellings."""
        policy = self.taxonomy.policy
        open_ = self._open(names, asked)
        borne = finders.exact(self.taxonomy, open_, names[open_], label[open_])
        found = self._usable(borne)
        labelled = open_[label[open_] & ~np.isin(open_, found.question)]
        alike = finders.labels(self.taxonomy, labelled, names[labelled])
        found = found + self._usable(alike)
        mode = STRICT if policy.strict else NAME
        self._answer(found, mode, self.questions.level, EXACT, shaky=not policy.strict)
        if not policy.strict:
            self._spellings(found, names, asked & ~label, self.questions.level, mode, EXACT)
        self._note_missing(open_, borne + alike, Flag.NAME_NOT_IN_TAXONOMY)

    def species(self, names: npt.NDArray[Any], asked: npt.NDArray[np.bool_]) -> None:
        """Ask for the species of trinomials, whose author is not that of the trinomial."""
        open_ = self._open(names, asked)
        level = np.full(len(self.questions), rank_level("species"), dtype=np.int64)
        found = self._usable(finders.exact(self.taxonomy, open_, names[open_], np.zeros(len(open_), dtype=bool)))
        self._answer(found, SPECIES_ALONE, level, SPECIES_OF_TRINOMIAL)
        self._spellings(found, names, asked, level, SPECIES_ALONE, SPECIES_OF_TRINOMIAL)

    def higher(self, names: npt.NDArray[Any], asked: npt.NDArray[np.bool_], level: int) -> None:
        """Ask for a genus (level 0: whatever bears that name) or for the taxon that a hint names."""
        open_ = self._open(names, asked)
        borne = finders.exact(self.taxonomy, open_, names[open_], np.zeros(len(open_), dtype=bool))
        found = self._usable(borne)
        if level == 0:
            # Of a name that is that of a genus, asked before as itself, it has been said.
            said = (self.answers.flags[open_] & Flag.NAME_NOT_IN_TAXONOMY) > 0
            said &= names[open_] == self.questions.canonical[open_]
            self._note_missing(open_[~said], borne, Flag.GENUS_NOT_IN_TAXONOMY)
        if level:
            found = found.of(found.question[np.asarray(self.taxonomy.levels)[found.row] == level])
        self._answer(found, HIGHER, np.full(len(self.questions), level, dtype=np.int64), HIGHER_RANK)

    def keep_below_minimum(self) -> None:
        """Take back answers that stand above the policy's minimum rank."""
        a, slot = self.answers, SEVEN.index(self.taxonomy.policy.minimum_rank)
        given = np.flatnonzero(a.usage >= 0)
        target = self.taxonomy.accepted[a.usage[given]]
        high = given[self.taxonomy.ranks[target, slot] < 0] if slot else given[:0]
        a.flags[high] |= Flag.ABOVE_MINIMUM_RANK
        a.runner_up[high] = self.taxonomy.accepted[a.usage[high]]
        a.match[high], a.usage[high], a.points[high], a.agreement[high] = NONE, -1, 0, 0

    def _note_missing(self, asked: Ints, borne: Candidates, flag: Flag) -> None:
        """Flag the questions that are still open and whose name nothing in the taxonomy bears."""
        missing = asked[(self.answers.match[asked] == NONE) & ~np.isin(asked, borne.question)]
        self.answers.flags[missing] |= flag

    def _open(self, names: npt.NDArray[Any], asked: npt.NDArray[np.bool_]) -> Ints:
        return np.flatnonzero(asked & (self.answers.match == NONE) & (names != ""))

    def _usable(self, found: Candidates) -> Candidates:
        """Leave out synonyms that lead nowhere, and species where an aggregate is asked for."""
        lost = np.asarray(self.taxonomy.accepted[found.row]) < 0
        self.answers.flags[found.question[lost]] |= Flag.ACCEPTED_MISSING
        aggregate = rank_level("species aggregate")
        part = (self.questions.level[found.question] == aggregate) & (
            np.asarray(self.taxonomy.levels)[found.row] > aggregate
        )
        keep = ~lost & ~part
        return found.pick(keep)

    def _spellings(self, found: Candidates, names: Any, asked: Any, level: Ints, mode: int, match: int) -> None:
        open_ = self._open(names, asked)
        found = found.of(open_) + self._usable(finders.by_stem(self.taxonomy, open_, names[open_]))
        self._answer(found, mode, level, match, shaky=True)
        if not self.taxonomy.policy.fuzzy:
            self._answer(found.of(self._open(names, asked)), mode, level, match)
            return
        open_ = self._open(names, asked)
        found = found.of(open_) + self._usable(finders.near(self.taxonomy, open_, names[open_]))
        self._answer(found, mode, level, match)

    def _answer(self, found: Candidates, mode: int, level: Ints, match: int, shaky: bool = False) -> None:
        """Weigh and decide; with `shaky`, what evidence speaks against is left to the rungs of other spellings."""
        if len(found.row) == 0:
            return
        evidence = self.scales.weigh(found.question, found.row, found.points, mode, level[found.question])
        excluded = self._excluded(found.row) | self._strayed(found, evidence)
        if self.trace is not None:
            self.trace.append((match, found.row, evidence, evidence.veto | excluded))
        verdict = decide(self.taxonomy, found.question, found.row, evidence, excluded)
        a, policy = self.answers, self.taxonomy.policy
        least = policy.minimum_higher_confidence if mode == HIGHER else policy.minimum_confidence
        best = verdict.pair
        good = ~verdict.vetoed & (verdict.confidence >= least)
        if shaky:
            against = (evidence.points[best, 1] < 0) | (evidence.points[best, 2] < -2)
            good &= ~((evidence.total[best] < _SHAKY) & against & (found.points[best] < finders.SURE))
        a.candidates[verdict.question] = verdict.size
        a.flags[verdict.question[verdict.vetoed]] |= Flag.VETOED_BY_HINTS
        if not shaky:
            weak = verdict.question[~good & ~verdict.vetoed]
            a.flags[weak] |= Flag.LOW_CONFIDENCE
            a.runner_up[weak] = self.taxonomy.accepted[found.row[best[~good & ~verdict.vetoed]]]
        usage = found.row[best].copy()
        types = self._types(found, evidence, best, match)
        for place, targets in verdict.tied.items():
            if good[place]:
                self._tie(int(verdict.question[place]), place, targets, verdict, usage, types, found.kind[best[place]])
        good &= types != NONE
        answered = good & (types != AMBIGUOUS)
        a.match[verdict.question[good]] = types[good]
        a.runner_up[verdict.question[good]] = verdict.runner_up[good]
        self._write(verdict, answered, usage, types, found, evidence)

    def _write(
        self, verdict: Verdict, good: Any, usage: Any, types: Any, found: Candidates, evidence: Evidence
    ) -> None:
        a, question, best = self.answers, verdict.question[good], verdict.pair[good]
        held = types[good] == LCA
        a.usage[question], a.confidence[question] = usage[good], verdict.confidence[good]
        a.points[question], a.agreement[question] = evidence.points[best], evidence.agreement[best]
        # What was stated agrees with the lowest common taxon only as far as that one reaches.
        reach = self.taxonomy.ranks[usage[good], : len(HINTS)] >= 0
        a.agreement[question] = np.where(held[:, None] & ~reach, UNKNOWN, a.agreement[question])
        a.edits[question] = found.edits[best]
        flags = a.flags[question] & ~int(Flag.LOW_CONFIDENCE)
        for where, flag in (
            (verdict.by_status[good], Flag.ACCEPTED_OVER_SYNONYMS),
            (verdict.by_author[good], Flag.DECIDED_BY_AUTHOR),
            (verdict.by_hints[good], Flag.DECIDED_BY_HINTS),
            (evidence.author_says[best] < 0, Flag.AUTHOR_DIFFERS),
            (
                ((evidence.agreement[best] == DISAGREE).any(axis=1)) | (evidence.points[best, 2] <= -10),
                Flag.HINTS_DISAGREE,
            ),
            (evidence.points[best, 3] < 0, Flag.RANK_DIFFERS),
        ):
            flags |= np.where(where, int(flag), 0)
        a.flags[question] = flags

    def _types(self, found: Candidates, evidence: Evidence, best: Ints, match: int) -> npt.NDArray[np.int8]:
        """Return the match type of every best candidate."""
        row, question = found.row[best], found.question[best]
        types = np.full(len(best), match, dtype=np.int8)
        if match == EXACT:
            written = self.questions.authorship[question] != ""
            known = self.taxonomy.names["authorship"].take(row).is_valid().to_numpy(zero_copy_only=False)
            types[(written | known) & (evidence.author_says[best] < 1)] = CANONICAL
            kind = self.questions.kind[question]
            types[(kind == "otu") | (kind == "unparsable")] = OTU
            types[found.kind[best] != EXACTLY] = STEM
            types[found.kind[best] == NEARLY] = FUZZY
        if match == HIGHER_RANK:
            target = self.taxonomy.accepted[row]
            types[self.taxonomy.ranks[target, SEVEN.index("genus")] >= 0] = GENUS
        return types

    def _tie(
        self, question: int, place: int, targets: list[int], verdict: Verdict, usage: Any, types: Any, kind: int
    ) -> None:
        """Answer a tie by what holds all of them; else nobody answers, and a mere likeness is not even ambiguous."""
        common = verdict.common.get(place, -1)
        if common in targets:
            usage[place] = common if targets[0] != common else usage[place]
            self.answers.flags[question] |= Flag.HOLDS_ALL_CANDIDATES
            return
        if common < 0 and kind != EXACTLY:
            types[place] = NONE
            return
        types[place] = AMBIGUOUS if common < 0 else LCA
        usage[place] = common
        ids = self.taxonomy.names["usage_id"]
        listed = [f"candidate:{ids[target].as_py()}" for target in targets[:_LISTED]]
        if common >= 0:
            listed.append(f"lowest_common_ancestor:{ids[common].as_py()}")
        self.answers.more[question] = listed

    def _excluded(self, row: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Mark candidates that the policy excludes, or that stand below what it excludes."""
        t = self.taxonomy
        out = np.zeros(len(row), dtype=bool)
        target = t.accepted[row]
        for usage_id in t.policy.exclude:
            holder = t.row(usage_id)
            if holder >= 0:
                out |= (row == holder) | ((t.first[target] >= t.first[holder]) & (t.last[target] <= t.last[holder]))
        return out

    def _strayed(self, found: Candidates, evidence: Evidence) -> npt.NDArray[np.bool_]:
        """Mark other spellings in another genus and another family than stated, where the name's own genus is known."""
        out = np.zeros(len(found.row), dtype=bool)
        near = np.flatnonzero(found.kind == NEARLY)
        if len(near) == 0:
            return out
        own = self.questions.genus[found.question[near]]
        names = self.taxonomy.names["name"].take(found.row[near]).to_pylist()
        moved = np.array(
            [bool(g) and not name.startswith(g + " ") for g, name in zip(own, names, strict=True)], dtype=bool
        )
        said = evidence.agreement[near][:, 4::-1]
        nearest = said[np.arange(len(near)), (said != UNKNOWN).argmax(axis=1)]
        known = np.zeros(len(near), dtype=bool)
        known[self.taxonomy.find(own)[0]] = True
        out[near] = moved & (nearest == DISAGREE) & known
        return out
