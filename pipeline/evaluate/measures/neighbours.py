"""Exact nearest neighbours by blocked matrix products: memory is that of a block, whatever the numbers of rows.

Scores are inner products in float32, as BLAS gives them; of equal scores the row that comes first is nearer. So the
answer is the same each time on one machine; another BLAS may round a score otherwise in its last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.measures.vectors import Codes, Vectors
from pipeline.model.errors import EvaluationError

_SCORES = 1 << 23
QUERIES, BASE = 1 << 10, 1 << 12
"""Rows of a block of queries, and of what is searched."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest rows of each query, nearest first."""

    rows: Codes
    """int64[queries, k]"""
    scores: Vectors
    """float32[queries, k]"""


def nearest(
    queries: Vectors,
    base: Vectors,
    k: int,
    offsets: Vectors | None = None,
    blocks: tuple[int, int] = (QUERIES, BASE),
) -> Neighbours:
    """Return the k rows of `base` with the greatest score of each query: its inner product, plus the row's offset.

    `offsets`: float32[base], as -|c|^2 / 2 makes the greatest score the least Euclidean distance. Raises
    EvaluationError where k is more than the rows of `base`, or the dimensions differ.

    >>> base = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    >>> nearest(base[:1], base, 2).rows.tolist()
    [[0, 2]]
    """
    check_dimensions(queries, base)
    if not 1 <= k <= len(base):
        raise EvaluationError(f"{k} neighbours are asked for", expected=f"1 to {len(base)}, the rows that there are")
    rows, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries), blocks[0]):
        part = slice(start, start + blocks[0])
        count = len(queries[part])
        best = np.zeros((count, 0), np.float32)
        places = np.zeros((count, 0), np.int64)
        for first in range(0, len(base), blocks[1]):
            found = queries[part] @ base[first : first + blocks[1]].T
            if offsets is not None:
                found += offsets[first : first + blocks[1]]
            kept = greatest(found, min(k, found.shape[1]))
            best = np.concatenate([best, np.take_along_axis(found, kept, axis=1)], axis=1)
            places = np.concatenate([places, kept + first], axis=1)
            # What was kept before stands in front, and its rows come before those of this block.
            order = np.argsort(-best, axis=1, kind="stable")[:, :k]
            best, places = np.take_along_axis(best, order, axis=1), np.take_along_axis(places, order, axis=1)
        rows[part], scores[part] = places, best
    return Neighbours(rows, scores)


def greatest(scores: npt.NDArray[np.floating], k: int) -> Codes:
    """Return the columns of the k greatest values of each row, greatest first, of equal ones the first column first.

    >>> greatest(np.array([[1.0, 3.0, 3.0, 2.0]]), 2).tolist()
    [[1, 2]]
    """
    columns = scores.shape[1]
    if k == 1:
        return np.asarray(np.argmax(scores, axis=1)[:, None], np.int64)
    if k >= columns:
        return np.argsort(-scores, axis=1, kind="stable")[:, :k]
    kept = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
    values = np.take_along_axis(scores, kept, axis=1)
    least = values.min(axis=1, keepdims=True)
    # A partition takes any of equal values: where one was left out, the row is sorted as a whole.
    tied = np.flatnonzero((scores >= least).sum(axis=1) > k)
    kept = np.take_along_axis(kept, np.argsort(-values, axis=1, kind="stable"), axis=1)
    if tied.size:
        kept[tied] = np.argsort(-scores[tied], axis=1, kind="stable")[:, :k]
    return np.asarray(kept, np.int64)


def blocks_of(queries: Vectors, base: Vectors) -> Iterator[tuple[slice, Vectors]]:
    """Yield all scores of some queries at a time, 32 MB of them or one query: their slice, and float32[rows, base]."""
    check_dimensions(queries, base)
    rows = max(1, _SCORES // len(base))
    for start in range(0, len(queries), rows):
        part = slice(start, min(start + rows, len(queries)))
        yield part, queries[part] @ base.T


def check_dimensions(one: Vectors, other: Vectors) -> None:
    """Raise EvaluationError where two sets of embeddings have not the same dimensions."""
    if one.shape[1] != other.shape[1]:
        raise EvaluationError(
            f"vectors have {one.shape[1]:,} and {other.shape[1]:,} dimensions",
            expected="embeddings of one model",
            remedy="embed all of them with the same model",
        )
