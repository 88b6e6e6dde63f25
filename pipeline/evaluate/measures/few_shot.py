"""Few-shot classification by SimpleShot: the nearest centroid of k labelled images of each class.

Wang et al. 2019, "SimpleShot", CL2N, as BioCLIP and BioCLIP 2 report it (k = 1 and 5, five folds, the seed of a fold is
its number): with m the mean of the support, z(x) = (x - m) / |x - m|, c_j the mean of z over the support of class j,
the class of x is argmin_j |z(x) - c_j|, which is argmax_j <z(x), c_j> - |c_j|^2 / 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.neighbours import nearest
from pipeline.evaluate.measures.vectors import (
    Codes,
    Flags,
    Vectors,
    class_means,
    generator,
    group_codes,
    one_of_each,
    row_lengths,
)
from pipeline.model.errors import EvaluationError

K = (1, 5)
FOLDS = 5
_BLOCK = 1 << 13


@dataclass(frozen=True, slots=True)
class FewShot:
    """Accuracy with k labelled images of each class."""

    k: int
    classes: int
    """That have more than k groups of images; no other takes part."""
    left_out: int
    """Classes of at most k."""
    folds: tuple[float, ...]
    """Accuracy of each fold over all images of groups that are not in its support."""
    accuracy: float
    deviation: float
    """Standard deviation over folds, of n - 1; 0 of a single one."""
    chance: float


def support(labels: Codes, k: int, fold: int) -> Flags:
    """Return which images are the support of a fold: k of each class, drawn by PCG64 seeded with the fold's number.

    A fold does not depend on the folds before it. Raises EvaluationError where a class has fewer than k images.

    >>> support(np.array([0, 0, 1, 1]), 1, 0).sum()
    np.int64(2)
    """
    counts = np.bincount(labels)
    few = np.flatnonzero((counts > 0) & (counts < k))
    if k < 1 or few.size:
        where = f"class {int(few[0])} has {int(counts[few[0]])}" if few.size else ""
        raise EvaluationError(
            f"{k} images of each class are asked for", where, "at least 1, and no more than each class has"
        )
    order = np.lexsort((generator(fold).random(len(labels)), labels))
    begins = np.concatenate([[0], np.cumsum(counts)])[:-1]
    place = np.arange(len(labels)) - begins[labels[order]]
    chosen = np.zeros(len(labels), np.bool_)
    chosen[order[place < k]] = True
    return chosen


def centred(vectors: Vectors, mean: Vectors) -> Vectors:
    """Return vectors minus the mean, of length one; one that is the mean itself stays 0, and is as near to all."""
    moved = vectors - mean
    lengths = row_lengths(moved)
    lengths[lengths == 0] = 1
    moved /= lengths[:, None].astype(np.float32)
    return moved


def nearest_centroid(train: Vectors, labels: Codes, test: Vectors, k: int = 1, rows: Codes | None = None) -> Codes:
    """Return the k classes whose centroids lie nearest to each vector of `test`: int64[test, k].

    Classes without vectors in `train` are none. `rows`: those of `test` that are asked for, instead of all; they are
    taken in blocks. Raises EvaluationError where there is but one class.
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise EvaluationError("there is one class only", expected="two or more, to tell them apart")
    mean = train.mean(axis=0, dtype=np.float64).astype(np.float32)
    means = class_means(centred(train, mean), numbers, len(classes))
    offsets = (-0.5 * np.einsum("ij,ij->i", means, means)).astype(np.float32)
    directions = means.astype(np.float32)
    wanted = np.arange(len(test)) if rows is None else rows
    found = np.empty((len(wanted), min(k, len(classes))), np.int64)
    for start in range(0, len(wanted), _BLOCK):
        part = centred(test[wanted[start : start + _BLOCK]], mean)
        found[start : start + _BLOCK] = classes[nearest(part, directions, found.shape[1], offsets).rows]
    return found


def few_shot(
    vectors: Vectors,
    labels: Codes,
    k: int,
    folds: int = FOLDS,
    shuffled: bool = False,
    groups: Codes | None = None,
) -> FewShot:
    """Return the accuracy with k images of each class that has more than k.

    `shuffled`: a control; the labels of the support are permuted, so that only chance is left. `groups`: numbers of the
    groups that images are of; the support has one image of a group, and no other image of these groups is judged; a
    class then needs more than k groups. Raises EvaluationError where fewer than two classes have enough.

    >>> vectors = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    >>> few_shot(vectors, np.array([0, 0, 0, 1, 1, 1]), 1).accuracy
    1.0
    """
    group = group_codes(groups, len(labels))
    counts = counts_of_groups(labels, group)
    enough = counts > k
    if enough.sum() < 2:
        raise EvaluationError(
            f"{int(enough.sum())} classes have more than {k} images, of {int((counts > 0).sum())}",
            expected="two or more, with an image to judge beside the support",
            remedy="ask for fewer images of each class",
        )
    used = np.flatnonzero(enough[labels])
    found = []
    for fold in range(folds):
        single = used if groups is None else used[one_of_each(_pairs(labels[used], group[used]), fold, 15)]
        chosen = single[support(labels[single], k, fold)]
        taught = labels[chosen]
        if shuffled:
            taught = generator(fold, 1).permutation(taught)
        judged = used[~np.isin(group[used], group[chosen])]
        guess = nearest_centroid(vectors[chosen], taught, vectors, rows=judged)[:, 0]
        found.append(float((guess == labels[judged]).mean()))
    accuracies = np.array(found)
    return FewShot(
        k=k,
        classes=int(enough.sum()),
        left_out=int(((counts > 0) & ~enough).sum()),
        folds=tuple(found),
        accuracy=float(accuracies.mean()),
        deviation=float(accuracies.std(ddof=1)) if folds > 1 else 0.0,
        chance=1 / int(enough.sum()),
    )


def several(
    vectors: Vectors, labels: Codes, ks: Sequence[int] = K, folds: int = FOLDS, groups: Codes | None = None
) -> tuple[FewShot, ...]:
    """Return the accuracy for each k for which at least two classes have more images, or groups of them."""
    counts = counts_of_groups(labels, group_codes(groups, len(labels)))
    return tuple(few_shot(vectors, labels, k, folds, groups=groups) for k in ks if (counts > k).sum() >= 2)


def counts_of_groups(labels: Codes, groups: Codes) -> Codes:
    """Return how many groups each class has images of.

    >>> counts_of_groups(np.array([0, 0, 1]), np.array([5, 5, 5])).tolist()
    [1, 1]
    """
    _, first = np.unique(_pairs(labels, groups), return_index=True)
    return np.bincount(labels[first], minlength=int(labels.max(initial=-1)) + 1)


def _pairs(labels: Codes, groups: Codes) -> Codes:
    """Return one number for each pair of class and group."""
    return labels * (int(groups.max(initial=0)) + 1) + groups
