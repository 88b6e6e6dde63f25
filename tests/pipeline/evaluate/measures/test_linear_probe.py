"""The probe against the conditions of its optimum, which need no other implementation, and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate.measures.linear_probe import fit_probe, minimise
from pipeline.model.errors import EvaluationError
from tests.pipeline.evaluate.measures.test_few_shot import clusters


def slope(vectors: np.ndarray, labels: np.ndarray, weights: np.ndarray, intercepts: np.ndarray, c: float) -> np.ndarray:
    """The gradient of the objective in its docstring, written out image by image."""
    found = np.concatenate([weights, np.zeros((len(weights), 1))], axis=1)
    for x, y in zip(vectors.astype(np.float64), labels, strict=True):
        scores = np.exp(weights @ x + intercepts)
        off = scores / scores.sum() - np.eye(len(weights))[y]
        found += c * np.outer(off, np.append(x, 1))
    return found


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_no_part_of_the_gradient_is_left_at_the_end(strength: float) -> None:
    vectors, labels = clusters(5, 12, 0.5, 6)
    probe = fit_probe(vectors, labels, strength, 1e-8)
    left = slope(vectors, labels, probe.weights, probe.intercepts, strength)
    assert np.abs(left).max() <= 2e-8 * strength * len(labels)
    assert np.abs(slope(vectors, labels, 0 * probe.weights, probe.intercepts, strength)).max() > 1e-2 * strength
    assert probe.intercepts.sum() == pytest.approx(0, abs=1e-9)


def test_the_direction_of_two_classes_is_that_of_linear_discriminants() -> None:
    """For Gaussians of one covariance the log odds are linear: weights towards S^-1 (m1 - m0) as images grow."""
    random = np.random.default_rng(1)
    root = np.array([[1.0, 0.8], [0.0, 0.6]])
    x = random.standard_normal((20_000, 2)) @ root
    labels = np.arange(20_000) % 2
    x[labels == 1] += [1.0, 0.0]
    probe = fit_probe(x.astype(np.float32), labels, 1e6)
    expected = np.linalg.solve(root.T @ root, [1.0, 0.0])
    assert probe.weights[1] - probe.weights[0] == pytest.approx(expected, rel=0.1)


def test_numbers_of_classes_are_kept_and_other_images_are_known() -> None:
    vectors, labels = clusters(6, 20, 2.0)
    probe = fit_probe(vectors[::2], 10 * labels[::2] + 3)
    assert probe.classes.tolist() == [3, 13, 23, 33, 43, 53]
    assert (probe.predict(vectors[1::2]) == 10 * labels[1::2] + 3).mean() > 0.9
    again = fit_probe(vectors[::2], 10 * labels[::2] + 3)
    assert np.array_equal(again.weights, probe.weights)


def test_a_hard_convex_function_is_brought_to_its_least() -> None:
    scale = 10.0 ** np.arange(6)
    found, _, left = minimise(lambda x: (float(scale @ (x - 1) ** 2) / 2, scale * (x - 1)), np.zeros(6), 1e-7)
    assert found == pytest.approx(np.ones(6), abs=1e-6)
    assert left <= 1e-7


def test_one_class_and_a_strength_of_nothing_are_refused() -> None:
    vectors = np.eye(2, dtype=np.float32)
    with pytest.raises(EvaluationError, match="one class only"):
        fit_probe(vectors, np.array([1, 1]))
    for strength in (0.0, -1.0, float("nan")):
        with pytest.raises(EvaluationError, match="strength"):
            fit_probe(vectors, np.array([0, 1]), strength)
