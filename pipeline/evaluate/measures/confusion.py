"""Which taxa are taken for which others, and by which pictures: mistakes counted by pair, and accuracy by taxon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.lineages import Lineages
from pipeline.evaluate.measures.vectors import Codes, Numbers

PICTURES = 5


@dataclass(frozen=True, slots=True)
class Confused:
    """A pair of classes, the true one and the one that was predicted."""

    true: int
    predicted: int
    images: int
    share: float
    """Of the images of the true class."""
    height: int
    """Of the lowest common ancestor of the two."""
    pictures: tuple[str, ...]
    """Keys of the surest mistakes, surest first."""


@dataclass(frozen=True, slots=True)
class TaxonAccuracy:
    """One class: how often it was known, and how often something else was taken for it."""

    taxon: int
    images: int
    right: int
    accuracy: float | None
    """right / images, its recall; None without images."""
    predicted: int
    """Images predicted to be of it."""
    precision: float | None
    """right / predicted."""
    height: float | None
    """Mean height of its mistakes; None without any."""


def confusion(
    lineages: Lineages,
    labels: Codes,
    predicted: Codes,
    sureness: Numbers,
    keys: Sequence[str],
    pictures: int = PICTURES,
) -> list[Confused]:
    """Return every pair of classes that was confused, the most frequent first, then by the numbers of the classes.

    `sureness`: by which the pictures of a pair are chosen, such as the score of the prediction.

    >>> from pipeline.evaluate.measures.lineages import read_lineages
    >>> tree = read_lineages([{"genus": "a"}, {"genus": "b"}])
    >>> found = confusion(tree, np.array([0, 0, 1]), np.array([1, 1, 1]), np.array([0.1, 0.9, 1.0]), ["x", "y", "z"])
    >>> [(each.true, each.predicted, each.images, each.pictures) for each in found]
    [(0, 1, 2, ('y', 'x'))]
    """
    wrong = np.flatnonzero(labels != predicted)
    if not wrong.size:
        return []
    totals = np.bincount(labels)
    true, guess = labels[wrong], predicted[wrong]
    order = np.lexsort((wrong, -sureness[wrong], guess, true))
    true, guess, rows = true[order], guess[order], wrong[order]
    begins = np.flatnonzero((np.diff(true, prepend=-1) != 0) | (np.diff(guess, prepend=-1) != 0))
    ends = np.append(begins[1:], len(rows))
    heights = lineages.heights(true[begins], guess[begins])
    found = []
    for place in np.lexsort((guess[begins], true[begins], begins - ends)):
        begin, end = int(begins[place]), int(ends[place])
        shown = tuple(keys[row] for row in rows[begin : min(end, begin + pictures)].tolist())
        one, other = int(true[begin]), int(guess[begin])
        share = (end - begin) / int(totals[one])
        found.append(Confused(one, other, end - begin, share, int(heights[place]), shown))
    return found


def taxon_accuracies(lineages: Lineages, labels: Codes, predicted: Codes) -> list[TaxonAccuracy]:
    """Return each class that has images or was predicted, by its number."""
    classes = len(lineages)
    images, guessed = np.bincount(labels, minlength=classes), np.bincount(predicted, minlength=classes)
    right = np.bincount(labels[labels == predicted], minlength=classes)
    heights = np.bincount(labels, lineages.heights(labels, predicted), minlength=classes)
    found = []
    for taxon in np.flatnonzero(images + guessed).tolist():
        mistakes = int(images[taxon] - right[taxon])
        found.append(
            TaxonAccuracy(
                taxon=taxon,
                images=int(images[taxon]),
                right=int(right[taxon]),
                accuracy=float(right[taxon] / images[taxon]) if images[taxon] else None,
                predicted=int(guessed[taxon]),
                precision=float(right[taxon] / guessed[taxon]) if guessed[taxon] else None,
                height=float(heights[taxon] / mistakes) if mistakes else None,
            )
        )
    return found
