"""Who stays when images are alike: a pure function from records and pairs to one decision per record.

Records come in order of preference, best first. Records of one hash form a node; near pairs join nodes. In order:

1.  what leaks a held-out image goes, by bytes, pixels, Hamming distance or occurrence;
2.  what carries too little information to be told apart goes, or stays where the recipe says so;
3.  nodes that are alike but labelled with incompatible taxa are conflicts: all of them go, or all bear the lowest taxon
    that they share from then on; neither label is silently preferred;
4.  of the rest a dominating set stays: walking nodes by preference, a node stays unless it is within the duplicate
    distance of one that already stays. So every dropped record names a kept one it is alike to, and no two kept
    records are alike. (Connected components would chain whole species into one.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import components, dominating_set
from pipeline.likeness.decisions import RANK_IDS, Decision, DecisionRules, first_decisions
from pipeline.likeness.dense import Folds
from pipeline.likeness.edges import Edges, joined
from pipeline.likeness.leak_rules import Leak
from pipeline.likeness.verification import UNKNOWN_RESIDUAL, Int
from pipeline.model.evidence_text import evidence
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS


def compatible(one: tuple[str | None, ...], two: tuple[str | None, ...]) -> bool:
    """Return whether two labels can both be right: the same taxon, or one an ancestor of the other.

    A label is the accepted id followed by the ids of its seven ranks.

    >>> compatible(("bm:Puma", "bm:Puma"), ("bm:Puma-concolor", "bm:Puma", "bm:Puma-concolor"))
    True
    >>> compatible(("bm:Puma-concolor", "bm:Puma"), ("bm:Lynx-lynx", "bm:Lynx"))
    False
    """
    return one[0] == two[0] or one[0] in two[1:] or two[0] in one[1:]


def decide_duplicates(
    records: pa.Table,
    node: Int,
    edges: Edges,
    leaks: Mapping[int, Leak],
    rules: DecisionRules,
    folds: Folds | None = None,
) -> tuple[list[Decision], Int]:
    """Return the decision of every record, and its cluster (index of the cluster's first record).

    `records` (in order of preference) needs quality, pixel_sha256, media_id, box (bool), accepted_id and the rank ids,
    and may have sha256 (of the bytes that the picture came in);
    `node[i]` is the node of record i that `edges` speak of: records of one node are one picture. `folds`: nodes that
    take part in no edge, because they stand behind another one of their dense group (`pipeline.likeness.dense`).
    """
    count = records.num_rows
    columns: dict[str, list[Any]] = {name: records.column(name).to_pylist() for name in records.column_names}
    labels = list(zip(columns["accepted_id"], *(columns[name] for name in RANK_IDS), strict=True))
    decisions = first_decisions(records, leaks, rules)
    nodes = int(node.max()) + 1 if count else 0
    everyone: list[list[int]] = [[] for _ in range(nodes)]
    for index in range(count):
        if decisions[index] is None:
            everyone[node[index]].append(index)
    fallen = joined([]) if folds is None else folds.edges
    folded = set(fallen.right.tolist())
    members = [[] if place in folded else inside for place, inside in enumerate(everyone)]
    alive = np.array([bool(m) for m in members], dtype=bool)
    near = alive[edges.left] & alive[edges.right] if nodes else np.zeros(0, dtype=bool)
    edges = edges.at(near)
    left, right = edges.left, edges.right

    conflict, usable, conflicting = _conflicts(members, labels, columns, left, right)
    lowered = _lowered(members, labels, conflict, conflicting, rules)
    conflict = {place: other for place, other in conflict.items() if place not in lowered}
    for place, other in sorted(conflict.items()):
        for index in members[place]:
            against = next((m for m in members[other] if not compatible(labels[index], labels[m])), members[other][0])
            proof = evidence(rule="alike, labelled differently", taxa=sorted({labels[index][0], labels[against][0]}))
            decisions[index] = Decision(Outcome.LABEL_CONFLICT, proof, against)

    clean = usable & ~np.isin(left, list(conflict)) & ~np.isin(right, list(conflict))
    first = np.array([m[0] if m else count for m in members], dtype=np.int64)
    chosen = dominating_set(nodes, left[clean], right[clean], np.argsort(first, kind="stable"))
    counted = edges.at(clean)
    proofs = {
        (min(a, b), max(a, b)): (d, r)
        for a, b, d, r in zip(
            *(part.tolist() for part in (counted.left, counted.right, counted.distance, counted.residuals())),
            strict=True,
        )
    }
    for place, inside in enumerate(members):
        if place in conflict or not inside:
            continue
        keeper = int(chosen.representative[place])
        best = members[keeper][0]
        apart = (0, None) if keeper == place else proofs[min(keeper, place), max(keeper, place)]
        for index in inside:
            if index == best:
                rank = lowered.get(place)
                proof = "" if rank is None else evidence(rule="lowest shared taxon", rank=RANK_COLUMNS[rank])
                decisions[index] = Decision(None, proof, None, lowered=rank)
            else:
                decisions[index] = _alike(columns, index, best, *apart)
    linked = [edges.at(usable), fallen]
    if folds is not None and len(fallen):
        kept = np.flatnonzero(alive & chosen.kept & ~np.isin(np.arange(nodes), list(conflict)))
        kept = kept[kept < len(folds.hashes)]
        linked.append(_unfold(folds, everyone, kept, conflict, labels, columns, decisions))
    every = joined(linked)
    cluster = _clusters(count, node, everyone, every.left, every.right)
    return [decision if decision is not None else Decision(None, "", None) for decision in decisions], cluster


def _alike(columns: dict[str, list[Any]], index: int, best: int, apart: int, residual: float | None) -> Decision:
    same = columns["pixel_sha256"][index] == columns["pixel_sha256"][best]
    outcome = Outcome.EXACT_DUPLICATE if same else Outcome.NEAR_DUPLICATE
    known = {} if residual is None or residual == UNKNOWN_RESIDUAL else {"residual": residual}
    return Decision(outcome, evidence(rule="pixels" if same else "hamming", distance=apart, **known), best)


def _unfold(
    folds: Folds,
    everyone: list[list[int]],
    kept: Int,
    conflict: dict[int, int],
    labels: list[tuple[str | None, ...]],
    columns: dict[str, list[Any]],
    decisions: list[Decision | None],
) -> Edges:
    """Decide the records of folded nodes; the answer joins those whose host fell to whom they fall to."""
    stays = set(kept.tolist())
    fallen, orphans = folds.edges, []
    ends = (fallen.left.tolist(), fallen.right.tolist(), fallen.distance.tolist(), fallen.residuals().tolist())
    for host, place, between, residual in zip(*ends, strict=True):
        best = everyone[host][0]
        if host in stays:
            for index in everyone[place]:
                decisions[index] = _alike(columns, index, best, between, residual)
        elif host in conflict:
            against, proof = decisions[best], evidence(rule="alike to a label conflict", distance=between)
            for index in everyone[place]:
                decisions[index] = Decision(Outcome.LABEL_CONFLICT, proof, against.other if against else best)
        else:
            orphans.append(place)
    found = folds.reassign(np.array(sorted(orphans), np.int64), kept)
    ends = (found.left.tolist(), found.right.tolist(), found.distance.tolist(), found.residuals().tolist())
    for host, place, between, residual in zip(*ends, strict=True):
        best = everyone[host][0]
        for index in everyone[place]:
            if index == best:
                decisions[index] = Decision(None, "", None)
            elif compatible(labels[index], labels[best]):
                decisions[index] = _alike(columns, index, best, between, None if host == place else residual)
            else:
                proof = evidence(
                    rule="alike, labelled differently", taxa=sorted({str(labels[index][0]), str(labels[best][0])})
                )
                decisions[index] = Decision(Outcome.LABEL_CONFLICT, proof, best)
    return found


def _conflicts(
    members: list[list[int]],
    labels: list[tuple[str | None, ...]],
    columns: dict[str, list[Any]],
    left: Int,
    right: Int,
) -> tuple[dict[int, int], npt.NDArray[np.bool_], list[tuple[int, int]]]:
    """Find nodes whose labels contradict each other or a neighbour's, and the edges that say 'the same thing'.

    Two boxes of one picture with different labels are two animals close together, not one animal with two names; one
    and the same box under two labels is a conflict. Also gives the contradicting pairs of nodes.
    """
    conflict: dict[int, int] = {}
    for place, inside in enumerate(members):
        kinds = sorted({labels[index] for index in inside}, key=str)
        if any(not compatible(a, b) for i, a in enumerate(kinds) for b in kinds[i + 1 :]):
            conflict[place] = place
    usable = np.ones(len(left), dtype=bool)
    conflicting: list[tuple[int, int]] = []
    # Frames of the same bytes are one picture, whatever they are called.
    picture = "sha256" if "sha256" in columns else "media_id"
    for number, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        one, two = members[a], members[b]
        if all(compatible(labels[i], labels[j]) for i in one for j in two):
            continue
        boxes = all(columns["box"][i] for i in (*one, *two))
        pictures = {columns[picture][i] for i in (*one, *two)}
        if boxes and len(pictures) == 1:
            usable[number] = False
            continue
        conflicting.append((a, b))
        for place, other in ((a, b), (b, a)):
            # A node at odds with itself says so; else the first contradicting node is named, in any order of edges.
            if conflict.get(place) != place:
                conflict[place] = min(other, conflict.get(place, other))
    return conflict, usable, conflicting


def _lowered(
    members: list[list[int]],
    labels: list[tuple[str | None, ...]],
    conflict: dict[int, int],
    conflicting: list[tuple[int, int]],
    rules: DecisionRules,
) -> dict[int, int]:
    """Return the rank that the nodes of each conflict share, where the recipe asks so and the rank is low enough."""
    if not rules.lower or not conflict:
        return {}
    ends = np.array(conflicting, dtype=np.int64).reshape(-1, 2)
    label = components(len(members), ends[:, 0], ends[:, 1])
    parties: dict[int, list[int]] = {}
    for place in sorted(conflict):
        parties.setdefault(int(label[place]), []).append(place)
    lowered: dict[int, int] = {}
    for places in parties.values():
        said = [labels[index] for place in places for index in members[place]]
        shared = -1
        for rank in range(len(RANK_IDS)):
            ids = {each[rank + 1] for each in said}
            if len(ids) == 1 and None not in ids:
                shared = rank
        if shared >= rules.lowest_allowed:
            lowered |= dict.fromkeys(places, shared)
    return lowered


def _clusters(count: int, node: Int, members: list[list[int]], left: Int, right: Int) -> Int:
    """Return, for every record, the index of the first record it is connected to by likeness."""
    label = components(len(members), left, right) if members else np.zeros(0, dtype=np.int64)
    first: dict[int, int] = {}
    cluster = np.arange(count, dtype=np.int64)
    alive = np.zeros(count, dtype=bool)
    alive[[index for inside in members for index in inside]] = True
    for index in range(count):
        if alive[index]:
            cluster[index] = first.setdefault(int(label[node[index]]), index)
    return cluster
