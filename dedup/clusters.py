"""What to do with pairs: components to scope a group, a dominating set to decide what is dropped.

Dropping by component would chain: a is like b, b is like c, and c goes although nothing kept is like it. Dropping by
dominating set gives two promises instead: every dropped item is within the distance of the kept item it names, and no
two kept items are within the distance of each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dedup.errors import LikenessError

_Rows = npt.NDArray[np.int64]

_Narrow = npt.NDArray[Any]
"""Items as int32 or int64, whichever holds them."""

_STEP = 1 << 20
"""Edges turned into Python integers at a time."""

_ROUNDS = 24


@dataclass(frozen=True, slots=True)
class Dominated:
    """Which of n items are kept, and for each other the kept item that stands for it.

    `kept`: bool[n].
    `representative`: int64[n], the best kept neighbour of a dropped item, the item itself when kept.
    `edge`: int64[n], position of the input edge that says so, -1 when kept. Where equal items were merged (see
    `dominating_set`) this edge may join an equal of the item to an equal of the representative.
    `distance`: int16[n], the distance of that edge; 0 when kept or when no distances were given.
    """

    kept: npt.NDArray[np.bool_]
    representative: _Rows
    edge: _Rows
    distance: npt.NDArray[np.int16]


def components(n: int, left: _Narrow, right: _Narrow) -> _Rows:
    """Label n items by connected component: int64[n], the smallest item of the component.

    `left`, `right`: int32[k] or int64[k], the ends of each edge, in any order. LikenessError: ends outside 0 to n - 1.
    Every round hooks each root to its smallest neighbouring one and flattens the trees so made, so that rounds are few.

    >>> components(5, np.array([3, 1]), np.array([4, 3])).tolist()
    [0, 1, 2, 1, 1]
    """
    _check_edges(n, left, right)
    label: _Narrow = np.arange(n, dtype=_place(n))
    a, b = np.minimum(left, right).astype(label.dtype), np.maximum(left, right).astype(label.dtype)
    while len(a):
        np.minimum.at(label, b, a)
        # Only what was hooked in this round can hang below something that is no root.
        _flatten(label, b)
        a, b = label[a], label[b]
        open_edges = np.flatnonzero(a != b)
        a, b = a[open_edges], b[open_edges]
        a, b = np.minimum(a, b), np.maximum(a, b)
    while True:
        shorter = label[label]
        if np.array_equal(shorter, label):
            return shorter.astype(np.int64)
        label = shorter


def _flatten(label: _Narrow, hooked: _Narrow) -> None:
    """Point each hooked item at its root, doubling the reach at every step."""
    while len(hooked):
        parent = label[hooked]
        further = label[parent]
        moving = np.flatnonzero(further != parent)
        hooked = hooked[moving]
        label[hooked] = further[moving]


def _place(n: int) -> type[np.int32] | type[np.int64]:
    """Return the smaller integer that counts n items: tables of them are what walks through memory cost."""
    return np.int32 if n < 1 << 31 else np.int64


def dominating_set(
    n: int,
    left: _Narrow,
    right: _Narrow,
    order: npt.NDArray[np.int64],
    distance: npt.NDArray[np.int16] | None = None,
) -> Dominated:
    """Walk the items by priority and keep each one that has no edge to an already kept one.

    `left`, `right`: int32[k] or int64[k], the ends of each edge; their order, and that of the edges, do not matter.
    `order`: int64[n], all items, best first. LikenessError: ends outside 0 to n - 1, an order that is no permutation.
    `distance`: int16[k]. When given, items joined by edges of distance 0 count as one item of the best of their
    priorities, so the representative edges by which a join reports equal hashes decide as all their pairs would; the
    edges of one such item are those of all its members. Without it edges are taken as they stand.

    >>> chain = dominating_set(3, np.array([0, 1]), np.array([1, 2]), np.array([0, 1, 2]))
    >>> chain.kept.tolist(), chain.representative.tolist()
    ([True, False, True], [0, 0, 2])
    """
    _check_edges(n, left, right)
    rank = check_order(n, order)
    if distance is not None and len(distance) != len(left):
        raise LikenessError(
            f"{len(distance)} distances for {len(left)} edges",
            expected="one per edge",
            remedy="pass the pairs' own arrays",
        )
    best = None if distance is None else _best_of_equals(left, right, distance, rank)
    loser, winner, cause = _walk_apart(left, right, best, rank, distance)
    # Made when the walk has given back what it took: with many edges that is most of all.
    kept, representative = np.ones(n, np.bool_), np.arange(n, dtype=np.int64)
    edge, between = np.full(n, -1, np.int64), np.zeros(n, np.int16)
    kept[loser], representative[loser], edge[loser] = False, winner, cause
    if distance is not None:
        between[loser] = distance[edge[loser]]

    if distance is not None and best is not None:
        member = np.flatnonzero(best != np.arange(n))
        host = best[member]
        # An equal of a kept item falls to it by an edge of its own; an equal of a dropped item shares its decision.
        own = np.full(n, -1, np.int64)
        zero = np.flatnonzero(distance == 0)[::-1]
        own[right[zero]] = zero
        own[left[zero]] = zero
        representative[member] = representative[host]
        edge[member] = np.where(kept[host], own[member], edge[host])
        between[member] = np.where(kept[host], 0, between[host])
        kept[member] = False
    return Dominated(kept, representative, edge, between)


def _best_of_equals(left: _Narrow, right: _Narrow, distance: npt.NDArray[np.int16], rank: _Rows) -> _Rows:
    """Return, for each item, the item of best rank among those it is joined to by edges of distance 0."""
    zero = distance == 0
    item = np.empty(len(rank), np.int64)
    item[rank] = np.arange(len(rank))
    # Components label by the smallest member, so labelling ranks names the best one.
    return item[components(len(rank), rank[left[zero]], rank[right[zero]])][rank]


def _walk_apart(
    left: _Narrow, right: _Narrow, best: _Rows | None, rank: _Narrow, distance: npt.NDArray[np.int16] | None
) -> tuple[_Rows, _Rows, _Rows]:
    """Return the items that fall, what each falls to, and the edge, of items that `best` merges, or of each by itself.

    Edges from an item to itself say nothing.
    """
    one, other = (left, right) if best is None else (best[left], best[right])
    apart = one != other
    if apart.all():
        return _walk(one, other, rank, distance)
    places = np.flatnonzero(apart)
    loser, winner, cause = _walk(one[places], other[places], rank, None if distance is None else distance[places])
    return loser, winner, places[cause]


def _walk(
    left: _Narrow, right: _Narrow, rank: _Narrow, size: npt.NDArray[np.int16] | None
) -> tuple[_Rows, _Rows, _Rows]:
    """Return the items that fall, what each falls to, and the position of the edge.

    In rounds: what no undecided better item has an edge to stays, and what it has an edge to falls. Where priorities
    follow no pattern the open edges melt away in a few rounds; what a chain leaves is walked edge by edge.
    """
    rank = rank.astype(_place(len(rank)))
    one, other = rank[left], rank[right]
    better, worse = np.minimum(one, other), np.maximum(one, other)
    del one, other
    fallen, waits = np.zeros(len(rank), np.bool_), np.zeros(len(rank), np.bool_)
    a, b = better, worse
    for _ in range(_ROUNDS):
        if not len(a):
            break
        waits[b] = True
        stays = ~waits[a]
        waits[b] = False
        fallen[b[stays]] = True
        open_edges = np.flatnonzero(~(stays | fallen[a] | fallen[b]))
        a, b = a[open_edges], b[open_edges]
    _walk_rest(a, b, fallen)

    del a, b
    cause = np.flatnonzero(fallen[worse] & ~fallen[better])
    keys = (worse[cause], better[cause]) if size is None else (worse[cause], better[cause], size[cause])
    cause = cause[np.lexsort(keys[::-1])]
    cause = cause[np.flatnonzero(np.diff(worse[cause], prepend=-1))]
    left, right = left[cause], right[cause]
    forward = rank[left] < rank[right]
    return np.where(forward, right, left), np.where(forward, left, right), cause


def _walk_rest(better: _Narrow, worse: _Narrow, fallen: npt.NDArray[np.bool_]) -> None:
    """Let fall, by a pass over the edges in order of their better ends, what the rounds have left undecided.

    When the first edge out of an item comes up, every edge into it from a better item has been seen.
    """
    edges = np.argsort(better, kind="stable")
    down: set[int] = set()
    for start in range(0, len(edges), _STEP):
        part = edges[start : start + _STEP]
        for strong, weak in zip(better[part].tolist(), worse[part].tolist(), strict=True):
            if strong not in down:
                down.add(weak)
    fallen[list(down)] = True


def check_order(n: int, order: npt.NDArray[np.int64]) -> _Rows:
    """Return the place of each of n items in the order; LikenessError when it is no permutation of them."""
    rank = np.full(n, -1, np.int64)
    if order.shape == (n,) and (n == 0 or (order.min() >= 0 and order.max() < n)):
        rank[order] = np.arange(n)
    if (rank < 0).any() or order.shape != (n,):
        raise LikenessError(
            "the order of priority is no permutation of the items",
            expected=f"each of 0 to {n - 1} once, best first",
            remedy="sort the items by their priority with a stable key and pass the positions",
        )
    return rank


def _check_edges(n: int, left: _Narrow, right: _Narrow) -> None:
    if left.shape != right.shape or left.ndim != 1:
        raise LikenessError(
            f"edges have {left.shape} left and {right.shape} right ends", expected="two arrays of one length"
        )
    if len(left) and (min(left.min(), right.min()) < 0 or max(left.max(), right.max()) >= n):
        raise LikenessError(
            "an edge names an item that does not exist",
            expected=f"ends from 0 to {n - 1}",
            remedy="pass pairs of the same rows that n counts",
        )
