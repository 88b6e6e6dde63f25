"""Exact nearest neighbours by blocked matrix products: memory is that of a block, whatever the numbers of rows.

A product in float32 finds what may be near, with a bound of its rounding; what may is scored in float64, and of equal
scores the row of the lowest number is nearer. Products of float16 add up in float64 without any rounding, so that
neighbours of vectors of that type are the same on every machine; those of others are to the rounding of float64.

Source of the bound: Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1: an inner product of n
terms is off by no more than n u / (1 - n u) times the product of the lengths, in any order of the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.measures.vectors import Codes, Flags, Numbers, Vectors
from pipeline.model.errors import EvaluationError

_SCORES = 1 << 23
_PAIRS = 1 << 13
_MANY = 16
"""Where more than one pair in so many may be near, all are scored in float64."""
_ROUNDING = 2.0**-24
QUERIES, BASE = 1 << 10, 1 << 12
"""Rows of a block of queries, and of what is searched."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest rows of each query, nearest first."""

    rows: Codes
    """int64[queries, k]"""
    scores: Vectors
    """float32[queries, k]"""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of what is searched, as `block` makes them."""

    rows: Codes
    """Their numbers, ascending."""
    vectors: Vectors
    multiplied: Vectors
    """The vectors, or those of length one where cosines are asked for."""
    squares: Numbers
    """Squares of their lengths."""
    offsets: Vectors | None


def block(rows: Codes, vectors: Vectors, offsets: Vectors | None = None, cosine: bool = False) -> Block:
    """Return rows of what is searched, made ready for any number of queries; the numbers ascend."""
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return Block(rows, vectors, _unit(vectors, squares) if cosine else vectors, squares, offsets)


def _unit(vectors: Vectors, squares: Numbers) -> Vectors:
    return np.asarray(vectors / np.sqrt(squares)[:, None].astype(np.float32), np.float32)


Propose = Callable[[Vectors, Vectors, int], tuple[Codes, Codes]]
"""Of queries, rows and a number: pairs of a query and a row among which so many best of each query are."""


class Nearest:
    """The k nearest rows of some queries, of rows that come block by block.

    A score is the inner product, plus the row's offset; or the cosine.
    """

    def __init__(self, queries: Vectors, k: int, cosine: bool = False) -> None:
        self._queries, self._k, self._cosine = queries, k, cosine
        self._squares = np.einsum("ij,ij->i", queries, queries, dtype=np.float64)
        self._multiplied = _unit(queries, self._squares) if cosine else queries
        self.scores = np.full((len(queries), k), -np.inf)
        """float64[queries, k], greatest first; -inf where there are fewer rows."""
        self.rows = np.full((len(queries), k), -1, np.int64)
        """int64[queries, k]; -1 where there are fewer rows."""

    def add(self, part: Block, apart: Flags | None = None, propose: Propose | None = None, more: int = 0) -> None:
        """Take in some rows; `apart`: bool[queries, rows], pairs that are no neighbours.

        `propose`: another library's search of the block, for k and `more` rows: at least as many as are apart of one
        query.
        """
        if not len(part.rows):
            return
        if propose is not None:
            found, columns = propose(self._multiplied, part.multiplied, min(self._k + more, len(part.rows)))
            there = np.ones(len(found), np.bool_) if apart is None else ~apart[found, columns]
            self._take(found[there], columns[there], part)
            return
        scores = self._multiplied @ part.multiplied.T
        if part.offsets is not None:
            scores += part.offsets
        if apart is not None:
            scores[apart] = -np.inf
        likely = (scores >= self._least(scores, part)[:, None]) & (scores > -np.inf)
        pairs = np.flatnonzero(likely)
        if len(pairs) * _MANY > scores.size and self._k * _MANY < scores.shape[1]:
            self._take(*self._of_many(part, apart), part)
        else:
            self._take(pairs // scores.shape[1], pairs % scores.shape[1], part)

    def _least(self, scores: Vectors, part: Block) -> Vectors:
        """Return the score in float32 below which no row of a block can be among the nearest of a query."""
        terms = self._queries.shape[1] + 8
        relative = terms * _ROUNDING / (1 - terms * _ROUNDING)
        lengths = np.ones(len(scores)) if self._cosine else np.sqrt(self._squares * part.squares.max())
        off = relative * (lengths + (0 if part.offsets is None else np.abs(part.offsets).max()))
        least = self.scores[:, -1] - off
        few = np.flatnonzero(np.isneginf(least))
        if few.size and self._k <= scores.shape[1]:
            place = scores.shape[1] - self._k
            least[few] = np.partition(scores[few], place, axis=1)[:, place] - 2 * off[few]
        with np.errstate(over="ignore"):
            below: Vectors = np.nextafter(least.astype(np.float32), np.float32(-np.inf))
        return below

    def _of_many(self, part: Block, apart: Flags | None) -> tuple[Codes, Codes]:
        """Return the k best pairs of each query, where so many are alike that all are scored in float64."""
        scores = self._queries.astype(np.float64) @ part.vectors.astype(np.float64).T
        if self._cosine:
            scores /= np.sqrt(self._squares[:, None] * part.squares[None, :])
        if part.offsets is not None:
            scores += part.offsets
        if apart is not None:
            scores[apart] = -np.inf
        kept = greatest(scores, self._k)
        there = np.take_along_axis(scores, kept, axis=1) > -np.inf
        return np.nonzero(there)[0], kept[there]

    def _take(self, found: Codes, columns: Codes, part: Block) -> None:
        """Score pairs of a query and a column of a block in float64, and keep the nearest."""
        if not found.size:
            return
        scores = np.empty(len(found))
        for start in range(0, len(found), _PAIRS):
            some = slice(start, start + _PAIRS)
            one = self._queries[found[some]].astype(np.float64)
            other = part.vectors[columns[some]].astype(np.float64)
            scores[some] = np.einsum("ij,ij->i", one, other)
        if self._cosine:
            # The root of a square is its base without rounding, so that equal vectors have the cosine 1.
            scores /= np.sqrt(self._squares[found] * part.squares[columns])
        if part.offsets is not None:
            scores += part.offsets[columns]
        met = np.unique(found)
        query = np.concatenate([np.repeat(met, self._k), found])
        score = np.concatenate([self.scores[met].ravel(), scores])
        row = np.concatenate([self.rows[met].ravel(), part.rows[columns]])
        order = np.lexsort((row, -score, query))
        query = query[order]
        place = np.arange(len(query)) - np.searchsorted(query, query)
        order, query, place = (each[place < self._k] for each in (order, query, place))
        self.scores[query, place], self.rows[query, place] = score[order], row[order]


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
        found = Nearest(queries[part], k)
        for first in range(0, len(base), blocks[1]):
            some = base[first : first + blocks[1]]
            shift = None if offsets is None else offsets[first : first + blocks[1]]
            found.add(block(np.arange(first, first + len(some)), some, shift))
        rows[part], scores[part] = found.rows, found.scores
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
