"""Our measures against scikit-learn's and cleanlab's; skipped where neither is installed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluate.measures.confident_learning import confident_labels
from pipeline.evaluate.measures.few_shot import nearest_centroid
from pipeline.evaluate.measures.linear_probe import fit_probe
from pipeline.evaluate.measures.retrieval import retrieval
from pipeline.evaluate.measures.vectors import unit
from tests.oracles.environment import run


def test_measures_are_those_of_published_libraries(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 30)
    centres = random.standard_normal((12, 24))
    train = unit(centres[labels] + 1.5 * random.standard_normal((len(labels), 24)), "x")
    test = unit(centres[random.integers(0, 12, 4_000)] + 1.5 * random.standard_normal((4_000, 24)), "x")
    p = random.dirichlet(np.full(12, 0.2), len(labels))
    p[np.arange(len(labels)), labels] += random.choice([0.0, 1.0], len(labels), p=[0.2, 0.8])
    p /= p.sum(axis=1, keepdims=True)
    np.savez(tmp_path / "given.npz", train=train, labels=labels, test=test, p=p)
    found = json.loads(run("learn.py", str(tmp_path / "given.npz"), needs=("sklearn", "cleanlab")))

    guesses = nearest_centroid(train, labels, test)[:, 0]
    assert (guesses == np.array(found["centroids"])).mean() == 1.0
    assert len(np.unique(guesses)) == 12

    probe = fit_probe(train, labels, strength=2.0, tolerance=1e-9)
    assert probe.weights == pytest.approx(np.array(found["weights"]), abs=1e-5)
    assert np.abs(probe.weights).max() > 1

    ours = retrieval(train, labels, most=len(labels))
    assert ours.mean_average_precision == pytest.approx(found["mean_average_precision"], abs=1e-6)

    confident = confident_labels(lambda: iter([(np.arange(len(labels)), p.copy())]), labels, 12)
    assert np.flatnonzero(confident.off_diagonal).tolist() == found["issues"]
    assert 20 < len(found["issues"]) < 150
