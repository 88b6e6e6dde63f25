"""Embeddings as the measures take them: checked, as rows of length one, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.model.errors import EvaluationError

Vectors = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

_BLOCK = 1 << 13
SHORTEST = 1e-30
"""Length of what is taken for a vector of zeros."""


def checked(values: npt.NDArray[Any], what: str) -> Vectors:
    """Return a matrix of embeddings as float32[rows, dimensions].

    Raises EvaluationError where it is no matrix, has no rows or columns, or holds a value that is no finite number.
    """
    if values.ndim != 2 or not values.size:
        raise EvaluationError(f"{what} have the shape {values.shape}", expected="(rows, dimensions), neither of them 0")
    if values.dtype.kind not in "fiu":
        raise EvaluationError(f"{what} are {values.dtype}", expected="numbers, such as float32")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
        found = np.ascontiguousarray(values, np.float32)
    for start in range(0, len(found), _BLOCK):
        wrong = np.flatnonzero(~np.isfinite(found[start : start + _BLOCK]).all(axis=1))
        if wrong.size:
            raise EvaluationError(
                f"{what} hold a value that is no finite number",
                where=f"row {start + int(wrong[0])}",
                expected="finite numbers that float32 can hold",
                remedy="embed these pictures again, or leave them out",
            )
    return found


def unit(values: npt.NDArray[Any], what: str) -> Vectors:
    """Return the rows, each divided by its length: float32[rows, dimensions].

    Raises EvaluationError as `checked` does, and for a row of zeros, which has no direction.

    >>> unit(np.array([[0.0, 4.0]]), "images").tolist()
    [[0.0, 1.0]]
    """
    found = checked(values, what)
    lengths = row_lengths(found)
    wrong = np.flatnonzero(lengths < SHORTEST)
    if wrong.size:
        raise EvaluationError(
            f"{what} hold a vector of zeros, which has no direction",
            where=f"row {int(wrong[0])}, and {wrong.size - 1:,} more",
            remedy="embed these pictures again, or leave them out",
        )
    return np.asarray(found / lengths[:, None].astype(np.float32), np.float32)


def row_lengths(values: Vectors) -> Numbers:
    """Return the Euclidean length of each row, accumulated in float64."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64)))


def checked_labels(labels: npt.NDArray[Any], rows: int, classes: int | None = None) -> Codes:
    """Return labels as int64[rows]: numbers of classes, from 0 to `classes` - 1.

    Raises EvaluationError where there is not one for each row, or one names no class.
    """
    if labels.ndim != 1 or len(labels) != rows:
        raise EvaluationError(
            f"there are {rows:,} images and labels of the shape {labels.shape}", expected="one label for each image"
        )
    if labels.dtype.kind not in "iu":
        raise EvaluationError(f"the labels are {labels.dtype}", expected="numbers of classes, such as int64")
    found = labels.astype(np.int64)
    low, high = (int(found.min()), int(found.max())) if rows else (0, 0)
    if low < 0 or (classes is not None and high >= classes):
        raise EvaluationError(
            f"the label {low if low < 0 else high} is the number of no class",
            expected="numbers from 0" + (f" to {classes - 1}" if classes is not None else " on"),
        )
    return found


def class_sums(vectors: Vectors, labels: Codes, classes: int) -> Numbers:
    """Return the sum of the vectors of each class: float64[classes, dimensions], zeros of a class that has none.

    >>> class_sums(np.array([[1, 2], [3, 4]], np.float32), np.array([1, 1]), 2).tolist()
    [[0.0, 0.0], [4.0, 6.0]]
    """
    sums = np.zeros((classes, vectors.shape[1]))
    order = np.argsort(labels, kind="stable")
    for start in range(0, len(order), _BLOCK):
        rows = order[start : start + _BLOCK]
        begins = np.flatnonzero(np.diff(labels[rows], prepend=-1))
        sums[labels[rows[begins]]] += np.add.reduceat(vectors[rows].astype(np.float64), begins, axis=0)
    return sums


def class_means(vectors: Vectors, labels: Codes, classes: int) -> Numbers:
    """Return the mean vector of each class: float64[classes, dimensions], NaN of a class that has no vectors."""
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    counts[counts == 0] = np.nan
    return class_sums(vectors, labels, classes) / counts[:, None]


def group_codes(groups: Codes | None, rows: int) -> Codes:
    """Return the numbers of the groups that images are of, or of each image its own where none are given.

    Images of one group show one organism or scene; where one is told, the others say nothing new.
    """
    if groups is None:
        return np.arange(rows)
    return checked_labels(groups, rows)


def one_of_each(groups: Codes, *seeds: int) -> Codes:
    """Return one image of each group, drawn by the seeds: rows, ascending.

    >>> one_of_each(np.array([4, 4, 4, 7]), 0).size
    2
    """
    order = generator(*seeds).permutation(len(groups))
    _, first = np.unique(groups[order], return_index=True)
    return np.asarray(np.sort(order[first]), np.int64)


def generator(*seeds: int) -> np.random.Generator:
    """Return the random numbers of some seeds: PCG64 of exactly these, whatever NumPy's default becomes."""
    return np.random.Generator(np.random.PCG64(list(seeds)))
