"""Accuracy at each of the seven ranks.

At rank r a prediction is right where the predicted class and the true one are of the same taxon: acc_r = right_r / n_r.
n_r counts the images whose true class has the rank: a class without a family is neither right nor wrong at family. A
predicted class that lacks the rank is wrong where the true one has it. The mean over taxa weighs each true taxon of the
rank alike, however many images it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from manifests.recipe import RANKS
from pipeline.evaluate.measures.lineages import MISSING, Lineages
from pipeline.evaluate.measures.vectors import Codes


@dataclass(frozen=True, slots=True)
class RankAccuracy:
    """What is right at one rank."""

    rank: str
    images: int
    """Whose true class has the rank."""
    taxa: int
    """True taxa of the rank among these images."""
    accuracy: float | None
    """Share of these images whose predicted class is of the same taxon; None without images."""
    mean_over_taxa: float | None
    """Mean of the accuracy of each true taxon of the rank."""


def rank_accuracies(lineages: Lineages, labels: Codes, predicted: Codes) -> tuple[RankAccuracy, ...]:
    """Return the accuracy at each rank, from kingdom to species; `labels` and `predicted` are numbers of classes.

    >>> from pipeline.evaluate.measures.lineages import read_lineages
    >>> tree = read_lineages([{"genus": "Puma", "species": "Puma concolor"}, {"genus": "Puma"}, {"genus": "Lynx"}])
    >>> found = rank_accuracies(tree, np.array([0, 1, 2]), np.array([1, 0, 0]))
    >>> [(each.rank, each.images, each.accuracy) for each in found if each.images]
    [('genus', 3, 0.6666666666666666), ('species', 1, 0.0)]
    """
    found = []
    for rank, name in enumerate(RANKS):
        true, guess = lineages.codes[labels, rank], lineages.codes[predicted, rank]
        has = true != MISSING
        true, right = true[has], (true == guess)[has]
        counts = np.bincount(true, minlength=lineages.taxa(rank))
        sums = np.bincount(true, right, minlength=lineages.taxa(rank))
        there = counts > 0
        mean = float((sums[there] / counts[there]).mean()) if there.any() else None
        accuracy = float(right.mean()) if right.size else None
        found.append(RankAccuracy(name, int(right.size), int(there.sum()), accuracy, mean))
    return tuple(found)
