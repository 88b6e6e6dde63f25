"""Spread between taxa against spread within them, at each rank.

With n images of C taxa, mean m and means m_c: between = sum_c n_c |m_c - m|^2, within = sum_i |x_i - m_c(i)|^2, ratio =
between / within. Labels that say nothing give (C - 1) / (n - C) on average, the null level; their quotient is the
multivariate F of Anderson (2001, PERMANOVA), whose significance is found by permuting the labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from manifests.recipe import RANKS
from pipeline.evaluate.measures.lineages import MISSING, Lineages
from pipeline.evaluate.measures.vectors import Codes, Vectors, class_sums, generator
from pipeline.model.errors import EvaluationError

PERMUTATIONS = 99
MOST = 5_000
"""Images that are looked at, of more."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Between against within, at one rank."""

    rank: str
    images: int
    taxa: int
    ratio: float
    null: float
    """(taxa - 1) / (images - taxa)"""
    p: float


def spread(vectors: Vectors, labels: Codes, rank: str, permutations: int = PERMUTATIONS, seed: int = 0) -> Spread:
    """Return the ratio of some labels, of taxa of a rank.

    Raises EvaluationError where there is one taxon only, no taxon has two images, or images of a taxon do not differ.

    >>> x = np.array([[0.0], [2.0], [10.0], [12.0]], np.float32)
    >>> spread(x, np.array([0, 0, 1, 1]), "genus").ratio
    25.0
    """
    _, numbers = np.unique(labels, return_inverse=True)
    taxa, n = int(numbers.max(initial=-1)) + 1, len(labels)
    if taxa < 2 or n <= taxa:
        raise EvaluationError(f"{rank}: {n} images of {taxa} taxa", expected="two taxa or more, one with two images")
    moved = (vectors - vectors.mean(axis=0, dtype=np.float64)).astype(np.float32)
    counts = np.bincount(numbers).astype(np.float64)
    total = float(np.einsum("ij,ij->", moved, moved, dtype=np.float64))

    def between(order: Codes) -> float:
        sums = class_sums(moved, order, taxa)
        return float((np.einsum("ij,ij->i", sums, sums) / counts).sum())

    observed = between(numbers)
    within = total - observed
    if within <= 1e-9 * total:
        raise EvaluationError(f"{rank}: the images of a taxon do not differ", expected="embeddings of several images")
    random = generator(seed, 10)
    # Between and within have one sum, so that a greater ratio is a greater spread between.
    as_great = sum(between(random.permutation(numbers)) >= observed * (1 - 1e-9) for _ in range(permutations))
    null = (taxa - 1) / (n - taxa)
    return Spread(rank, n, taxa, observed / within, null, (1 + as_great) / (1 + permutations))


def spread_by_rank(
    vectors: Vectors, labels: Codes, lineages: Lineages, permutations: int = PERMUTATIONS, seed: int = 0
) -> tuple[Spread, ...]:
    """Return the ratio at each rank that has two taxa or more; at most 5,000 images, drawn by the seed."""
    rows = np.arange(len(labels))
    if len(rows) > MOST:
        rows = np.sort(generator(seed, 11).choice(rows, MOST, replace=False))
    found = []
    for rank, name in enumerate(RANKS):
        codes = lineages.codes[labels[rows], rank]
        mine = codes != MISSING
        taxa = len(np.unique(codes[mine]))
        if taxa >= 2 and mine.sum() > taxa:
            try:
                found.append(spread(vectors[rows[mine]], codes[mine], name, permutations, seed))
            except EvaluationError:  # images that do not differ have no spread to compare with
                continue
    return tuple(found)
