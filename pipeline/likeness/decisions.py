"""What may become of a record, what is decided before any two images are compared, and how it is told.

Decisions are held as arrays, some ten bytes a record; a `Decision`, with its evidence as text, is made of them where
one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR, Leak
from pipeline.likeness.record_leaks import RecordLeaks
from pipeline.likeness.records.candidates import Candidates, Rows, row_type
from pipeline.likeness.verification import UNKNOWN_RESIDUAL, Floats, Int
from pipeline.model.evidence_text import evidence
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS

_LEAK_OUTCOMES = {
    "bytes": Outcome.LEAK_BYTES,
    "pixels": Outcome.LEAK_BYTES,
    "hamming": Outcome.LEAK_HAMMING,
    "phash": Outcome.LEAK_HAMMING,
    LEAK_PAIR: Outcome.LEAK_HAMMING,
    "occurrence": Outcome.LEAK_OCCURRENCE,
    DOUBTFUL: Outcome.LEAK_UNKNOWN,
}
OUTCOMES: tuple[Outcome | None, ...] = (
    None,
    *(Outcome.LEAK_BYTES, Outcome.LEAK_HAMMING, Outcome.LEAK_OCCURRENCE, Outcome.LEAK_UNKNOWN),
    *(Outcome.LOW_INFORMATION, Outcome.LABEL_CONFLICT, Outcome.EXACT_DUPLICATE, Outcome.NEAR_DUPLICATE),
)
"""What may become of a record here, by its code; None: it stays, or is not decided yet."""
OPEN = 0
CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
# Why a record was decided so.
NOTHING, LEAKS, SAYS_LITTLE, LABELS, BEHIND, PIXELS, HAMMING, SHARED = range(8)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one record."""

    outcome: Outcome | None
    evidence: str
    other: int | None
    """Index of the other record; None when the other is a held-out item, or there is none."""
    other_item: str | None = None
    lowered: int | None = None
    """Place in RANK_COLUMNS of the shared taxon that the record is labelled with from now on."""


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """What the recipe says about images that evidence alone does not decide."""

    minimum_quality: int = 50
    uninformative: Outcome | None = Outcome.LOW_INFORMATION
    """Outcome of images whose hash says too little; None: they stay."""
    doubtful_leaks: bool = True
    """Whether images near a held-out one whose own hash says too little go as leak_unknown."""
    lower: bool = False
    """Whether conflicts bear the lowest taxon they share, instead of going."""
    lowest_allowed: int = 0
    """Place in RANK_COLUMNS of the highest rank that a lowered label may have."""
    leak_pair_phash: int = -1
    leak_pair_pdq: int = -1
    """Distances within which both hashes of a `leak_pair` lie: what its evidence names."""


@dataclass(frozen=True, slots=True)
class Decisions(Sequence[Decision]):
    """The decisions of n records, as arrays, and as a sequence of `Decision`.

    `outcome`: uint8, place in OUTCOMES. `why`: uint8, the reason. `other`: the other record, -1: none. `lowered`: int8,
    place in RANK_COLUMNS, -1: none. `proof`: of what was compared, the place in `distance` and `residual`; -1: the
    picture itself, which lies 0 bits apart.
    """

    outcome: npt.NDArray[np.uint8]
    why: npt.NDArray[np.uint8]
    other: Rows
    lowered: npt.NDArray[np.int8]
    proof: Rows
    candidates: Candidates
    leaks: RecordLeaks
    rules: DecisionRules
    distance: Int = field(default_factory=lambda: np.empty(0, np.int64))
    residual: Floats = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.outcome)

    @overload
    def __getitem__(self, at: int) -> Decision: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Decision]: ...
    def __getitem__(self, at: int | slice) -> Decision | Sequence[Decision]:
        """Return one decision, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = range(len(self))[at]
        leaking = int(self.leaks.places(np.array([place]))[0]) if self.why[place] == LEAKS else -1
        other, lowered = int(self.other[place]), int(self.lowered[place])
        return Decision(
            OUTCOMES[self.outcome[place]],
            self.told(place),
            other if other >= 0 else None,
            self.leaks.name(leaking) if leaking >= 0 else None,
            lowered if lowered >= 0 else None,
        )

    def __iter__(self) -> Iterator[Decision]:
        return (self[place] for place in range(len(self)))

    @property
    def nbytes(self) -> int:
        """Bytes that the decisions take, beside the candidates'."""
        parts = (self.outcome, self.why, self.other, self.lowered, self.proof, self.distance, self.residual)
        return sum(part.nbytes for part in parts)

    def told(self, place: int) -> str:
        """Return the evidence of one decision as text; empty where there is nothing to say."""
        why = self.why[place]
        if why == NOTHING:
            return ""
        if why == LEAKS:
            return _leaked(self.leaks[place], self.rules)
        if why == SAYS_LITTLE:
            quality = int(self.candidates.quality[place])
            return evidence(rule="pdq quality", quality=quality, minimum=self.rules.minimum_quality)
        if why == SHARED:
            return evidence(rule="lowest shared taxon", rank=RANK_COLUMNS[self.lowered[place]])
        if why == LABELS:
            label = self.candidates.label
            taxa = {self.candidates.lineages.taxon(int(label[each])) for each in (place, int(self.other[place]))}
            return evidence(rule="alike, labelled differently", taxa=sorted(taxa, key=str))
        proof = int(self.proof[place])
        distance = int(self.distance[proof]) if proof >= 0 else 0
        if why == BEHIND:
            return evidence(rule="alike to a label conflict", distance=distance)
        residual = float(self.residual[proof]) if proof >= 0 else UNKNOWN_RESIDUAL
        known = {} if residual == UNKNOWN_RESIDUAL else {"residual": residual}
        return evidence(rule="pixels" if why == PIXELS else "hamming", distance=distance, **known)


