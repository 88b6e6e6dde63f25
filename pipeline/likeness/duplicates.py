"""Who stays when images are alike: a pure function from records and pairs to one decision per record.

Records come in order of preference, best first. Records of one hash form a node; near pairs join nodes. In order:

1.  what leaks a held-out image goes, by bytes, pixels, Hamming distance or occurrence;
2.  what carries too little information to be told apart goes, or stays where the recipe says so;
3.  nodes that are alike but labelled with incompatible taxa are conflicts: all of them go, or all bear the lowest taxon
    that they share from then on; neither label is silently preferred;
4.  of the rest a dominating set stays: walking nodes by preference, a node stays unless it is within the duplicate
    distance of one that already stays. So every dropped record names a kept one it is alike to, and no two kept
    records are alike. (Connected components would chain whole species into one.)

A record that is alone with its picture costs some 50 bytes and no step of its own; what work there is goes to pictures
of several records and to ends of edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import components, dominating_set
from pipeline.likeness.conflicts import Conflicts, contradicting, find_conflicts, shared_ranks
from pipeline.likeness.decisions import (
    BEHIND,
    CODES,
    HAMMING,
    LABELS,
    OPEN,
    PIXELS,
    SHARED,
    DecisionRules,
    Decisions,
    first_decisions,
)
from pipeline.likeness.dense import Folds
from pipeline.likeness.edges import Edges, joined
from pipeline.likeness.leak_rules import Leak
from pipeline.likeness.records.candidates import Candidates, Rows, row_type
from pipeline.likeness.records.group_members import Members
from pipeline.likeness.verification import Floats, Int
from pipeline.model.outcomes import Outcome

_CONFLICT, _EXACT, _NEAR = (
    CODES[outcome] for outcome in (Outcome.LABEL_CONFLICT, Outcome.EXACT_DUPLICATE, Outcome.NEAR_DUPLICATE)
)


def decide_duplicates(
    records: pa.Table | Candidates,
    node: Rows,
    edges: Edges,
    leaks: Mapping[int, Leak],
    rules: DecisionRules,
    folds: Folds | None = None,
) -> tuple[Decisions, Rows]:
    """Return the decision of every record, and its cluster (index of the cluster's first record).

    `records` (in order of preference): `Candidates`, or a table of what `Candidates.of` needs; `node[i]` is the node of
    record i that `edges` speak of: records of one node are one picture. `folds`: nodes that take part in no edge,
    because they stand behind another one of their dense group (`pipeline.likeness.dense`). Memory, at once: some 65
    bytes a record, and some 100 an edge.
    """
    said = first_decisions(records, leaks, rules)
    members = Members.of(node, said.outcome == OPEN)
    fallen = joined([]) if folds is None else folds.edges
    alive = members.alive
    alive[fallen.right] = False
    edges = edges.at(alive[edges.left] & alive[edges.right])

    found = find_conflicts(members, alive, said.candidates, edges.left, edges.right)
    lowered = shared_ranks(members, said.candidates, found, rules)
    work = _Deciding(said, members, found, (found.against >= 0) & (lowered < 0))
    work.conflicts()
    clean = found.usable & ~work.conflict[edges.left] & ~work.conflict[edges.right]
    stays = work.dominate(edges, clean, alive & ~work.conflict, lowered)
    usable = edges.at(found.usable)
    linked = [(usable.left, usable.right)]
    del edges, usable
    if len(fallen):
        linked.append((fallen.left, fallen.right))
    if folds is not None and len(fallen):
        more = work.unfold(folds, stays)
        linked.append((more.left, more.right))
    left, right = linked[0] if len(linked) == 1 else (np.concatenate(ends) for ends in zip(*linked, strict=True))
    return work.answer(), _clusters(members, left, right)


_STEP = 1 << 16
_FEW = 4
"""Of nodes of which fewer than one in so many have an edge a list of ends is the shorter one."""


@dataclass(frozen=True, slots=True)
class _Deciding:
    """Decisions in the making. `conflict`: bool[m], the nodes whose records go as label conflicts."""

    said: Decisions
    members: Members
    found: Conflicts
    conflict: npt.NDArray[np.bool_]
    distance: list[Int] = field(default_factory=list)
    residual: list[Floats] = field(default_factory=list)

    def answer(self) -> Decisions:
        """Return the decisions, with what was compared."""
        distance = np.concatenate([np.empty(0, np.int64), *self.distance])
        return replace(self.said, distance=distance, residual=np.concatenate([np.empty(0), *self.residual]))

    def proofs(self, edges: Edges) -> Rows:
        """Remember some edges as evidence; give their places."""
        start = sum(len(part) for part in self.distance)
        self.distance.append(edges.distance)
        self.residual.append(edges.residuals())
        return np.arange(start, start + len(edges), dtype=self.said.proof.dtype)

    def alike(self, records: Rows, best: Rows, proof: Rows | int) -> None:
        """Let records fall to others that they are alike to."""
        pixels, said = self.said.candidates.pixels, self.said
        same = pixels[records] == pixels[best]
        said.outcome[records], said.why[records] = np.where(same, _EXACT, _NEAR), np.where(same, PIXELS, HAMMING)
        said.other[records], said.proof[records] = best, proof

    def at_odds(self, records: Rows, others: Rows, why: int = LABELS, proof: Rows | int = -1) -> None:
        """Let records go for a label that contradicts that of others."""
        said = self.said
        said.outcome[records], said.why[records] = _CONFLICT, why
        said.other[records], said.proof[records] = others, proof

    def conflicts(self) -> None:
        """Decide the records of conflicts: each names the first record that contradicts it."""
        places = np.flatnonzero(self.conflict)
        if len(places):
            self.at_odds(*contradicting(self.members, self.said.candidates, places, self.found.against[places]))

    def dominate(
        self, edges: Edges, clean: npt.NDArray[np.bool_], asked: npt.NDArray[np.bool_], lowered: Rows
    ) -> npt.NDArray[np.bool_]:
        """Decide the records of the nodes that are asked for, by some of the edges; give those nodes that stay."""
        members, first = self.members, self.members.first
        near, left, right = _numbered(len(first), edges.left[clean], edges.right[clean])
        chosen = dominating_set(len(near), left, right, np.argsort(first[near], kind="stable"))
        del left, right
        gone = np.flatnonzero(~chosen.kept)
        stays = asked.copy()
        stays[near[gone]] = False

        own = members.several[stays[members.several]]
        owner, records = members.expand(own)
        later = records != first[own][owner]
        self.alike(records[later], first[own][owner[later]], -1)
        fallen, hosts = near[gone], first[near[chosen.representative[gone]]]
        proofs = self.proofs(edges.at(np.flatnonzero(clean)[chosen.edge[gone]]))
        for some in _steps(len(fallen)):
            owner, records = members.expand(fallen[some])
            self.alike(records, hosts[some][owner], proofs[some][owner])
        under = np.flatnonzero(stays & (lowered >= 0))
        self.said.lowered[first[under]], self.said.why[first[under]] = lowered[under], SHARED
        return stays

    def unfold(self, folds: Folds, stays: npt.NDArray[np.bool_]) -> Edges:
        """Decide the records of folded nodes; the answer joins those whose host fell to whom they fall to."""
        members, first, fallen = self.members, self.members.first, folds.edges
        behind = fallen.at(stays[fallen.left])
        owner, records = members.expand(behind.right)
        self.alike(records, first[behind.left][owner], self.proofs(behind)[owner])
        odd = fallen.at(self.conflict[fallen.left])
        owner, records = members.expand(odd.right)
        self.at_odds(records, self.said.other[first[odd.left]][owner], BEHIND, self.proofs(odd)[owner])

        orphans = np.sort(fallen.right[~stays[fallen.left] & ~self.conflict[fallen.left]])
        kept = np.flatnonzero(stays[: len(folds.hashes)])
        found = folds.reassign(orphans, kept)
        proof = self.proofs(found)
        proof[found.left == found.right] = -1
        owner, records = members.expand(found.right)
        best = first[found.left][owner]
        label = self.said.candidates.label
        agree = self.said.candidates.lineages.compatible(label[records], label[best])
        later = agree & (records != best)
        self.alike(records[later], best[later], proof[owner[later]])
        self.at_odds(records[~agree], best[~agree])
        return found


def _numbered(count: int, left: Rows, right: Rows) -> tuple[Rows, Rows, Rows]:
    """Return which of `count` nodes are ends of edges, ascending, and the ends as places among these."""
    if len(left) < count // _FEW:
        near = np.unique(np.concatenate([left, right]))
        return near, np.searchsorted(near, left), np.searchsorted(near, right)
    ends = np.zeros(count, np.bool_)
    ends[left] = ends[right] = True
    place: Rows = np.cumsum(ends, dtype=row_type(count)) - 1
    return np.flatnonzero(ends).astype(place.dtype), place[left], place[right]


def _clusters(members: Members, left: Int, right: Int) -> Rows:
    """Return, for every record, the index of the first record it is connected to by likeness."""
    cluster = np.arange(members.count, dtype=row_type(members.count))
    owner, records = members.expand(members.several)
    cluster[records] = members.first[members.several][owner]
    near, left, right = _numbered(len(members.first), left, right)
    label = components(len(near), left, right)
    best = np.full(len(near), members.count, cluster.dtype)
    np.minimum.at(best, label, members.first[near])
    for some in _steps(len(near)):
        owner, records = members.expand(near[some])
        cluster[records] = best[label[some]][owner]
    return cluster


def _steps(count: int) -> Iterator[slice]:
    """Yield slices of so many nodes: of all at once their records would take more than all else."""
    yield from (slice(start, start + _STEP) for start in range(0, count, _STEP))
