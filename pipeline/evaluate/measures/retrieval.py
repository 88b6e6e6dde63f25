"""Retrieval: of all other images, the nearest by cosine; are they of the same taxon?

recall@k = share of queries with an image of their class among the first k. Average precision of a query with R relevant
images at places p_1 < ... < p_R is (1 / R) sum_i i / p_i over the whole ranking; mAP is its mean over queries. Queries
whose class has no other image have no answer and are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.measures.neighbours import blocks_of
from pipeline.evaluate.measures.vectors import Codes, Vectors, generator, group_codes
from pipeline.model.errors import EvaluationError

RECALL = (1, 5, 10)
MOST_QUERIES = 2_000


@dataclass(frozen=True, slots=True)
class RecallAt:
    """Recall at one k."""

    k: int
    recall: float
    chance: float
    """Of a ranking drawn at random: mean over queries of 1 - C(m - R, k) / C(m, k), for m other images."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Retrieval among the images themselves."""

    images: int
    queries: int
    unanswerable: int
    """Queries drawn whose class has no other image; they are left out."""
    recall: tuple[RecallAt, ...]
    mean_average_precision: float
    chance: float
    """Share of relevant images among all others, mean over queries: about the mAP of a ranking drawn at random."""


def retrieval(
    vectors: Vectors,
    labels: Codes,
    ks: Sequence[int] = RECALL,
    most: int = MOST_QUERIES,
    seed: int = 0,
    groups: Codes | None = None,
) -> Retrieval:
    """Return recall@k and mAP of unit vectors; at most `most` queries, drawn by the seed, each against all images.

    `groups`: numbers of the groups that images are of; images of the query's own group are not searched. Raises
    EvaluationError where no query has an image of its class to be found.

    >>> vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    >>> found = retrieval(vectors, np.array([0, 0, 1, 1]), (1,))
    >>> found.recall[0].recall, found.mean_average_precision
    (1.0, 1.0)
    """
    n = len(labels)
    queries = np.arange(n) if n <= most else np.sort(generator(seed, 2).choice(n, most, replace=False))
    group = group_codes(groups, n)
    own = np.bincount(group)[group[queries]]
    relevant = np.bincount(labels)[labels[queries]] - _alike(labels, group)[queries]
    answerable = queries[relevant > 0]
    counts, others = relevant[relevant > 0], n - own[relevant > 0]
    if not answerable.size:
        raise EvaluationError("no class has two images", expected="a class of at least two images to find one by")
    first, precisions = np.empty(len(answerable), np.int64), np.empty(len(answerable))
    for part, scores in blocks_of(vectors[answerable], vectors):
        for place, query, row in zip(range(part.start, part.stop), answerable[part].tolist(), scores, strict=True):
            row[group == group[query]] = -np.inf  # the query itself and its like come last
            hits = np.flatnonzero((labels == labels[query]) & (group != group[query]))
            found_at = _places(row, hits)
            first[place] = found_at[0] - 1
            precisions[place] = (np.arange(1, len(found_at) + 1) / found_at).mean()
    found = [
        RecallAt(k, float((first < k).mean()), float(_chance(others, counts, k).mean()))
        for k in ks
        if k <= others.min()
    ]
    return Retrieval(
        images=n,
        queries=len(answerable),
        unanswerable=len(queries) - len(answerable),
        recall=tuple(found),
        mean_average_precision=float(precisions.mean()),
        chance=float((counts / others).mean()),
    )


def _places(scores: Vectors, relevant: Codes) -> Codes:
    """Return the places of some images in the ranking of all by score, from 1 on, ascending."""
    ordered = np.sort(scores)
    values = np.sort(scores[relevant])[::-1]
    not_above = np.searchsorted(ordered, values, "right")
    if (not_above - np.searchsorted(ordered, values, "left") == 1).all():
        return np.asarray(len(scores) - not_above + 1, np.int64)
    ranking = np.empty(len(scores), np.int64)
    ranking[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return np.sort(ranking[relevant])


def _alike(labels: Codes, groups: Codes) -> Codes:
    """Return how many images are of each one's class and group, itself among them."""
    pairs = labels * (int(groups.max(initial=0)) + 1) + groups
    _, number, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return np.asarray(counts[number], np.int64)


def _chance(others: Codes, relevant: Codes, k: int) -> npt.NDArray[np.float64]:
    """Return the chance that one of k images, drawn without replacement from the others, is relevant."""
    missed = np.ones(len(relevant))
    for drawn in range(k):
        missed *= np.maximum(others - relevant - drawn, 0) / (others - drawn)
    return 1 - missed
