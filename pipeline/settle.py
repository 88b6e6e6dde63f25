"""Who stays when images are alike: a pure function from records and pairs to one fate per record.

Records come in order of preference, best first. Records of one hash form a node; near pairs join nodes. In order:

1.  what leaks a held-out image goes, by bytes, pixels or Hamming distance;
2.  what carries too little information to be told apart goes;
3.  nodes that are alike but labelled with incompatible taxa go, all of them: neither label is silently preferred;
4.  of the rest a dominating set stays: walking nodes by preference, a node stays unless it is within the duplicate
    distance of one that already stays. So every dropped record names a kept one it is alike to, and no two kept
    records are alike. (Connected components would chain whole species into one.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import components, dominating_set
from pipeline.outcomes import Outcome
from pipeline.records import RANK_COLUMNS
from pipeline.sql import evidence

Int = npt.NDArray[np.int64]
RANK_IDS = tuple(f"{rank}_id" for rank in RANK_COLUMNS)


@dataclass(frozen=True, slots=True)
class Edges:
    """Near pairs of nodes, by their place in the sorted distinct hashes."""

    left: Int
    right: Int
    distance: Int


@dataclass(frozen=True, slots=True)
class Leak:
    """The held-out item that a record leaks."""

    benchmark: str
    item: str
    rule: str
    distance: int
    variant: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one record."""

    outcome: Outcome | None
    evidence: str
    other: int | None
    """Index of the other record; None when the other is a held-out item, or there is none."""
    other_item: str | None = None


def compatible(one: tuple[str | None, ...], two: tuple[str | None, ...]) -> bool:
    """Tell whether two labels can both be right: the same taxon, or one an ancestor of the other.

    A label is the accepted id followed by the ids of its seven ranks.

    >>> compatible(("bm:Puma", "bm:Puma"), ("bm:Puma-concolor", "bm:Puma", "bm:Puma-concolor"))
    True
    >>> compatible(("bm:Puma-concolor", "bm:Puma"), ("bm:Lynx-lynx", "bm:Lynx"))
    False
    """
    return one[0] == two[0] or one[0] in two[1:] or two[0] in one[1:]


def settle(
    records: pa.Table,
    node: Int,
    edges: Edges,
    leaks: dict[int, Leak],
    minimum_quality: int,
    drop_low_information: bool,
) -> tuple[list[Fate], Int]:
    """Give the fate of every record, and its cluster (index of the cluster's first record).

    `records` (in order of preference) needs quality, pixel_sha256, media_id, box (bool), accepted_id and the rank ids;
    `node[i]` is the place of record i's hash in the distinct hashes that `edges` speak of.
    """
    count = records.num_rows
    columns: dict[str, list[Any]] = {name: records.column(name).to_pylist() for name in records.column_names}
    labels = list(zip(columns["accepted_id"], *(columns[name] for name in RANK_IDS), strict=True))
    fates: list[Fate | None] = [None] * count
    for index, leak in sorted(leaks.items()):
        fates[index] = _leaked(leak)
    for index, quality in enumerate(columns["quality"]):
        if fates[index] is None and drop_low_information and quality < minimum_quality:
            proof = evidence(rule="pdq quality", quality=quality, minimum=minimum_quality)
            fates[index] = Fate(Outcome.LOW_INFORMATION, proof, None)

    nodes = int(node.max()) + 1 if count else 0
    members: list[list[int]] = [[] for _ in range(nodes)]
    for index in range(count):
        if fates[index] is None:
            members[node[index]].append(index)
    alive = np.array([bool(m) for m in members], dtype=bool)
    near = alive[edges.left] & alive[edges.right] if nodes else np.zeros(0, dtype=bool)
    left, right, distance = edges.left[near], edges.right[near], edges.distance[near]

    conflict, usable = _conflicts(members, labels, columns, left, right)
    for place, other in sorted(conflict.items()):
        for index in members[place]:
            against = next((m for m in members[other] if not compatible(labels[index], labels[m])), members[other][0])
            proof = evidence(rule="alike, labelled differently", taxa=sorted({labels[index][0], labels[against][0]}))
            fates[index] = Fate(Outcome.LABEL_CONFLICT, proof, against)

    clean = usable & ~np.isin(left, list(conflict)) & ~np.isin(right, list(conflict))
    first = np.array([m[0] if m else count for m in members], dtype=np.int64)
    chosen = dominating_set(nodes, left[clean], right[clean], np.argsort(first, kind="stable"))
    distances = {(int(a), int(b)): int(d) for a, b, d in zip(left[clean], right[clean], distance[clean], strict=True)}
    for place, inside in enumerate(members):
        if place in conflict or not inside:
            continue
        keeper = int(chosen.representative[place])
        best = members[keeper][0]
        apart = 0 if keeper == place else distances[min(keeper, place), max(keeper, place)]
        for index in inside:
            if index == best:
                fates[index] = Fate(None, "", None)
            else:
                fates[index] = _alike(columns, index, best, apart)
    cluster = _clusters(count, node, members, left[usable], right[usable])
    return [fate if fate is not None else Fate(None, "", None) for fate in fates], cluster


