"""Likely mislabels by confident learning (Northcutt, Jiang and Chuang 2021, "Confident learning", section 3).

From out-of-sample probabilities p and labels y: the threshold of class j is t_j = mean of p_j over images labelled j.
An image counts as one of class j where p_j >= t_j (within rounding), of several such classes the one of the greatest
p_j. An image that counts as one of another class than its label's is a likely mislabel: it stands off the diagonal of
the confident joint C[label, j]. With its rows scaled to the images of each label, the joint estimates how many labels
are wrong at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.vectors import Codes, Flags, Numbers

Blocks = Callable[[], Iterator[tuple[Codes, Numbers]]]
"""Gives the probabilities of some images at a time: their rows, and float64[rows, classes]."""

_WITHIN = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class ConfidentLabels:
    """What confident learning says of each image."""

    mislabelled: Flags
    suggested: Codes
    """int64[images]: the class that a likely mislabel counts as; -1 of any other image."""
    own: Numbers
    """float64[images]: the probability of the label; NaN of images that were not judged."""
    margin: Numbers
    """float64[images]: greatest probability of another class, minus that of the label; NaN as `own`."""
    thresholds: Numbers
    """float64[classes]: t_j; infinite of a class without judged images."""
    estimated_share: float
    """Share of judged labels that are wrong, by the scaled joint."""


def confident_labels(blocks: Blocks, labels: Codes, classes: int) -> ConfidentLabels:
    """Return likely mislabels; the blocks are read twice, and only the images in them are judged.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]])
    >>> found = confident_labels(lambda: iter([(np.arange(5), p)]), np.array([0, 0, 1, 1, 0]), 2)
    >>> found.mislabelled.tolist(), found.suggested.tolist()
    ([False, False, False, False, True], [-1, -1, -1, -1, 1])
    """
    own = np.full(len(labels), np.nan)
    for rows, p in blocks():
        own[rows] = p[np.arange(len(rows)), labels[rows]]
    judged = np.isfinite(own)
    counts = np.bincount(labels[judged], minlength=classes)
    sums = np.bincount(labels[judged], own[judged], minlength=classes)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    counted = np.full(len(labels), -1, np.int64)
    margin = np.full(len(labels), np.nan)
    for rows, p in blocks():
        confident = np.where(p >= thresholds * _WITHIN, p, -1)
        best = np.argmax(confident, axis=1)
        sure = confident[np.arange(len(rows)), best] >= 0
        counted[rows] = np.where(sure, best, -1)
        others = p.copy()
        others[np.arange(len(rows)), labels[rows]] = -1
        margin[rows] = others.max(axis=1) - own[rows]
    mislabelled = (counted >= 0) & (counted != labels)
    return ConfidentLabels(
        mislabelled=mislabelled,
        suggested=np.where(mislabelled, counted, -1),
        own=own,
        margin=margin,
        thresholds=thresholds,
        estimated_share=_share(labels[judged], counted[judged]),
    )


def _share(labels: Codes, counted: Codes) -> float:
    """Return the share off the diagonal of the joint whose rows are scaled to the images of each label."""
    if not len(labels):
        return 0.0
    sure = counted >= 0
    classes = int(labels.max()) + 1
    images = np.bincount(labels, minlength=classes)
    rows = np.bincount(labels[sure], minlength=classes)
    off = np.bincount(labels[sure & (counted != labels)], minlength=classes)
    return float((np.where(rows > 0, off / np.maximum(rows, 1), 0) * images).sum() / len(labels))
