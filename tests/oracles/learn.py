"""What scikit-learn and cleanlab say of vectors and labels, as JSON: `learn.py FILE.npz`."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np


def told(path: str) -> dict[str, Any]:
    """Return the nearest centroids, the weights of a logistic regression, average precisions, and label issues."""
    from cleanlab.filter import find_label_issues  # type: ignore[import-not-found]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]
    from sklearn.metrics import average_precision_score  # type: ignore[import-not-found]
    from sklearn.neighbors import NearestCentroid  # type: ignore[import-not-found]

    with np.load(path) as given:
        train, labels, test, p = (given[name] for name in ("train", "labels", "test", "p"))
    mean = train.mean(axis=0)
    moved = [(x - mean) / np.linalg.norm(x - mean, axis=1, keepdims=True) for x in (train, test)]
    centroids = NearestCentroid().fit(moved[0], labels).predict(moved[1])
    probe = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(train.astype(np.float64), labels)
    precisions = []
    for row in range(len(train)):
        others = np.arange(len(train)) != row
        precisions.append(average_precision_score(labels[others] == labels[row], train[others] @ train[row]))
    issues = find_label_issues(labels, p, filter_by="confident_learning", n_jobs=1)
    return {
        "centroids": centroids.tolist(),
        "weights": probe.coef_.tolist(),
        "mean_average_precision": float(np.mean(precisions)),
        "issues": np.flatnonzero(issues).tolist(),
    }


if __name__ == "__main__":
    print(json.dumps(told(sys.argv[1])))
