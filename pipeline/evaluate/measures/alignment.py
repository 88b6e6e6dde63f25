"""Do distances between species agree with the tree, or with a table of traits? Mantel's permutation test.

BioCLIP 2 (2025), section 5, shows inter-species alignment as pictures; as a number it is here the rank correlation
(Spearman) of two distances over all pairs of species, d_st = 1 - cos(mean_s, mean_t) of embeddings against the height
of the lowest common ancestor, or against the Euclidean distance of standardised traits. Pairs share species, so that
significance is found by permuting the species of one matrix (Mantel 1967): p = (1 + permutations as great) / (1 + all).
Without relation the correlation is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.measures.lineages import Lineages
from pipeline.evaluate.measures.vectors import Codes, Numbers, generator
from pipeline.model.errors import EvaluationError

PERMUTATIONS = 999
LEAST, MOST = 4, 1_000
"""Species that a test needs, and those that are taken of more."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How two distances between species agree."""

    against: str
    """What the embeddings are compared with: 'tree' or 'traits'."""
    species: int
    pairs: int
    correlation: float
    """Spearman's; 0 without relation."""
    p: float
    """One-sided, for a correlation above 0."""
    permutations: int


def mantel(one: Numbers, other: Numbers, against: str, permutations: int = PERMUTATIONS, seed: int = 0) -> Alignment:
    """Return the rank correlation of two symmetric matrices of distances, and its significance.

    Raises EvaluationError for other matrices, fewer than four species, and distances that are all equal.

    >>> places = np.arange(6.0)[:, None]
    >>> apart = np.abs(places - places.T)
    >>> found = mantel(apart, apart**2, "traits")
    >>> round(found.correlation, 6), found.p < 0.05
    (1.0, True)
    """
    count = len(one)
    if one.shape != (count, count) or other.shape != one.shape:
        raise EvaluationError(f"distances have the shapes {one.shape} and {other.shape}", expected="one square shape")
    if count < LEAST:
        raise EvaluationError(f"there are {count} species", expected=f"{LEAST} or more to compare distances of")
    upper = np.triu_indices(count, 1)
    left, right = _ranked(one, upper), _ranked(other, upper)
    if left is None or right is None:
        raise EvaluationError(
            f"all pairs of species have the same distance in {'the embeddings' if left is None else against}",
            expected="distances that differ",
        )
    observed = float(left[upper] @ right[upper])
    random = generator(seed, 8)
    as_great = 0
    for _ in range(permutations):
        order = random.permutation(count)
        as_great += float(left[order][:, order][upper] @ right[upper]) >= observed - 1e-12
    return Alignment(against, count, len(upper[0]), observed, (1 + as_great) / (1 + permutations), permutations)


def _ranked(distances: Numbers, upper: tuple[Codes, ...]) -> Numbers | None:
    """Return a symmetric matrix of the ranks of its pairs, centred and of length one; None where all are equal."""
    values = distances[upper]
    _, number, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[number]
    moved = ranks - ranks.mean()
    length = float(np.linalg.norm(moved))
    if length == 0:
        return None
    found = np.zeros(distances.shape)
    found[upper] = moved / length
    return np.asarray(found + found.T)


def embedding_distances(means: Numbers) -> Numbers:
    """Return 1 - cosine of the means of species: float64[species, species]."""
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    if not lengths.all():
        raise EvaluationError("the images of a species cancel each other out", expected="a mean that is not 0")
    directions = means / lengths
    return np.asarray(1 - directions @ directions.T)


def tree_distances(lineages: Lineages, classes: Codes) -> Numbers:
    """Return the heights of the lowest common ancestors of classes: float64[classes, classes]."""
    count = len(classes)
    one, other = np.repeat(classes, count), np.tile(classes, count)
    return lineages.heights(one, other).reshape(count, count).astype(np.float64)


def trait_distances(traits: npt.NDArray[Any]) -> Numbers:
    """Return Euclidean distances of traits, each divided by its standard deviation: float64[species, species].

    `traits`: numbers, (species, traits). A trait that is the same for all says nothing. Raises EvaluationError for a
    value that is no finite number.

    >>> trait_distances(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """
    values = np.asarray(traits, np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise EvaluationError("a trait is no finite number", expected="numbers, a row for each species")
    deviations = values.std(axis=0)
    standard = (values - values.mean(axis=0)) / np.where(deviations > 0, deviations, 1)
    squares = (standard**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * standard @ standard.T, 0)))


def some_classes(classes: Codes, most: int = MOST, seed: int = 0) -> Codes:
    """Return the classes, or `most` of them drawn by the seed, ascending."""
    if len(classes) <= most:
        return classes
    return np.asarray(np.sort(generator(seed, 9).choice(classes, most, replace=False)))
