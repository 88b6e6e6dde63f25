"""Zero-shot classification: an image is of the class whose text lies nearest to it.

Radford et al. 2021 (CLIP), section 3.1: the texts of a class, one for each template, are normalised, averaged and
normalised again; the class of an image is argmax_c <image, class_c>. BioCLIP and BioCLIP 2 report top-1, top-3, top-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.measures.neighbours import nearest
from pipeline.evaluate.measures.vectors import Codes, Vectors, unit
from pipeline.model.errors import EvaluationError

TOP = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class TopK:
    """Accuracy of the first k guesses."""

    k: int
    accuracy: float
    """Share of images whose class is among the first k."""
    mean_over_classes: float
    """Mean of that share over true classes, each weighed alike."""
    chance: float
    """k / classes."""


def class_texts(templates: Sequence[npt.NDArray[Any]]) -> Vectors:
    """Return the text vector of each class: the mean over templates of unit vectors, made unit again.

    `templates`: of each template the embeddings of the classes' texts, (classes, dimensions). Raises EvaluationError
    where they are not of one shape, and where the texts of a class cancel each other out.

    >>> class_texts([np.array([[2.0, 0.0]]), np.array([[0.0, 1.0]])]).round(3).tolist() == [[0.7070000171661377] * 2]
    True
    """
    if not templates:
        raise EvaluationError("there are no texts", expected="embeddings of the classes' texts, a matrix a template")
    total = np.zeros(templates[0].shape)
    for template in templates:
        if template.shape != total.shape:
            raise EvaluationError(
                f"templates have the shapes {total.shape} and {template.shape}",
                expected="a text of each class for each template",
            )
        total += unit(template, "class texts")
    return unit(total, "means of class texts")


def classify(images: Vectors, classes: Vectors, k: int) -> tuple[Codes, Vectors]:
    """Return the k nearest classes of each image, and their cosines: int64[images, k], float32[images, k].

    Both are unit vectors. k is lowered to the number of classes. Memory is that of a block of scores and the answer,
    for any number of classes.
    """
    found = nearest(images, classes, min(k, len(classes)))
    return found.rows, found.scores


def top_accuracies(guesses: Codes, labels: Codes, classes: int, top: Sequence[int] = TOP) -> tuple[TopK, ...]:
    """Return the accuracies of the first k guesses for each k of `top` that there are guesses for.

    >>> found = top_accuracies(np.array([[0, 1], [1, 0]]), np.array([0, 0]), 4, (1, 2, 3))
    >>> [(each.k, each.accuracy, each.chance) for each in found]
    [(1, 0.5, 0.25), (2, 1.0, 0.5)]
    """
    if not len(labels):
        return ()
    hits = guesses == labels[:, None]
    counts = np.bincount(labels, minlength=classes)
    there = counts > 0
    found = []
    for k in top:
        if k > guesses.shape[1]:
            continue
        right = hits[:, :k].any(axis=1)
        by_class = np.bincount(labels, right, minlength=classes)[there] / counts[there]
        found.append(TopK(k, float(right.mean()), float(by_class.mean()), k / classes))
    return tuple(found)
