"""The rules of likeness once more, as plain Python over lists: slow, and in the words of the pages.

Nothing here shares code with the product but the names of outcomes and what goes in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.likeness import DecisionRules, Leak
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS

Label = tuple[str | None, ...]
"""The accepted taxon, then the taxa at the seven ranks."""
Pair = tuple[int, int, int, float]
"""Two nodes, their distance, and the residual of their thumbnails, -1 where it is not known."""
LEAKS = {
    "bytes": Outcome.LEAK_BYTES,
    "pixels": Outcome.LEAK_BYTES,
    "hamming": Outcome.LEAK_HAMMING,
    "phash": Outcome.LEAK_HAMMING,
    "leak_pair": Outcome.LEAK_HAMMING,
    "occurrence": Outcome.LEAK_OCCURRENCE,
    "doubtful": Outcome.LEAK_UNKNOWN,
}


@dataclass(frozen=True)
class Record:
    """One record, as far as it is decided on."""

    label: Label
    node: int
    pixels: str
    picture: str
    box: bool = False
    quality: int = 90


@dataclass
class Said:
    """What becomes of one record; nothing said: it stays."""

    outcome: Outcome | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    other: int | None = None
    item: str | None = None
    lowered: int | None = None


@dataclass(frozen=True)
class Folded:
    """Nodes that stand behind others: (host, node, distance, residual), the bits of every node's hash, the distance."""

    behind: Sequence[Pair]
    bits: Sequence[frozenset[int]]
    within: int

    def apart(self, one: int, other: int) -> int:
        """Return in how many bits two nodes differ."""
        return len(self.bits[one] ^ self.bits[other])


def both_right(one: Label, two: Label) -> bool:
    """Return whether one label is the other's, or that of a taxon above it."""
    return one[0] == two[0] or one[0] in two[1:] or two[0] in one[1:]


def decide(
    records: Sequence[Record],
    pairs: Sequence[Pair],
    leaks: Mapping[int, Leak],
    rules: DecisionRules,
    folded: Folded | None = None,
) -> tuple[list[Said], list[int]]:
    """Return what becomes of every record, and the first record of its cluster."""
    said = [_alone(index, record, leaks.get(index), rules) for index, record in enumerate(records)]
    everyone: dict[int, list[int]] = {}
    for index, record in enumerate(records):
        if said[index].outcome is None:
            everyone.setdefault(record.node, []).append(index)
    hidden = {node for _, node, *_ in folded.behind} if folded else set()
    members = {node: inside for node, inside in everyone.items() if node not in hidden}
    near = [pair for pair in pairs if pair[0] in members and pair[1] in members]

    def odd(one: int, other: int) -> bool:
        return not all(both_right(records[i].label, records[j].label) for i in members[one] for j in members[other])

    def two_animals(one: int, other: int) -> bool:
        shown = [records[index] for index in members[one] + members[other]]
        return all(each.box for each in shown) and len({each.picture for each in shown}) == 1

    linked = [pair for pair in near if not (odd(*pair[:2]) and two_animals(*pair[:2]))]
    against = {node: node for node in members if odd(node, node)}
    contradictions = [(a, b) for a, b, *_ in linked if odd(a, b)]
    for ends in contradictions:
        for one, other in (ends, ends[::-1]):
            if against.get(one) != one:
                against[one] = min(other, against.get(one, other))
    lowered = _shared_ranks(records, members, set(against), contradictions, rules) if rules.lower else {}
    conflict = against.keys() - lowered.keys()
    for node in conflict:
        for index in members[node]:
            those = members[against[node]]
            first = next((j for j in those if not both_right(records[index].label, records[j].label)), those[0])
            said[index] = Said(Outcome.LABEL_CONFLICT, _odd_labels(records, index, first), first)

    kept: list[int] = []
    for node in sorted(members.keys() - conflict, key=lambda node: members[node][0]):
        evidence = {
            (b if a == node else a): (distance, residual)
            for a, b, distance, residual in linked
            if node in (a, b) and not conflict & {a, b}
        }
        host = next((other for other in kept if other in evidence), None)
        distance, residual = (0, -1.0) if host is None else evidence[host]
        if host is None:
            kept.append(node)
        best = members[node if host is None else host][0]
        for index in members[node]:
            said[index] = _alike(records, index, best, distance, residual)
        if host is None:
            rank = lowered.get(node)
            shared = {} if rank is None else {"rule": "lowest shared taxon", "rank": RANK_COLUMNS[rank]}
            said[best] = Said(None, shared, lowered=rank)

    joins = [pair[:2] for pair in linked]
    if folded and folded.behind:
        joins += [pair[:2] for pair in folded.behind]
        joins += _unfold(records, everyone, folded, sorted(kept), conflict, said)
    return said, _clusters(len(records), everyone, joins)


