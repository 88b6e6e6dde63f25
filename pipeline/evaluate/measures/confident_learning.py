"""Likely mislabels by confident learning (Northcutt, Jiang and Chuang 2021, "Confident learning", section 3).

From out-of-sample probabilities p and labels y: the threshold of class j is t_j = mean of p_j over images labelled j.
An image counts as one of class j where p_j >= t_j (within rounding), of several such classes the one of the greatest
p_j. These counts are the confident joint C[label, j]; with its rows scaled to the images of each label, the share off
its diagonal estimates how many labels are wrong at all.

An image is a likely mislabel where another class is likelier than its label, and one of both holds: it stands off the
diagonal of C; or its margin, the probability of the likeliest other class minus that of the label, is among as many
greatest ones as labels are estimated to be wrong. The first alone finds few where a class has hardly any mislabels: its
threshold is then the mean of its own images, which half of any others miss too.
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

    off_diagonal: Flags
    """Counted as one of another class, which is likelier than the label."""
    ranked: Flags
    """Among the greatest margins, as many as labels are estimated to be wrong."""
    likeliest: Codes
    """int64[images]: the likeliest class but the label; -1 of images that were not judged."""
    margin: Numbers
    """float64[images]: its probability minus that of the label; NaN of images that were not judged."""
    thresholds: Numbers
    """float64[classes]: t_j; infinite of a class without judged images."""
    estimated_share: float
    """Share of judged labels that are wrong, by the scaled joint."""

    @property
    def mislabelled(self) -> Flags:
        """Which images are likely mislabels."""
        return self.off_diagonal | self.ranked


def confident_labels(blocks: Blocks, labels: Codes, classes: int) -> ConfidentLabels:
    """Return likely mislabels; the blocks are read twice, and only the images in them are judged.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]])
    >>> found = confident_labels(lambda: iter([(np.arange(5), p)]), np.array([0, 0, 1, 1, 0]), 2)
    >>> found.mislabelled.tolist(), found.likeliest[4]
    ([False, False, False, False, True], np.int64(1))
    """
    own = np.full(len(labels), np.nan)
    for rows, p in blocks():
        own[rows] = p[np.arange(len(rows)), labels[rows]]
    judged = np.isfinite(own)
    counts = np.bincount(labels[judged], minlength=classes)
    sums = np.bincount(labels[judged], own[judged], minlength=classes)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    counted, likeliest = np.full(len(labels), -1, np.int64), np.full(len(labels), -1, np.int64)
    margin = np.full(len(labels), np.nan)
    for rows, p in blocks():
        each = np.arange(len(rows))
        confident = np.where(p >= thresholds * _WITHIN, p, -1)
        best = np.argmax(confident, axis=1)
        counted[rows] = np.where(confident[each, best] >= 0, best, -1)
        p[each, labels[rows]] = -1
        likeliest[rows] = np.argmax(p, axis=1)
        margin[rows] = p[each, likeliest[rows]] - own[rows]
    share = _share(labels[judged], counted[judged])
    likelier = np.nan_to_num(margin, nan=-1) > 0
    ranked = np.zeros(len(labels), np.bool_)
    ranked[np.argsort(-np.nan_to_num(margin, nan=-2), kind="stable")[: round(share * int(judged.sum()))]] = True
    return ConfidentLabels(
        off_diagonal=likelier & (counted >= 0) & (counted != labels),
        ranked=likelier & ranked,
        likeliest=likeliest,
        margin=margin,
        thresholds=thresholds,
        estimated_share=share,
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
