"""Who stays when images are alike: a pure function from records and pairs to one fate per record.

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

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import components, dominating_set
from pipeline.likeness.search import DOUBTFUL, Leak
from pipeline.likeness.verification import UNKNOWN_RESIDUAL
from pipeline.outcomes import Outcome
from pipeline.records import RANK_COLUMNS
from pipeline.sql import evidence

Int = npt.NDArray[np.int64]
_LEAK_OUTCOMES = {
    "bytes": Outcome.LEAK_BYTES,
    "pixels": Outcome.LEAK_BYTES,
    "hamming": Outcome.LEAK_HAMMING,
    "phash": Outcome.LEAK_HAMMING,
    "occurrence": Outcome.LEAK_OCCURRENCE,
    DOUBTFUL: Outcome.LEAK_UNKNOWN,
}
RANK_IDS = tuple(f"{rank}_id" for rank in RANK_COLUMNS)


@dataclass(frozen=True, slots=True)
class Edges:
    """Near pairs of nodes, by their place in the sorted distinct hashes."""

    left: Int
    right: Int
    distance: Int
    residual: npt.NDArray[np.float64] | None = None
    """Of the thumbnails, in grey levels; UNKNOWN_RESIDUAL where there is none."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one record."""

    outcome: Outcome | None
    evidence: str
    other: int | None
    """Index of the other record; None when the other is a held-out item, or there is none."""
    other_item: str | None = None
    lowered: int | None = None
    """Place in RANK_COLUMNS of the shared taxon that the record is labelled with from now on."""


@dataclass(frozen=True, slots=True)
class Verdicts:
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
    verdicts: Verdicts,
) -> tuple[list[Fate], Int]:
    """Give the fate of every record, and its cluster (index of the cluster's first record).

    `records` (in order of preference) needs quality, pixel_sha256, media_id, box (bool), accepted_id and the rank ids,
    and may have sha256 (of the bytes that the picture came in);
    `node[i]` is the place of record i's hash in the distinct hashes that `edges` speak of.
    """
    count = records.num_rows
    columns: dict[str, list[Any]] = {name: records.column(name).to_pylist() for name in records.column_names}
    labels = list(zip(columns["accepted_id"], *(columns[name] for name in RANK_IDS), strict=True))
    fates: list[Fate | None] = [None] * count
    for index, leak in sorted(leaks.items()):
        if leak.rule != DOUBTFUL or verdicts.doubtful_leaks:
            fates[index] = _leaked(leak)
    for index, quality in enumerate(columns["quality"]):
        if fates[index] is None and verdicts.uninformative and quality < verdicts.minimum_quality:
            proof = evidence(rule="pdq quality", quality=quality, minimum=verdicts.minimum_quality)
            fates[index] = Fate(verdicts.uninformative, proof, None)

    nodes = int(node.max()) + 1 if count else 0
    members: list[list[int]] = [[] for _ in range(nodes)]
    for index in range(count):
        if fates[index] is None:
            members[node[index]].append(index)
    alive = np.array([bool(m) for m in members], dtype=bool)
    near = alive[edges.left] & alive[edges.right] if nodes else np.zeros(0, dtype=bool)
    left, right, distance = edges.left[near], edges.right[near], edges.distance[near]
    residual = np.full(len(left), UNKNOWN_RESIDUAL) if edges.residual is None else edges.residual[near]

    conflict, usable, quarrels = _conflicts(members, labels, columns, left, right)
    lowered = _lowered(members, labels, conflict, quarrels, verdicts)
    conflict = {place: other for place, other in conflict.items() if place not in lowered}
    for place, other in sorted(conflict.items()):
        for index in members[place]:
            against = next((m for m in members[other] if not compatible(labels[index], labels[m])), members[other][0])
            proof = evidence(rule="alike, labelled differently", taxa=sorted({labels[index][0], labels[against][0]}))
            fates[index] = Fate(Outcome.LABEL_CONFLICT, proof, against)

    clean = usable & ~np.isin(left, list(conflict)) & ~np.isin(right, list(conflict))
    first = np.array([m[0] if m else count for m in members], dtype=np.int64)
    chosen = dominating_set(nodes, left[clean], right[clean], np.argsort(first, kind="stable"))
    proofs = {
        (min(a, b), max(a, b)): (d, r)
        for a, b, d, r in zip(
            *(part[clean].tolist() for part in (left, right, distance, residual)),
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
                fates[index] = Fate(None, proof, None, lowered=rank)
            else:
                fates[index] = _alike(columns, index, best, *apart)
    cluster = _clusters(count, node, members, left[usable], right[usable])
    return [fate if fate is not None else Fate(None, "", None) for fate in fates], cluster


def _leaked(leak: Leak) -> Fate:
    outcome = _LEAK_OUTCOMES[leak.rule]
    proof = evidence(
        rule=leak.rule, benchmark=leak.benchmark, item=leak.item, distance=leak.distance, variant=leak.variant
    )
    return Fate(outcome, proof, None, f"{leak.benchmark}/{leak.item}")


def _alike(columns: dict[str, list[Any]], index: int, best: int, apart: int, residual: float | None) -> Fate:
    same = columns["pixel_sha256"][index] == columns["pixel_sha256"][best]
    outcome = Outcome.EXACT_DUPLICATE if same else Outcome.NEAR_DUPLICATE
    known = {} if residual is None or residual == UNKNOWN_RESIDUAL else {"residual": residual}
    return Fate(outcome, evidence(rule="pixels" if same else "hamming", distance=apart, **known), best)


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
    quarrels: list[tuple[int, int]] = []
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
        quarrels.append((a, b))
        for place, other in ((a, b), (b, a)):
            # A node at odds with itself says so; else the first contradicting node is named, in any order of edges.
            if conflict.get(place) != place:
                conflict[place] = min(other, conflict.get(place, other))
    return conflict, usable, quarrels


def _lowered(
    members: list[list[int]],
    labels: list[tuple[str | None, ...]],
    conflict: dict[int, int],
    quarrels: list[tuple[int, int]],
    verdicts: Verdicts,
) -> dict[int, int]:
    """Give the rank that the nodes of each conflict share, where the recipe asks for it and the rank is low enough."""
    if not verdicts.lower or not conflict:
        return {}
    ends = np.array(quarrels, dtype=np.int64).reshape(-1, 2)
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
        if shared >= verdicts.lowest_allowed:
            lowered |= dict.fromkeys(places, shared)
    return lowered


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
