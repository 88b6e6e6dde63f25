"""What the nearest centroid says of each image when the image itself did not make the centroids (cross-validation).

Images of a class are dealt to folds, in an order drawn by a seed, those of one group together; the centroids of a fold
are of the images of all other folds. Images of a class that is in one fold alone have no centroid of their class to be
held against: they are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.calibration import fit_temperature, log_softmax, most_fitted
from pipeline.evaluate.measures.few_shot import centred
from pipeline.evaluate.measures.vectors import Codes, Flags, Numbers, Vectors, class_sums, generator, group_codes
from pipeline.model.errors import EvaluationError

FOLDS = 5
_SCORES = 1 << 21


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Cosines of images to centroids that they did not make."""

    vectors: Vectors
    """Centred and of length one."""
    labels: Codes
    """int64[images]: numbers from 0 on of the classes that have images."""
    classes: Codes
    """int64[classes]: the numbers that the labels had before, ascending."""
    fold: Codes
    judged: Flags
    centroids: tuple[Vectors, ...]
    """By fold, float32[classes, dimensions], of length one; zeros of a class that has no image in the other folds."""
    absent: tuple[Flags, ...]
    """By fold, which classes those are."""

    def blocks(self, rows: Codes | None = None) -> Iterator[tuple[Codes, Vectors]]:
        """Yield the cosines of some images at a time (of the judged ones, without `rows`): their rows, and
        float32[rows, classes], -inf for a class without a centroid."""
        wanted = np.flatnonzero(self.judged) if rows is None else rows
        for fold, (centroids, absent) in enumerate(zip(self.centroids, self.absent, strict=True)):
            mine = wanted[self.fold[wanted] == fold]
            step = max(1, _SCORES // len(self.classes))
            for start in range(0, len(mine), step):
                part = mine[start : start + step]
                scores = self.vectors[part] @ centroids.T
                scores[:, absent] = -np.inf
                yield part, scores

    def temperature(self, seed: int = 0) -> float:
        """Return the temperature that fits the labels best, of `most_fitted` judged images, drawn by the seed."""
        rows, most = np.flatnonzero(self.judged), most_fitted(len(self.classes))
        if len(rows) > most:
            rows = np.sort(generator(seed, 12).choice(rows, most, replace=False))
        return fit_temperature([(scores, self.labels[part]) for part, scores in self.blocks(rows)])

    def probabilities(self, temperature: float) -> Iterator[tuple[Codes, Numbers]]:
        """Yield softmax(cosine / temperature) of the judged images, some at a time: rows, float64[rows, classes]."""
        for part, scores in self.blocks():
            yield part, np.exp(log_softmax(scores.astype(np.float64) / temperature))


def hold_out(
    vectors: Vectors, labels: Codes, folds: int = FOLDS, seed: int = 0, groups: Codes | None = None
) -> HeldOut:
    """Return the folds and their centroids; `vectors` are unit vectors.

    `groups`: numbers of the groups that images are of; a group is in one fold. Raises EvaluationError where fewer than
    two classes have two images, or two groups.

    >>> found = hold_out(np.eye(4, dtype=np.float32), np.array([5, 5, 9, 9]), folds=2)
    >>> found.labels.tolist(), found.judged.all(), [len(rows) for rows, _ in found.blocks()]
    ([0, 0, 1, 1], np.True_, [2, 2])
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    counts = np.bincount(numbers, minlength=len(classes))
    fold = _deal(numbers, group_codes(groups, len(numbers)), folds, seed)
    spread = np.bincount(np.unique(numbers * folds + fold) // folds, minlength=len(classes))
    """Folds that each class has images in."""
    if (spread > 1).sum() < 2:
        raise EvaluationError(
            f"{int((spread > 1).sum())} classes have two images or more, and there are {folds} folds",
            expected="two or more of both, so that an image can be held against the others of its class",
        )
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    moved = centred(vectors, mean)
    total = class_sums(moved, numbers, len(classes))
    centroids, absent = [], []
    for each in range(folds):
        mine = fold == each
        rest = counts - np.bincount(numbers[mine], minlength=len(classes))
        sums = total - class_sums(moved[mine], numbers[mine], len(classes))
        sums[rest == 0] = 0
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centroids.append(np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0).astype(np.float32))
        absent.append(rest == 0)
    return HeldOut(moved, numbers, classes, fold, (spread > 1)[numbers], tuple(centroids), tuple(absent))


def _deal(labels: Codes, groups: Codes, folds: int, seed: int) -> Codes:
    """Return the fold of each image: groups in an order drawn by the seed, dealt evenly within the class of the first
    image that each has."""
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    of_group = labels[first]
    order = np.lexsort((generator(seed, 13).random(len(first)), of_group))
    sizes = np.bincount(of_group, minlength=int(labels.max()) + 1)
    begins = np.cumsum(sizes) - sizes
    fold = np.empty(len(first), np.int64)
    fold[order] = (np.arange(len(first)) - begins[of_group[order]]) % folds
    return np.asarray(fold[number], np.int64)