def _leaked(leak: Leak) -> Fate:
    outcome = Outcome.LEAK_HAMMING if leak.rule == "hamming" else Outcome.LEAK_BYTES
    proof = evidence(
        rule=leak.rule, benchmark=leak.benchmark, item=leak.item, distance=leak.distance, variant=leak.variant
    )
    return Fate(outcome, proof, None, f"{leak.benchmark}/{leak.item}")


def _alike(columns: dict[str, list[Any]], index: int, best: int, apart: int) -> Fate:
    same = columns["pixel_sha256"][index] == columns["pixel_sha256"][best]
    outcome = Outcome.EXACT_DUPLICATE if same else Outcome.NEAR_DUPLICATE
    return Fate(outcome, evidence(rule="pixels" if same else "hamming", distance=apart), best)


def _conflicts(
    members: list[list[int]],
    labels: list[tuple[str | None, ...]],
    columns: dict[str, list[Any]],
    left: Int,
    right: Int,
) -> tuple[dict[int, int], npt.NDArray[np.bool_]]:
    """Find nodes whose labels contradict each other or a neighbour's, and the edges that say 'the same thing'.

    Two boxes of one medium with different labels are two animals close together, not one animal with two names.
    """
    conflict: dict[int, int] = {}
    for place, inside in enumerate(members):
        kinds = sorted({labels[index] for index in inside}, key=str)
        if any(not compatible(a, b) for i, a in enumerate(kinds) for b in kinds[i + 1 :]):
            conflict[place] = place
    usable = np.ones(len(left), dtype=bool)
    for number, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        one, two = members[a], members[b]
        if all(compatible(labels[i], labels[j]) for i in one for j in two):
            continue
        boxes = all(columns["box"][i] for i in (*one, *two))
        if boxes and len({columns["media_id"][i] for i in (*one, *two)}) == 1:
            usable[number] = False
            continue
        for place, other in ((a, b), (b, a)):
            # A node at odds with itself says so; else the first contradicting node is named, in any order of edges.
            if conflict.get(place) != place:
                conflict[place] = min(other, conflict.get(place, other))
    return conflict, usable


def _clusters(count: int, node: Int, members: list[list[int]], left: Int, right: Int) -> Int:
    """Give every record the index of the first record it is connected to by likeness."""
    label = components(len(members), left, right) if members else np.zeros(0, dtype=np.int64)
    first: dict[int, int] = {}
    cluster = np.arange(count, dtype=np.int64)
    alive = np.zeros(count, dtype=bool)
    alive[[index for inside in members for index in inside]] = True
    for index in range(count):
        if alive[index]:
            cluster[index] = first.setdefault(int(label[node[index]]), index)
    return cluster
