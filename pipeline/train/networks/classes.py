"""Heads of a classifier: one softmax over accepted taxa, or one at each rank among the children of the parent.

A hierarchical softmax gives p(taxon) = product over ranks of p(node | its parent): what is not known of a species may
still be known of its genus, and the probabilities of a genus' species sum to that of the genus. A rank that a lineage
lacks is one child of its own, so that a parent with no other child is sure of it.

Source: Morin and Bengio 2005, "Hierarchical Probabilistic Neural Network Language Model"; here over a
taxonomy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import cross_entropy

Lineages = Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Tree:
    """The nodes of a classification, level by level from the top, and the taxa under them."""

    parents: tuple[npt.NDArray[np.int64], ...]
    """At each level: the number of every node's parent at the level above; 0 at the first."""
    paths: npt.NDArray[np.int64]
    """Number of each taxon's node at every level, of shape (taxa, levels)."""


def tree_of(lineages: Lineages) -> Tree:
    """Return the tree of taxa, each given by its names from the top rank to its own; the last level has every taxon.

    >>> tree = tree_of([("Felidae", "Puma", "a"), ("Felidae", "Lynx", "b"), ("Canidae", "Vulpes", "c")])
    >>> tree.paths.tolist(), [each.tolist() for each in tree.parents]
    ([[1, 2, 0], [1, 1, 1], [0, 0, 2]], [[0, 0], [0, 1, 1], [2, 1, 0]])
    """
    levels = len(lineages[0]) - 1
    paths = np.zeros((len(lineages), levels + 1), np.int64)
    parents = []
    for level in range(levels):
        nodes = sorted({lineage[: level + 1] for lineage in lineages})
        numbers = {node: number for number, node in enumerate(nodes)}
        above = {node: number for number, node in enumerate(sorted({node[:-1] for node in nodes}))}
        parents.append(np.array([above[node[:-1]] for node in nodes], np.int64))
        paths[:, level] = [numbers[lineage[: level + 1]] for lineage in lineages]
    paths[:, levels] = np.arange(len(lineages))
    parents.append(paths[:, levels - 1].copy() if levels else np.zeros(len(lineages), np.int64))
    return Tree(tuple(parents), paths)


class LinearHead(nn.Module):
    """One softmax over all taxa."""

    def __init__(self, width: int, taxa: int) -> None:
        super().__init__()
        self.classes = nn.Linear(width, taxa)

    def loss(self, features: torch.Tensor, taxa: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy of features (n, width) against the numbers of their taxa."""
        return cross_entropy(self.classes(features), taxa)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logarithms of the taxa's probabilities, (n, taxa)."""
        return self.classes(features).log_softmax(1)


class HierarchicalHead(nn.Module):
    """A softmax at each level of a tree, among the children of one parent."""

    def __init__(self, width: int, tree: Tree) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Linear(width, parents.size) for parents in tree.parents)
        for level, parents in enumerate(tree.parents):
            self.register_buffer(f"parents_{level}", torch.from_numpy(parents), persistent=False)
        self.register_buffer("paths", torch.from_numpy(tree.paths), persistent=False)

    def loss(self, features: torch.Tensor, taxa: torch.Tensor) -> torch.Tensor:
        """Return the mean over samples of -log p(taxon), the sum over levels of that of a node among its siblings."""
        path = self.paths[taxa]
        total = features.new_zeros(())
        for level, layer in enumerate(self.levels):
            scores, parents = layer(features), getattr(self, f"parents_{level}")
            siblings = parents[None, :] == parents[path[:, level]][:, None]
            total = total + cross_entropy(scores.masked_fill(~siblings, -torch.inf), path[:, level])
        return total

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logarithms of the taxa's probabilities, (n, taxa)."""
        found: Any = 0.0
        for level, layer in enumerate(self.levels):
            scores, parents = layer(features), getattr(self, f"parents_{level}")
            count = int(parents.max()) + 1
            index = parents[None, :].expand_as(scores)
            top = scores.new_full((scores.shape[0], count), -torch.inf).scatter_reduce(1, index, scores, "amax")
            total = scores.new_zeros(scores.shape[0], count).scatter_add(
                1, index, (scores - top.gather(1, index)).exp()
            )
            conditional = scores - top.gather(1, index) - total.log().gather(1, index)
            found = found + conditional[:, self.paths[:, level]]
        return found


def make_head(kind: str, width: int, lineages: Lineages, seed: int = 0) -> Any:
    """Return the head of a kind over taxa, its weights drawn by the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LinearHead(width, len(lineages)) if kind == "linear" else HierarchicalHead(width, tree_of(lineages))
