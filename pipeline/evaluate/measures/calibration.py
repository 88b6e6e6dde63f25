"""Calibration: is a prediction of confidence 0.8 right four times in five?

Confidence is the greatest softmax probability of cosine / T. Expected calibration error with bins of equal mass (Nixon
et al. 2019, "Measuring calibration in deep learning"): ECE = sum_b n_b / n |accuracy_b - confidence_b|, where images
are put in order of confidence and cut into bins of equal numbers. The temperature T minimises the mean negative log
likelihood of the true classes on images that are not those it is judged on (Guo et al. 2017, section 4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.neighbours import blocks_of
from pipeline.evaluate.measures.vectors import Codes, Numbers, Vectors, generator
from pipeline.model.errors import EvaluationError

BINS, LEAST_IN_BIN = 15, 10
"""Bins of the reliability table, and images that each has at least: an accuracy of fewer says nothing."""
MOST_FITTED = 2_000
_MOST_SCORES = 1 << 25
_LOW, _HIGH = np.log(1e-4), np.log(1e2)
_STEPS = 60
_GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin of the reliability table."""

    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence against accuracy."""

    temperature: float
    fitted_on: int
    """Images that the temperature was fitted on; the others were judged."""
    images: int
    expected_error: float
    accuracy: float
    confidence: float
    negative_log_likelihood: float
    bins: tuple[Bin, ...]


def expected_calibration_error(confidence: Numbers, right: Numbers, bins: int = BINS) -> tuple[float, tuple[Bin, ...]]:
    """Return the error and the reliability table, bins by ascending confidence; of equal ones the first row first.

    `confidence`: float64[images]; `right`: 1 where the prediction was right, else 0.

    >>> expected_calibration_error(np.array([0.9, 0.9, 0.5, 0.5]), np.array([1.0, 1.0, 1.0, 0.0]), 2)[0]
    0.04999999999999999
    """
    if not len(confidence):
        raise EvaluationError("there are no images", expected="at least one to judge confidence by")
    order = np.argsort(confidence, kind="stable")
    table = []
    for part in np.array_split(order, min(bins, len(order))):
        table.append(Bin(len(part), float(confidence[part].mean()), float(right[part].mean())))
    error = sum(each.images * abs(each.accuracy - each.confidence) for each in table) / len(order)
    return float(error), tuple(table)


def calibration(images: Vectors, classes: Vectors, labels: Codes, bins: int = BINS, seed: int = 0) -> Calibration:
    """Fit the temperature on half of the images (or as many as `most_fitted`), drawn by the seed, and judge the others.

    `images` and `classes` are unit vectors. Raises EvaluationError for fewer than two images or classes.
    """
    if len(images) < 2 or len(classes) < 2:
        raise EvaluationError(
            f"there are {len(images)} images and {len(classes)} classes", expected="two or more of both"
        )
    order = generator(seed, 3).permutation(len(images))
    fitted = np.sort(order[: min(len(order) // 2, most_fitted(len(classes)))])
    judged = np.setdiff1d(np.arange(len(images)), fitted)
    blocks = blocks_of(images[fitted], classes)
    temperature = fit_temperature([(scores, labels[fitted][part]) for part, scores in blocks])
    confidence, likelihood = np.empty(len(judged)), np.empty(len(judged))
    right = np.empty(len(judged))
    for part, scores in blocks_of(images[judged], classes):
        logs = log_softmax(scores.astype(np.float64) / temperature)
        guess = np.argmax(scores, axis=1)
        rows = np.arange(len(guess))
        confidence[part] = np.exp(logs[rows, guess])
        true = labels[judged[part]]
        likelihood[part] = logs[rows, true]
        right[part] = guess == true
    error, table = expected_calibration_error(confidence, right, max(1, min(bins, len(judged) // LEAST_IN_BIN)))
    return Calibration(
        temperature=temperature,
        fitted_on=len(fitted),
        images=len(judged),
        expected_error=error,
        accuracy=float(right.mean()),
        confidence=float(confidence.mean()),
        negative_log_likelihood=float(-likelihood.mean()),
        bins=table,
    )


def most_fitted(classes: int) -> int:
    """Return how many images a temperature is fitted on: 2,000, and fewer where their scores take more than 128 MB.

    >>> most_fitted(10), most_fitted(100_000)
    (2000, 335)
    """
    return min(MOST_FITTED, max(1, _MOST_SCORES // classes))


def fit_temperature(scores: Sequence[tuple[Vectors, Codes]]) -> float:
    """Return the temperature, from 0.0001 to 100, of the least negative log likelihood: golden section of its log.

    `scores`: float32[rows, classes] and the true class of each row, in any number of blocks; -inf for a class that
    cannot be. The likelihood is convex in 1 / T, so that there is one minimum.

    >>> ones = np.array([[1.0, 0.0]] * 4, np.float32)
    >>> round(fit_temperature([(ones, np.array([0, 0, 0, 1]))]), 3), round(1 / float(np.log(3)), 3)
    (0.91, 0.91)
    """

    def cost(log_temperature: float) -> float:
        total = 0.0
        for found, true in scores:
            logs = log_softmax(found.astype(np.float64) / np.exp(log_temperature))
            total -= float(logs[np.arange(len(true)), true].sum())
        return total

    low, high = float(_LOW), float(_HIGH)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(_STEPS):
        if high - low < 1e-4:
            break
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = cost(right)
    return float(np.exp((low + high) / 2))


def log_softmax(scores: Numbers) -> Numbers:
    """Return the logarithms of the softmax of each row; a row of -inf alone is none.

    >>> np.exp(log_softmax(np.array([[1.0, 1.0]]))).tolist()
    [[0.5, 0.5]]
    """
    moved = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(axis=1, keepdims=True)))
