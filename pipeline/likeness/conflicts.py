"""Labels that contradict each other on alike pictures, and the lowest taxon that those of one conflict share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup import components
from pipeline.likeness.decisions import DecisionRules
from pipeline.likeness.records.candidates import Candidates, Rows
from pipeline.likeness.records.group_members import Kinds, Members
from pipeline.likeness.records.lineages import RANK_IDS
from pipeline.likeness.verification import Int

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Nodes whose labels contradict each other or a neighbour's, and the edges that say 'the same thing'.

    `against`: of every node the one that contradicts it, itself where its own labels do, -1 where none does. `usable`:
    which edges join pictures of one thing. `left`, `right`: the edges whose ends contradict each other.
    """

    against: Rows
    usable: Mask
    left: Int
    right: Int


def find_conflicts(members: Members, alive: Mask, candidates: Candidates, left: Int, right: Int) -> Conflicts:
    """Find the conflicts among nodes that are alive, of which `left` and `right` are near each other.

    Two boxes of one picture with different labels are two animals close together, not one animal with two names; one
    and the same box under two labels is a conflict. A node at odds with itself says so; else the first contradicting
    node is named, in any order of edges.
    """
    nobody = len(alive)
    against = np.full(nobody, nobody, members.first.dtype)
    mixed = _mixed(members, alive, candidates)
    own = np.flatnonzero(mixed)
    own = own[_contradict(members, mixed, candidates, own, own)]
    odd = np.flatnonzero(_contradict(members, mixed, candidates, left, right))
    two_animals = _of_one_frame(members, candidates, left[odd], right[odd])
    usable = np.ones(len(left), np.bool_)
    usable[odd[two_animals]] = False
    odd = odd[~two_animals]
    one, other = left[odd], right[odd]
    np.minimum.at(against, one, other.astype(against.dtype))
    np.minimum.at(against, other, one.astype(against.dtype))
    against[own] = own
    against[against == nobody] = -1
    return Conflicts(against, usable, one, other)


def contradicting(members: Members, candidates: Candidates, places: Rows, others: Rows) -> tuple[Rows, Rows]:
    """Return the records of some nodes (ascending), and of each node's other one the first record that contradicts.

    Where none contradicts a record, its other is the first of that node.
    """
    kinds = Kinds.of(members, np.unique(np.concatenate([places, others])), candidates.label)
    nobody = members.count
    found = np.full(len(kinds.label), nobody, members.first.dtype)
    for _, one, other in kinds.products(places, others):
        apart = ~candidates.lineages.compatible(kinds.label[one], kinds.label[other])
        np.minimum.at(found, one[apart], kinds.first[other[apart]])
    owner = np.searchsorted(kinds.starts, kinds.kind, "right") - 1
    at = np.searchsorted(places, kinds.nodes[owner])
    mine = np.flatnonzero(places[np.minimum(at, len(places) - 1)] == kinds.nodes[owner])
    against = found[kinds.kind[mine]]
    return kinds.records[mine], np.where(against < nobody, against, members.first[others[at[mine]]])


def shared_ranks(members: Members, candidates: Candidates, found: Conflicts, rules: DecisionRules) -> Rows:
    """Return, for every node of a conflict, the rank that all labels of the conflict share: int8[m], -1 for none.

    A rank counts where the recipe asks for it and it is low enough. Nodes joined by contradictions are one conflict.
    """
    lowered = np.full(len(found.against), -1, np.int8)
    places = np.flatnonzero(found.against >= 0)
    if not rules.lower or not len(places):
        return lowered
    party = components(len(places), *(np.searchsorted(places, ends) for ends in (found.left, found.right)))
    owner, records = members.expand(places)
    party_of = party[owner]
    order = np.argsort(party_of, kind="stable")
    label = candidates.label[records[order]]
    starts = np.flatnonzero(np.diff(party_of[order], prepend=-1))
    ranks = np.full(len(starts), -1, np.int8)
    for rank in range(len(RANK_IDS)):
        ids = candidates.lineages.ids[label, 1 + rank]
        least, most = np.minimum.reduceat(ids, starts), np.maximum.reduceat(ids, starts)
        ranks[(least == most) & (least >= 0)] = rank
    ranks[ranks < rules.lowest_allowed] = -1
    lowered[places] = ranks[np.searchsorted(party_of[order][starts], party)]
    return lowered


def _mixed(members: Members, alive: Mask, candidates: Candidates) -> Mask:
    """Return which nodes that are alive have records of several labels."""
    several = members.several[alive[members.several]]
    owner, records = members.expand(several)
    other = candidates.label[records] != candidates.label[members.first[several]][owner]
    mixed = np.zeros(len(alive), np.bool_)
    mixed[several[owner[other]]] = True
    return mixed


def _contradict(members: Members, mixed: Mask, candidates: Candidates, one: Rows, other: Rows) -> Mask:
    """Return of which pairs of nodes some labels contradict each other."""
    label, lineages = candidates.label, candidates.lineages
    answer = ~lineages.compatible(label[members.first[one]], label[members.first[other]])
    open_pairs = np.flatnonzero(~answer & (mixed[one] | mixed[other]))
    some, others = one[open_pairs], other[open_pairs]
    kinds = Kinds.of(members, np.unique(np.concatenate([some, others])), label)
    for pair, a, b in kinds.products(some, others):
        answer[open_pairs[pair[~lineages.compatible(kinds.label[a], kinds.label[b])]]] = True
    return answer


def _of_one_frame(members: Members, candidates: Candidates, one: Rows, other: Rows) -> Mask:
    """Return of which pairs of nodes all records are boxes of one picture."""
    if not len(one):
        return np.zeros(0, np.bool_)
    nodes = np.unique(np.concatenate([one, other]))
    owner, records = members.expand(nodes)
    starts = np.searchsorted(owner, np.arange(len(nodes)))
    boxes = np.logical_and.reduceat(candidates.box[records], starts)
    pictures = candidates.picture[records]
    least, most = np.minimum.reduceat(pictures, starts), np.maximum.reduceat(pictures, starts)
    a, b = np.searchsorted(nodes, one), np.searchsorted(nodes, other)
    answer: Mask = boxes[a] & boxes[b] & (np.minimum(least[a], least[b]) == np.maximum(most[a], most[b]))
    return answer
