"""What embeddings say of each image's label: distance to its taxon, the nearest wrong taxon, outliers, mislabels.

Distances are 1 - cosine of centred embeddings to centroids that the image did not make (`held_out`). An outlier lies
far from its own taxon for an image of it: its robust z, (distance - median) / (1.4826 MAD), is above 3.5 (Iglewicz and
Hoaglin 1993). Median and MAD are those of its class where that has ten judged images or more, else of all images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.evaluate.measures.confident_learning import confident_labels
from pipeline.evaluate.measures.held_out import FOLDS, hold_out
from pipeline.evaluate.measures.vectors import Codes, Flags, Numbers, Vectors

OUTLIER = 3.5
MOST_WRONG = 0.5
"""Where more labels than this share come out as wrong, it is the embeddings that cannot tell, and no label is named."""
_NORMAL = 1.4826
_LEAST = 10
_FLAT = 1e-6
"""MAD of distances that do not differ but by rounding."""


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """One entry an image; NaN, -1 and false where it is not judged, as its class has no other image or group."""

    judged: Flags
    distance: Numbers
    """To the centroid of its own class, 0 to 2."""
    nearest: Codes
    """The class of the nearest centroid but its own."""
    nearest_distance: Numbers
    z: Numbers
    """Robust z of the distance."""
    outlier: Flags
    mislabelled: Flags
    suggested: Codes
    """Of a likely mislabel the likeliest class; -1 of any other image."""
    margin: Numbers
    """Probability of the likeliest other class minus that of the label: by which mislabels are put in order."""
    temperature: float
    estimated_mislabelled: float
    """Share of judged labels that are wrong, as confident learning estimates it."""

    @property
    def tells_labels(self) -> bool:
        """Whether the embeddings tell classes apart well enough to name a label as wrong."""
        return self.estimated_mislabelled <= MOST_WRONG


@dataclass(frozen=True, slots=True)
class DiagnosticCounts:
    """The diagnostics, counted."""

    judged: int
    not_judged: int
    """The only image or group of their class."""
    outliers: int
    likely_mislabels: int
    """None are named where more than half of the labels come out as wrong."""
    estimated_mislabelled: float
    nearer_to_wrong: int
    """Whose nearest centroid is that of another class."""


def diagnose(
    vectors: Vectors, labels: Codes, folds: int = FOLDS, seed: int = 0, groups: Codes | None = None
) -> Diagnostics:
    """Return the diagnostics of unit vectors; `groups` and errors as those of `hold_out`.

    Where more than `MOST_WRONG` of the labels come out as wrong, none is named.

    >>> x = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    >>> found = diagnose(x, np.array([0, 0, 0, 1, 1, 1, 1, 1]))
    >>> found.mislabelled.tolist().index(True), found.suggested[3]
    (3, np.int64(0))
    """
    held = hold_out(vectors, labels, folds, seed, groups)
    count = len(labels)
    distance, nearest_distance = np.full(count, np.nan), np.full(count, np.nan)
    nearest = np.full(count, -1, np.int64)
    for rows, scores in held.blocks():
        each = np.arange(len(rows))
        own = held.labels[rows]
        distance[rows] = 1 - scores[each, own].astype(np.float64)
        scores[each, own] = -np.inf
        best = np.argmax(scores, axis=1)
        nearest[rows] = held.classes[best]
        nearest_distance[rows] = 1 - scores[each, best].astype(np.float64)
    temperature = held.temperature(seed)
    confident = confident_labels(lambda: held.probabilities(temperature), held.labels, len(held.classes))
    z = robust_z(distance, held.labels)
    mislabelled = confident.mislabelled & (confident.estimated_share <= MOST_WRONG)
    suggested = np.where(mislabelled, held.classes[confident.likeliest], -1)
    return Diagnostics(
        judged=held.judged,
        distance=distance,
        nearest=nearest,
        nearest_distance=nearest_distance,
        z=z,
        outlier=np.nan_to_num(z, nan=0.0) > OUTLIER,
        mislabelled=mislabelled,
        suggested=suggested,
        margin=confident.margin,
        temperature=temperature,
        estimated_mislabelled=confident.estimated_share,
    )


def among(chosen: Flags, found: Diagnostics) -> Diagnostics:
    """Return the diagnostics of chosen images alone: all others are as if they were not judged.

    The estimated share of wrong labels stays that of all.

    >>> x = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    >>> found = diagnose(x, np.array([0, 0, 0, 1, 1, 1, 1, 1]))
    >>> among(np.arange(8) != 3, found).mislabelled.any()
    np.False_
    """
    if chosen.all():
        return found
    return replace(
        found,
        judged=found.judged & chosen,
        distance=np.where(chosen, found.distance, np.nan),
        nearest=np.where(chosen, found.nearest, -1),
        nearest_distance=np.where(chosen, found.nearest_distance, np.nan),
        z=np.where(chosen, found.z, np.nan),
        outlier=found.outlier & chosen,
        mislabelled=found.mislabelled & chosen,
        suggested=np.where(chosen, found.suggested, -1),
        margin=np.where(chosen, found.margin, np.nan),
    )


def counts(found: Diagnostics, chosen: Flags | None = None) -> DiagnosticCounts:
    """Return how many images are of which kind, of all or of those chosen, which `among` has been told."""
    asked = len(found.judged) if chosen is None else int(chosen.sum())
    return DiagnosticCounts(
        judged=int(found.judged.sum()),
        not_judged=asked - int(found.judged.sum()),
        outliers=int(found.outlier.sum()),
        likely_mislabels=int(found.mislabelled.sum()),
        estimated_mislabelled=found.estimated_mislabelled,
        nearer_to_wrong=int((found.nearest_distance < found.distance).sum()),
    )


def robust_z(values: Numbers, labels: Codes) -> Numbers:
    """Return (value - median) / (1.4826 MAD) within classes; NaN where the value is.

    >>> robust_z(np.array([1.0, 2.0, 3.0, 9.0]), np.zeros(4, int)).round(2).tolist()
    [-1.01, -0.34, 0.34, 4.38]
    """
    z = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return z
    middle, wide = _median_and_mad(values[known])
    order = known[np.argsort(labels[known], kind="stable")]
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        own_middle, own_wide = middle, wide
        if len(rows) >= _LEAST:
            own_middle, own_wide = _median_and_mad(values[rows])
            if own_wide <= _FLAT:
                own_wide = wide
        z[rows] = (values[rows] - own_middle) / (_NORMAL * max(own_wide, _FLAT))
    return z


def _median_and_mad(values: Numbers) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, float(np.median(np.abs(values - middle)))