def _alone(index: int, record: Record, leak: Leak | None, rules: DecisionRules) -> Said:
    if leak is not None and (leak.rule != "doubtful" or rules.doubtful_leaks):
        proof: dict[str, Any] = {"rule": leak.rule, "benchmark": leak.benchmark, "item": leak.item}
        proof |= {"distance": leak.distance, "variant": leak.variant}
        if leak.phash_distance >= 0:
            limits = {"leak_pair_phash": rules.leak_pair_phash, "leak_pair_pdq": rules.leak_pair_pdq}
            proof |= {"phash_distance": leak.phash_distance} | limits
        return Said(LEAKS[leak.rule], proof, item=f"{leak.benchmark}/{leak.item}")
    if rules.uninformative and record.quality < rules.minimum_quality:
        told = {"rule": "pdq quality", "quality": record.quality, "minimum": rules.minimum_quality}
        return Said(rules.uninformative, told)
    return Said()


def _odd_labels(records: Sequence[Record], one: int, other: int) -> dict[str, Any]:
    taxa = {records[one].label[0], records[other].label[0]}
    return {"rule": "alike, labelled differently", "taxa": sorted(taxa, key=str)}


def _alike(records: Sequence[Record], index: int, best: int, distance: int, residual: float) -> Said:
    same = records[index].pixels == records[best].pixels
    proof: dict[str, Any] = {"rule": "pixels" if same else "hamming", "distance": distance}
    if residual != -1.0:
        proof["residual"] = residual
    return Said(Outcome.EXACT_DUPLICATE if same else Outcome.NEAR_DUPLICATE, proof, best)


def _shared_ranks(
    records: Sequence[Record],
    members: Mapping[int, list[int]],
    conflict: set[int],
    contradictions: Sequence[tuple[int, int]],
    rules: DecisionRules,
) -> dict[int, int]:
    lowered: dict[int, int] = {}
    for party in _parties(conflict, contradictions):
        labels = [records[index].label for node in party for index in members[node]]
        agreed = [
            rank
            for rank in range(rules.lowest_allowed, len(RANK_COLUMNS))
            if labels[0][rank + 1] is not None and all(each[rank + 1] == labels[0][rank + 1] for each in labels)
        ]
        # A rank below one that is too high may be allowed; the lowest that all agree on decides.
        if agreed:
            lowered |= dict.fromkeys(party, agreed[-1])
    return lowered


def _parties(nodes: set[int], joins: Sequence[tuple[int, int]]) -> list[set[int]]:
    parties, left = [], set(nodes)
    while left:
        party, reach = set(), {min(left)}
        while reach:
            party |= reach
            reach = {b for pair in joins for a, b in (pair, pair[::-1]) if a in reach and b not in party}
        parties.append(party)
        left -= party
    return parties


def _unfold(
    records: Sequence[Record],
    everyone: Mapping[int, list[int]],
    folded: Folded,
    kept: list[int],
    conflict: set[int],
    said: list[Said],
) -> list[tuple[int, int]]:
    orphans = []
    for host, node, distance, residual in folded.behind:
        best = everyone[host][0]
        if host in conflict:
            proof = {"rule": "alike to a label conflict", "distance": distance}
            for index in everyone[node]:
                said[index] = Said(Outcome.LABEL_CONFLICT, proof, said[best].other)
        elif host in kept:
            for index in everyone[node]:
                said[index] = _alike(records, index, best, distance, residual)
        else:
            orphans.append(node)
    joins = []
    standing: list[int] = []
    for node in sorted(orphans):
        of_kept = (each for each in kept if folded.apart(each, node) <= folded.within)
        of_orphans = (each for each in standing if folded.apart(each, node) <= folded.within)
        host = next(of_kept, next(of_orphans, node))
        if host == node:
            standing.append(node)
        best = everyone[host][0]
        for index in everyone[node]:
            if index == best:
                said[index] = Said()
            elif both_right(records[index].label, records[best].label):
                said[index] = _alike(records, index, best, folded.apart(host, node), -1.0)
            else:
                said[index] = Said(Outcome.LABEL_CONFLICT, _odd_labels(records, index, best), best)
        joins.append((host, node))
    return joins


def _clusters(count: int, everyone: Mapping[int, list[int]], joins: Sequence[tuple[int, int]]) -> list[int]:
    cluster = list(range(count))
    for party in _parties(set(everyone), joins):
        together = sorted(index for node in party for index in everyone[node])
        for index in together:
            cluster[index] = together[0]
    return cluster
