"""What may become of a record, and what is decided before any two images are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR, Leak
from pipeline.likeness.verification import Int
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
RANK_IDS = tuple(f"{rank}_id" for rank in RANK_COLUMNS)


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


def first_decisions(records: pa.Table, leaks: Mapping[int, Leak], rules: DecisionRules) -> list[Decision | None]:
    """Return the decisions of records that leak or say too little; None for those that likeness decides.

    >>> table = pa.table({"quality": [90, 3]})
    >>> [decision and decision.outcome.code for decision in first_decisions(table, {}, DecisionRules())]
    [None, 'low_information']
    """
    decisions: list[Decision | None] = [None] * records.num_rows
    for index, leak in sorted(leaks.items()):
        if leak.rule != DOUBTFUL or rules.doubtful_leaks:
            decisions[index] = _leaked(leak, rules)
    for index, quality in enumerate(records.column("quality").to_pylist()):
        if decisions[index] is None and rules.uninformative and quality < rules.minimum_quality:
            proof = evidence(rule="pdq quality", quality=quality, minimum=rules.minimum_quality)
            decisions[index] = Decision(rules.uninformative, proof, None)
    return decisions


def open_nodes(records: pa.Table, node: Int, decisions: list[Decision | None]) -> tuple[npt.NDArray[np.bool_], Int]:
    """Return which nodes likeness has to decide, bool[m], and give each one's label, int64[m].

    Nodes have equal labels when all their open records are of one accepted taxon, the same one; a node whose records
    name several taxa has a label of its own.

    >>> table = pa.table({"accepted_id": ["a", "a", "b", "a"]})
    >>> alive, label = open_nodes(table, np.array([0, 1, 1, 2]), [None] * 4)
    >>> alive.tolist(), label.tolist()
    ([True, True, True], [0, -2, 0])
    """
    count = int(node.max()) + 1 if len(node) else 0
    alive, label = np.zeros(count, np.bool_), np.zeros(count, np.int64)
    codes: dict[str | None, int] = {}
    for index, taxon in enumerate(records.column("accepted_id").to_pylist()):
        if decisions[index] is not None:
            continue
        place, code = int(node[index]), codes.setdefault(taxon, len(codes))
        label[place] = code if not alive[place] or label[place] == code else -1 - place
        alive[place] = True
    return alive, label


def _leaked(leak: Leak, rules: DecisionRules) -> Decision:
    outcome = _LEAK_OUTCOMES[leak.rule]
    both = (
        {"phash_distance": leak.phash_distance}
        | {"leak_pair_phash": rules.leak_pair_phash, "leak_pair_pdq": rules.leak_pair_pdq}
        if leak.phash_distance >= 0
        else {}
    )
    proof = evidence(
        rule=leak.rule, benchmark=leak.benchmark, item=leak.item, distance=leak.distance, variant=leak.variant, **both
    )
    return Decision(outcome, proof, None, f"{leak.benchmark}/{leak.item}")
