"""How bad mistakes are: the height of the lowest common ancestor of the predicted and the true class.

Bertinetto et al. 2020, "Making better mistakes", name the two means: over mistakes alone (how bad is one?) and over all
images (hierarchical distance, in which a right answer counts 0). Heights are counted in the seven ranks, see
`Lineages.heights`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from manifests.recipe import RANKS
from pipeline.evaluate.measures.lineages import Lineages
from pipeline.evaluate.measures.vectors import Codes

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Severity:
    """Heights of mistakes."""

    images: int
    mistakes: int
    over_mistakes: float | None
    """Mean height over images whose predicted class is not the true one; None without mistakes."""
    over_all: float | None
    """Mean height over all images; None without images."""
    heights: tuple[int, ...]
    """Images by height: 0 to 7. Mistakes between classes that seven ranks do not tell apart stand at 0 too."""
    chance: float | None
    """Mean height of guesses drawn evenly from all other classes, over images. Where there are more than 1,000 true
    classes, over those of 1,000 of them, evenly spaced."""


def severity(lineages: Lineages, labels: Codes, predicted: Codes) -> Severity:
    """Return how bad the mistakes are; `labels` and `predicted` are numbers of classes.

    >>> from pipeline.evaluate.measures.lineages import read_lineages
    >>> names = [("A", "a", "a x"), ("A", "a", "a y"), ("P", "b", "b x")]
    >>> tree = read_lineages([dict(zip(("kingdom", "genus", "species"), each)) for each in names])
    >>> severity(tree, np.array([0, 0, 0, 0]), np.array([0, 1, 2, 0])).over_mistakes
    4.0
    """
    heights = lineages.heights(labels, predicted)
    wrong = labels != predicted
    return Severity(
        images=len(labels),
        mistakes=int(wrong.sum()),
        over_mistakes=float(heights[wrong].mean()) if wrong.any() else None,
        over_all=float(heights.mean()) if len(labels) else None,
        heights=tuple(np.bincount(heights, minlength=len(RANKS) + 1).tolist()),
        chance=_chance(lineages, labels),
    )


def _chance(lineages: Lineages, labels: Codes) -> float | None:
    classes, counts = np.unique(labels, return_counts=True)
    some = np.unique(np.linspace(0, len(classes) - 1, min(len(classes), _MOST)).astype(np.int64))
    classes, counts = classes[some], counts[some]
    if len(lineages) < 2 or not len(classes):
        return None
    everyone = np.arange(len(lineages))
    total = 0.0
    for true, count in zip(classes.tolist(), counts.tolist(), strict=True):
        total += count * float(lineages.heights(np.full(len(everyone), true), everyone).sum()) / (len(everyone) - 1)
    return total / float(counts.sum())