def first_decisions(
    records: pa.Table | Candidates, leaks: Mapping[int, Leak] | RecordLeaks, rules: DecisionRules
) -> Decisions:
    """Return the decisions of records that leak or say too little; the outcome of all others is OPEN.

    >>> from pipeline.likeness.records.lineages import LABEL_COLUMNS
    >>> table = pa.table({"quality": [90, 3]} | {name: ["x", "y"] for name in ("pixel_sha256", "media_id")}
    ...                  | {"box": [False] * 2} | {name: ["t"] * 2 for name in LABEL_COLUMNS})
    >>> [decision.outcome and decision.outcome.code for decision in first_decisions(table, {}, DecisionRules())]
    [None, 'low_information']
    """
    candidates, told = Candidates.of(records), RecordLeaks.of(leaks)
    count = len(candidates)
    outcome, why = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
    if rules.uninformative is not None:
        little = candidates.quality < rules.minimum_quality
        outcome[little], why[little] = CODES[rules.uninformative], SAYS_LITTLE
    for rule, ends_as in _LEAK_OUTCOMES.items():
        if rule != DOUBTFUL or rules.doubtful_leaks:
            some = told.record[told.of_rule(rule)]
            outcome[some], why[some] = CODES[ends_as], LEAKS
    kind = row_type(count)
    nobody = np.full(count, -1, kind)
    return Decisions(outcome, why, nobody, np.full(count, -1, np.int8), nobody.copy(), candidates, told, rules)


def open_nodes(
    candidates: Candidates, node: Rows, is_open: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], Rows]:
    """Return which nodes likeness has to decide, bool[m], and give each one's label, int[m].

    Nodes have equal labels when all their open records are of one accepted taxon, the same one; a node whose records
    name several taxa has a label of its own, below 0.
    """
    count = int(node.max()) + 1 if len(node) else 0
    alive, label = np.zeros(count, np.bool_), np.zeros(count, row_type(len(node)))
    taxon = candidates.lineages.ids[:, 0].copy()
    taxon[taxon < 0] = len(candidates.lineages.taxa)
    rows = np.flatnonzero(is_open)[::-1]
    places, said = node[rows], taxon[candidates.label[rows]]
    alive[places], label[places] = True, said
    several = places[said != label[places]]
    label[several] = -1 - several
    return alive, label


def _leaked(leak: Leak, rules: DecisionRules) -> str:
    both = (
        {"phash_distance": leak.phash_distance}
        | {"leak_pair_phash": rules.leak_pair_phash, "leak_pair_pdq": rules.leak_pair_pdq}
        if leak.phash_distance >= 0
        else {}
    )
    return evidence(
        rule=leak.rule, benchmark=leak.benchmark, item=leak.item, distance=leak.distance, variant=leak.variant, **both
    )
