"""Linear probe: multinomial logistic regression on frozen embeddings.

Minimises, over weights W (classes x dimensions) and intercepts b, the objective of scikit-learn's LogisticRegression,
    f(W, b) = |W|^2 / 2 + C sum_i -log softmax(W x_i + b)[y_i],
divided by C times the images. It is convex, and W is unique; the intercepts are where they sum to 0. L-BFGS (Nocedal
and Wright 2006, algorithms 7.4 and 7.5) from zeros, with a line search by bisection for the weak Wolfe conditions:
nothing in it is random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.calibration import log_softmax
from pipeline.evaluate.measures.vectors import Codes, Numbers, Vectors, checked_labels
from pipeline.model.errors import EvaluationError

STRENGTH = 1.0
"""C, the inverse of the regularisation."""
_HISTORY = 10
_MOST_STEPS = 500
_TOLERANCE = 1e-5
_ROWS = 1 << 12


@dataclass(frozen=True, slots=True)
class Probe:
    """A fitted probe."""

    classes: Codes
    """int64[classes]: numbers of the classes that were trained on, ascending."""
    weights: Numbers
    """float64[classes, dimensions]"""
    intercepts: Numbers
    steps: int
    gradient: float
    """Greatest part of the gradient of f / (C n) at the end; 0 at the optimum."""

    def predict(self, vectors: Vectors) -> Codes:
        """Return the class of each vector, of equal ones the first."""
        scores = vectors.astype(np.float64) @ self.weights.T + self.intercepts
        return np.asarray(self.classes[np.argmax(scores, axis=1)], np.int64)


def fit_probe(vectors: Vectors, labels: Codes, strength: float = STRENGTH, tolerance: float = _TOLERANCE) -> Probe:
    """Fit the probe; it ends when no part of the gradient is greater than `tolerance`, or after 500 steps.

    Raises EvaluationError where there is one class only, or the strength is not above 0.

    >>> fit_probe(np.eye(2, dtype=np.float32), np.array([3, 7])).predict(np.eye(2, dtype=np.float32)).tolist()
    [3, 7]
    """
    labels = checked_labels(labels, len(vectors))
    if not strength > 0:
        raise EvaluationError(f"the strength is {strength}", expected="a number above 0")
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise EvaluationError("there is one class only", expected="two or more, to tell them apart")
    n, d = vectors.shape
    shape = (len(classes), d + 1)

    def value(flat: Numbers) -> tuple[float, Numbers]:
        joined = flat.reshape(shape)
        weights, intercepts = joined[:, :d], joined[:, d]
        slope = np.zeros(shape)
        slope[:, :d] = weights / (strength * n)
        total = float(np.vdot(weights, weights)) / (2 * strength * n)
        for start in range(0, n, _ROWS):
            x = vectors[start : start + _ROWS].astype(np.float64)
            y = numbers[start : start + _ROWS]
            logs = log_softmax(x @ weights.T + intercepts)
            rows = np.arange(len(y))
            total -= float(logs[rows, y].sum()) / n
            off = np.exp(logs)
            off[rows, y] -= 1
            slope[:, :d] += off.T @ x / n
            slope[:, d] += off.sum(axis=0) / n
        return total, slope.ravel()

    flat, steps, gradient = minimise(value, np.zeros(shape[0] * shape[1]), tolerance)
    joined = flat.reshape(shape)
    intercepts = joined[:, d] - joined[:, d].mean()
    return Probe(classes, joined[:, :d].copy(), intercepts, steps, gradient)


def minimise(
    value: Callable[[Numbers], tuple[float, Numbers]], start: Numbers, tolerance: float
) -> tuple[Numbers, int, float]:
    """Return where a convex, smooth function is least, the steps, and the greatest part of the gradient there.

    `value` gives the function and its gradient.

    >>> minimise(lambda x: (float((x - 3) @ (x - 3)), 2 * (x - 3)), np.zeros(2), 1e-9)[0].tolist()
    [3.0, 3.0]
    """
    here = start
    cost, slope = value(here)
    moves: list[tuple[Numbers, Numbers, float]] = []
    steps = 0
    while float(np.abs(slope).max()) > tolerance and steps < _MOST_STEPS:
        direction = -_two_loops(slope, moves)
        first = 1.0 if moves else min(1.0, 1.0 / float(np.abs(slope).sum()))
        there, new_cost, new_slope = _search(value, here, cost, slope, direction, first)
        move, change = there - here, new_slope - slope
        curved = float(move @ change)
        if not new_cost < cost:
            break  # no step is better within the digits that there are
        if curved > 1e-14 * float(change @ change):
            moves = [*moves[-(_HISTORY - 1) :], (move, change, 1 / curved)]
        here, cost, slope = there, new_cost, new_slope
        steps += 1
    return here, steps, float(np.abs(slope).max())


def _two_loops(slope: Numbers, moves: list[tuple[Numbers, Numbers, float]]) -> Numbers:
    """Return the gradient times the estimate of the inverse Hessian."""
    found, parts = slope.copy(), []
    for move, change, weight in reversed(moves):
        part = weight * float(move @ found)
        parts.append(part)
        found -= part * change
    if moves:
        move, change, _ = moves[-1]
        found *= float(move @ change) / float(change @ change)
    for (move, change, weight), part in zip(moves, reversed(parts), strict=True):
        found += (part - weight * float(change @ found)) * move
    return found


def _search(
    value: Callable[[Numbers], tuple[float, Numbers]],
    here: Numbers,
    cost: float,
    slope: Numbers,
    direction: Numbers,
    step: float,
) -> tuple[Numbers, float, Numbers]:
    """Return a point along the direction that meets the weak Wolfe conditions, by bisection."""
    down = float(slope @ direction)
    low, high = 0.0, np.inf
    best = (here, cost, slope)
    for _ in range(40):
        there = here + step * direction
        new_cost, new_slope = value(there)
        if new_cost > cost + 1e-4 * step * down:
            high = step
        else:
            best = (there, new_cost, new_slope)
            if float(new_slope @ direction) >= 0.9 * down:
                break
            low = step
        step = (low + high) / 2 if np.isfinite(high) else 2 * step
    return best
