"""Planted mislabels and outliers are recovered; confident learning against its definition written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate.measures.confident_learning import confident_labels
from pipeline.evaluate.measures.diagnostics import counts, diagnose, robust_z
from pipeline.evaluate.measures.held_out import hold_out
from pipeline.evaluate.measures.vectors import unit
from pipeline.model.errors import EvaluationError

CLASSES, EACH, D = 40, 25, 32


def planted(share: float, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clusters, a share of whose labels are those of another class, drawn evenly: vectors, labels, which are wrong."""
    random = np.random.default_rng(seed)
    true = np.repeat(np.arange(CLASSES), EACH)
    vectors = unit(apart * random.standard_normal((CLASSES, D))[true] + random.standard_normal((len(true), D)), "x")
    wrong = np.zeros(len(true), np.bool_)
    wrong[random.choice(len(true), int(share * len(true)), replace=False)] = True
    labels = np.where(wrong, (true + random.integers(1, CLASSES, len(true))) % CLASSES, true)
    return vectors, labels, wrong


@pytest.mark.parametrize(
    ("apart", "share", "precision", "recall"),
    [
        (3.0, 0.05, 0.99, 0.92),
        (2.0, 0.1, 0.99, 0.95),
        (1.0, 0.05, 0.9, 0.85),
        (1.0, 0.2, 0.9, 0.95),
        (0.7, 0.1, 0.6, 0.9),
    ],
)
def test_planted_mislabels_are_recovered(apart: float, share: float, precision: float, recall: float) -> None:
    vectors, labels, wrong = planted(share, apart)
    found = diagnose(vectors, labels)
    hits = int((found.mislabelled & wrong).sum())
    assert hits / found.mislabelled.sum() >= precision
    assert hits / wrong.sum() >= recall
    true = np.repeat(np.arange(CLASSES), EACH)
    both = found.mislabelled & wrong
    assert (found.suggested[both] == true[both]).mean() > 0.9
    assert found.estimated_mislabelled == pytest.approx(share, abs=0.06)
    assert (found.suggested[~found.mislabelled] == -1).all()


def test_the_surest_mislabels_come_first_by_margin() -> None:
    vectors, labels, wrong = planted(0.1, 1.0)
    found = diagnose(vectors, labels)
    first = np.argsort(-found.margin)[: int(wrong.sum()) // 2]
    assert wrong[first].mean() > 0.97


@pytest.mark.parametrize("apart", [0.0, 0.1])
def test_vectors_that_tell_no_classes_apart_name_no_label(apart: float) -> None:
    vectors, labels, _ = planted(0.05, apart)
    found = diagnose(vectors, labels)
    assert found.estimated_mislabelled > 0.5 and not found.tells_labels
    assert not found.mislabelled.any() and (found.suggested == -1).all()
    assert counts(found).likely_mislabels == 0


def test_without_mislabels_few_are_called_so() -> None:
    vectors, labels, _ = planted(0.0, 2.0)
    found = diagnose(vectors, labels)
    assert found.mislabelled.mean() < 0.005
    assert counts(found).nearer_to_wrong < 5


def test_planted_outliers_are_found_and_the_rest_is_not() -> None:
    vectors, labels, _ = planted(0.0, 3.0)
    random = np.random.default_rng(1)
    strange = np.sort(random.choice(len(labels), 20, replace=False))
    vectors[strange] = unit(random.standard_normal((20, D)), "x")
    found = diagnose(vectors, labels)
    assert found.outlier[strange].mean() >= 0.95
    assert np.delete(found.outlier, strange).mean() < 0.03
    assert (found.distance[strange] > 0.5).all()


def test_the_only_image_of_a_class_is_not_judged_and_its_class_can_be_the_nearest() -> None:
    axes = np.eye(4, dtype=np.float32)
    vectors = axes[[0, 0, 0, 1, 1, 1, 2]]
    found = diagnose(vectors, np.array([7, 7, 7, 3, 3, 3, 5]))
    assert found.judged.tolist() == [True] * 6 + [False]
    assert np.isnan(found.distance[6]) and np.isnan(found.z[6]) and np.isnan(found.margin[6])
    assert not found.outlier[6] and not found.mislabelled[6] and found.nearest[6] == -1
    assert set(found.nearest[:6].tolist()) <= {3, 5, 7}
    assert counts(found).not_judged == 1


def test_an_image_does_not_make_the_centroid_that_it_is_held_against() -> None:
    vectors, labels, _ = planted(0.0, 0.5)
    held = hold_out(vectors, labels)
    for rows, scores in held.blocks():
        for row, found in zip(rows[:3].tolist(), scores[:3], strict=False):
            others = np.flatnonzero((held.fold != held.fold[row]) & (labels == labels[row]))
            centre = held.vectors[others].astype(float).mean(axis=0)
            expected = float(held.vectors[row] @ centre) / float(np.linalg.norm(centre))
            assert found[held.labels[row]] == pytest.approx(expected, abs=1e-5)
    sizes = np.stack([np.bincount(labels[held.fold == fold], minlength=CLASSES) for fold in range(5)])
    assert sizes.min() == sizes.max() == EACH // 5


def test_labels_that_are_noise_are_not_learned_from_the_images_themselves() -> None:
    random = np.random.default_rng(4)
    vectors, labels = unit(random.standard_normal((600, 64)), "x"), np.arange(600) % 20
    held = hold_out(vectors, labels)
    right = [scores.argmax(axis=1) == held.labels[rows] for rows, scores in held.blocks()]
    assert np.concatenate(right).mean() == pytest.approx(0.05, abs=0.04)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 12))
