"""Hierarchical prototypes: a vector for each taxon of each rank, and images classified at each rank by the nearest.

The prototype of a class is the mean of its normalised training images; that of a taxon is the mean of the normalised
prototypes of what stands directly below it, so that a species with many images weighs no more in its genus than one
with few. A class that lacks a rank stands directly below the next rank that it has. At rank r the taxon of an image is
argmax_t <image, prototype_t / |prototype_t|>. An image of an unseen species can so be right at genus, and one of an
unseen genus at family.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from manifests.recipe import RANKS
from pipeline.evaluate.measures.lineages import MISSING, Lineages
from pipeline.evaluate.measures.neighbours import nearest
from pipeline.evaluate.measures.vectors import Codes, Vectors, class_means, row_lengths


@dataclass(frozen=True, slots=True)
class RankPrototypes:
    """The prototypes of one rank."""

    taxa: Codes
    """int64[prototypes]: numbers of the taxa of the rank that have one, ascending."""
    vectors: Vectors
    """float32[prototypes, dimensions], of length one."""


@dataclass(frozen=True, slots=True)
class PrototypeAccuracy:
    """What the prototypes of one rank get right."""

    rank: str
    prototypes: int
    images: int
    """Whose taxon of the rank has a prototype."""
    without_prototype: int
    """Whose taxon has none, as it was not trained on; they are left out."""
    accuracy: float | None
    chance: float | None
    """1 / prototypes."""


def prototypes(vectors: Vectors, labels: Codes, lineages: Lineages) -> tuple[RankPrototypes, ...]:
    """Return the prototypes of each rank, from kingdom to species; `vectors` are unit vectors.

    >>> from pipeline.evaluate.measures.lineages import read_lineages
    >>> tree = read_lineages([{"genus": "a", "species": "a x"}, {"genus": "a", "species": "a y"}])
    >>> found = prototypes(np.eye(2, dtype=np.float32)[[0, 0, 0, 1]], np.array([0, 0, 0, 1]), tree)
    >>> found[5].vectors.round(3).tolist() == [[0.7070000171661377] * 2]
    True
    """
    present, numbers = np.unique(labels, return_inverse=True)
    heads = _unit(class_means(vectors, numbers, len(present)).astype(np.float32))
    of_class = np.arange(len(present))
    """Which of `heads` each class stands below, so far up."""
    found: list[RankPrototypes] = []
    for rank in reversed(range(len(RANKS))):
        codes = lineages.codes[present, rank]
        has = codes != MISSING
        taxa, taxon = np.unique(codes[has], return_inverse=True)
        # Each head once, however many classes stand below it.
        pairs = np.unique(np.stack([of_class[has], taxon], axis=1), axis=0)
        means = np.zeros((0, vectors.shape[1]), np.float32)
        if len(taxa):
            means = _unit(class_means(heads[pairs[:, 0]], pairs[:, 1], len(taxa)).astype(np.float32))
        found.append(RankPrototypes(taxa, means))
        of_class = of_class.copy()
        of_class[has] = len(heads) + taxon
        heads = np.concatenate([heads, means])
    return tuple(reversed(found))


def prototype_accuracies(
    known: tuple[RankPrototypes, ...], vectors: Vectors, labels: Codes, lineages: Lineages
) -> tuple[PrototypeAccuracy, ...]:
    """Return what is right at each rank, of images whose taxon has a prototype."""
    found = []
    for rank, (name, each) in enumerate(zip(RANKS, known, strict=True)):
        true = lineages.codes[labels, rank]
        seen = np.isin(true, each.taxa)
        accuracy = None
        if seen.any():
            guess = each.taxa[nearest(vectors[seen], each.vectors, 1).rows[:, 0]]
            accuracy = float((guess == true[seen]).mean())
        without = int(((true != MISSING) & ~seen).sum())
        chance = 1 / len(each.taxa) if len(each.taxa) else None
        found.append(PrototypeAccuracy(name, len(each.taxa), int(seen.sum()), without, accuracy, chance))
    return tuple(found)


def _unit(vectors: Vectors) -> Vectors:
    """Return rows of length one; one whose parts cancel out stays as it is, and is near to nothing."""
    lengths = row_lengths(vectors)
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths[:, None].astype(np.float32), np.float32)
