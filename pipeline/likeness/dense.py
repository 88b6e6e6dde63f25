"""Near pairs of a set with hot clusters: a camera's year of frames must make neither 5e9 pairs nor a wrong decision.

Images are nodes, numbered by preference. Nodes that share a band's key with more than `dedup.DENSE` others are folded
first: each falls to a better one of the same label that it was verified against, and only what stays takes part in the
join. What that leaves to be told:

- a folded node shares the decision of its host where the host is kept, or is a label conflict;
- where the host falls to another image, the folded node was not verified against that one. It is then compared with
  all images that are kept, falls to one of them that it verifies against, or stays (`Folds.reassign`).

So every dropped image names a kept one it verifies against, and no two kept images are alike, in dense groups as
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dedup import BandPlan, KeyRange, key_ranges, plan_bands, range_pairs, thin, thin_after
from manifests import LikenessRules
from pipeline.likeness.edges import Edges, joined
from pipeline.likeness.verification import Int, Thumbnails, alike_at, residuals_at

PAIRS = 1 << 14
"""Pairs that are verified before a dense group is halved: among copies nearly all of them are for nothing."""

NO_GROUP = -1


@dataclass(frozen=True, slots=True)
class Alike:
    """The rule by which two nodes with near hashes are one picture.

    `group`: int64[n], nodes of one group are never alike (NO_GROUP: of none). `label`: int64[n]; with `one_label` only
    nodes of equal labels are alike.
    """

    shown: Thumbnails
    limit: float
    group: Int
    label: Int
    one_label: bool = False

    def __call__(self, left: Int, right: Int, distance: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        """Return which pairs are alike: bool[k]."""
        keep: npt.NDArray[np.bool_] = (self.group[left] != self.group[right]) | (self.group[left] == NO_GROUP)
        if self.one_label:
            keep &= self.label[left] == self.label[right]
        at = np.flatnonzero(keep)
        keep[at] = alike_at(self.shown, left[at], right[at], self.limit)
        return keep


@dataclass(frozen=True, slots=True)
class OutsideDense:
    """What is still asked of a pair after folding: nothing, but for two dense nodes of different labels.

    Two dense nodes of one label that both stay have been told apart. Two of different labels may be a conflict, but
    as there may be very many such pairs they are verified before they are listed.
    """

    alike: Alike
    dense: npt.NDArray[np.bool_]

    def __call__(self, left: Int, right: Int, distance: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        """Return which pairs are listed: bool[k]."""
        keep = ~(self.dense[left] & self.dense[right])
        at = np.flatnonzero(~keep & (self.alike.label[left] != self.alike.label[right]))
        keep[at] = self.alike(left[at], right[at], distance[at])
        return keep


@dataclass(frozen=True, slots=True)
class At:
    """A rule for places in some rows, by the rule for the rows themselves."""

    rule: Alike | OutsideDense
    rows: Int

    def __call__(self, left: Int, right: Int, distance: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        """Return what the rule says of the rows: bool[k]."""
        return self.rule(self.rows[left], self.rows[right], distance)


@dataclass(frozen=True, slots=True)
class Folds:
    """What was folded, and how a folded node is decided whose host is not kept.

    `stays`: int64, the nodes that take part in the join. `dense`: bool[n]. `edges`: host (left) and folded node.
    """

    stays: Int
    dense: npt.NDArray[np.bool_]
    edges: Edges
    hashes: npt.NDArray[np.uint8]
    distance: int
    alike: Alike

    def reassign(self, orphans: Int, kept: Int) -> Edges:
        """Return, for each orphan (ascending), the kept node or the staying orphan it falls to: itself when it stays.

        `kept`: nodes that are kept, ascending, no two of them alike. `left` of the answer is whom it falls to, `right`
        the orphan.
        """
        rows = np.concatenate([kept, orphans])
        places = np.arange(len(rows), dtype=np.int64)
        to = thin_after(
            self.hashes[rows], self.distance, places[: len(kept)], places[len(kept) :], At(self.alike, rows), PAIRS
        )
        return _pairs(self.hashes, self.alike.shown, rows[to], orphans)


def fold(
    hashes: npt.NDArray[np.uint8],
    nodes: Int,
    dense: npt.NDArray[np.bool_],
    alike: Alike,
    distance: int,
) -> Folds:
    """Fold the dense groups among some nodes (ascending), as the module says.

    `hashes`: uint8[n, 32] of all nodes, memory-mapped or not. `dense`: bool[n], `dedup.dense_rows` of the nodes.
    Memory: some hundred bytes per dense node, and PAIRS pairs.
    """
    rows = nodes[dense[nodes]]
    one_label = Alike(alike.shown, alike.limit, alike.group, alike.label, one_label=True)
    # Nodes are numbered by preference, so ascending rows are the best first.
    thinned = thin(hashes[rows], distance, np.arange(len(rows), dtype=np.int64), At(one_label, rows), PAIRS)
    gone = np.flatnonzero(~thinned.kept)
    edges = _pairs(hashes, alike.shown, rows[thinned.representative[gone]], rows[gone])
    stays = nodes[~np.isin(nodes, edges.right)]
    return Folds(stays, dense, edges, hashes, distance, alike)


def piece_pairs(
    hashes: npt.NDArray[np.uint8], nodes: Int, plan: BandPlan, piece: KeyRange, rule: OutsideDense
) -> Edges:
    """Return the pairs of one piece of the join of `hashes`, whose rows are the given nodes, with their residuals."""
    pairs = range_pairs(hashes, plan, piece, accept=At(rule, nodes), collapse=False)
    left, right = nodes[pairs.left], nodes[pairs.right]
    return Edges(left, right, pairs.distance.astype(np.int64), residuals_at(rule.alike.shown, left, right))


def near_edges(folds: Folds, budget: int) -> Edges:
    """Return all pairs that are listed of what stays, piece by piece within `budget` bytes beside the pairs."""
    hashes = folds.hashes[folds.stays]
    plan, rule = plan_bands(hashes.shape[1] * 8, folds.distance), OutsideDense(folds.alike, folds.dense)
    pieces = key_ranges(hashes, plan, budget)
    return joined([piece_pairs(hashes, folds.stays, plan, piece, rule) for piece in pieces])


def alike_rule(rules: LikenessRules, shown: Thumbnails, label: Int, group: Int | None = None) -> Alike:
    """Return the rule of a recipe for nodes with these labels and groups."""
    groups = np.full(len(label), NO_GROUP, np.int64) if group is None else group
    return Alike(shown, rules.duplicate_residual, groups, label)


def _pairs(hashes: npt.NDArray[np.uint8], shown: Thumbnails, left: Int, right: Int) -> Edges:
    between = np.bitwise_count(hashes[left] ^ hashes[right]).sum(axis=1, dtype=np.int64)
    return Edges(left, right, between, residuals_at(shown, left, right))