def test_confident_learning_is_its_definition(seed: int, classes: int, n: int) -> None:
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.ones(classes), n)
    labels = random.integers(0, classes, n)
    found = confident_labels(lambda: iter([(np.arange(n), p.copy())]), labels, classes)
    thresholds = [p[labels == j, j].mean() if (labels == j).any() else np.inf for j in range(classes)]
    joint = np.zeros((classes, classes))
    margins = []
    for row, label in enumerate(labels.tolist()):
        others = [j for j in range(classes) if j != label]
        likeliest = max(others, key=lambda j: p[row, j])
        margins.append(p[row, likeliest] - p[row, label])
        assert found.likeliest[row] == likeliest
        assert found.margin[row] == pytest.approx(margins[-1])
        sure = [j for j in range(classes) if p[row, j] >= thresholds[j] * (1 - 1e-9)]
        if sure:
            joint[label, max(sure, key=lambda j: p[row, j])] += 1
        counted = max(sure, key=lambda j: p[row, j]) if sure else label
        assert found.off_diagonal[row] == (counted != label and margins[-1] > 0)
    images, rows = np.bincount(labels, minlength=classes), joint.sum(axis=1)
    off = np.divide(rows - np.diag(joint), rows, out=np.zeros(classes), where=rows > 0)
    assert found.estimated_share == pytest.approx((off * images).sum() / n)
    first = sorted(range(n), key=lambda row: (-margins[row], row))[: round(found.estimated_share * n)]
    assert np.flatnonzero(found.ranked).tolist() == sorted(row for row in first if margins[row] > 0)


def test_blocks_do_not_change_what_is_found() -> None:
    random = np.random.default_rng(0)
    p, labels = random.dirichlet(np.ones(5), 100), random.integers(0, 5, 100)
    one = confident_labels(lambda: iter([(np.arange(100), p.copy())]), labels, 5)
    parts = (np.arange(40), np.arange(40, 100))
    two = confident_labels(lambda: ((rows, p[rows]) for rows in parts), labels, 5)
    assert one.mislabelled.tolist() == two.mislabelled.tolist()
    assert one.estimated_share == two.estimated_share


def test_fewer_than_two_classes_with_two_images_are_refused() -> None:
    axes = np.eye(3, dtype=np.float32)
    with pytest.raises(EvaluationError, match="1 classes have two images"):
        diagnose(axes, np.array([0, 0, 1]))


def test_robust_z_is_within_classes_that_are_large_and_over_all_else() -> None:
    values = np.concatenate([np.linspace(0, 1, 21), np.linspace(5, 6, 21), [5.5]])
    labels = np.array([0] * 21 + [1] * 21 + [2])
    z = robust_z(values, labels)
    assert z[:21] == pytest.approx(z[21:42])
    assert z[10] == pytest.approx(0, abs=1e-12)
    middle = np.median(values)
    assert z[42] == pytest.approx((5.5 - middle) / (1.4826 * np.median(np.abs(values - middle))))
    assert np.isnan(robust_z(np.array([np.nan]), np.array([0]))).all()


def test_images_that_are_all_alike_are_no_outliers() -> None:
    axes = np.eye(2, dtype=np.float32)
    found = diagnose(axes[[0] * 12 + [1] * 12], np.repeat([0, 1], 12))
    assert not found.outlier.any() and not found.mislabelled.any()


def test_a_wrong_label_of_a_whole_group_is_found_when_the_group_is_known() -> None:
    """Five pictures of one sighting have one wrong label: left in the centroids, they would vouch for each other."""
    random = np.random.default_rng(0)
    groups = np.arange(CLASSES * 6).repeat(5)
    true = groups // 6
    vectors = unit((random.standard_normal((CLASSES, D))[true] + random.standard_normal((CLASSES * 6, D))[groups] * 0.8
                    + 0.1 * random.standard_normal((len(groups), D))), "x")  # fmt: skip
    wrong = np.isin(groups, random.choice(CLASSES * 6, 12, replace=False))
    labels = np.where(wrong, (true + 7) % CLASSES, true)
    alone, together = diagnose(vectors, labels), diagnose(vectors, labels, groups=groups)
    assert together.mislabelled[wrong].mean() > 0.9
    assert together.mislabelled[~wrong].mean() < 0.03
    assert together.distance[wrong].mean() > alone.distance[wrong].mean() + 0.1
    held = hold_out(vectors, labels, groups=groups)
    assert len(np.unique(np.stack([held.fold, groups]), axis=1).T) == CLASSES * 6


def test_a_class_of_one_group_is_not_judged() -> None:
    axes = np.eye(4, dtype=np.float32)
    vectors, labels = axes[[0, 0, 1, 1, 2, 2]], np.array([0, 0, 1, 1, 2, 2])
    found = diagnose(vectors, labels, groups=np.array([0, 1, 2, 3, 4, 4]))
    assert found.judged.tolist() == [True] * 4 + [False] * 2
    assert counts(found).not_judged == 2


def test_a_class_has_no_centroid_in_the_fold_that_has_all_of_it() -> None:
    random = np.random.default_rng(0)
    vectors, labels = unit(random.standard_normal((21, 4)), "x"), np.array([0] * 10 + [1] * 10 + [2])
    held = hold_out(vectors, labels)
    for rows, scores in held.blocks():
        there = held.fold[rows] != held.fold[20]
        assert np.isfinite(scores[:, 2]).tolist() == there.tolist()
        assert np.isfinite(scores[:, :2]).all()
    same = np.flatnonzero(held.fold[:20] == held.fold[20])
    assert same.size and 2 not in diagnose(vectors, labels).nearest[same]
