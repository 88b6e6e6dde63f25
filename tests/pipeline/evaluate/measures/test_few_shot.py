"""SimpleShot against the distances written out, prototypes against means of means, and both against planted data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.recipe import RANKS
from pipeline.evaluate.measures.few_shot import centred, few_shot, nearest_centroid, several, support
from pipeline.evaluate.measures.lineages import read_lineages
from pipeline.evaluate.measures.prototypes import prototype_accuracies, prototypes
from pipeline.evaluate.measures.vectors import unit
from pipeline.model.errors import EvaluationError


def clusters(classes: int, each: int, apart: float, d: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    vectors = apart * random.standard_normal((classes, d))[labels] + random.standard_normal((len(labels), d))
    return unit(vectors, "x"), labels


@settings(max_examples=40)
@given(st.integers(0, 500), st.integers(2, 6))
def test_the_nearest_centroid_is_that_of_distances_written_out(seed: int, classes: int) -> None:
    train, labels = clusters(classes, 4, 0.5, 5, seed)
    test, _ = clusters(classes, 3, 0.5, 5, seed + 1)
    mean = train.mean(axis=0)
    z = (train - mean) / np.linalg.norm(train - mean, axis=1, keepdims=True)
    centroids = np.stack([z[labels == each].mean(axis=0) for each in range(classes)])
    q = (test - mean) / np.linalg.norm(test - mean, axis=1, keepdims=True)
    distances = np.linalg.norm(q[:, None] - centroids[None], axis=2)
    assert nearest_centroid(train, 7 * labels, test)[:, 0].tolist() == (7 * distances.argmin(axis=1)).tolist()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 20))
def test_a_support_is_k_of_each_class_and_depends_on_its_fold_alone(sizes: list[int], fold: int) -> None:
    labels = np.random.default_rng(fold).permutation(np.repeat(np.arange(len(sizes)), sizes))
    k = min(sizes)
    chosen = support(labels, k, fold)
    assert np.bincount(labels[chosen]).tolist() == [k] * len(sizes)
    support(labels, k, fold + 1)
    assert support(labels, k, fold).tolist() == chosen.tolist()


def test_folds_differ_and_every_image_can_be_chosen() -> None:
    labels = np.repeat(np.arange(3), 5)
    chosen = np.stack([support(labels, 2, fold) for fold in range(200)])
    assert len(np.unique(chosen, axis=0)) > 100
    assert chosen.mean(axis=0) == pytest.approx(0.4, abs=0.15)


def test_k_larger_than_the_images_of_a_class_is_refused_with_the_class() -> None:
    with pytest.raises(EvaluationError) as error:
        support(np.array([0, 0, 0, 1, 1]), 3, 0)
    assert error.value.where == "class 1 has 2"
    with pytest.raises(EvaluationError, match="1 classes have more than 2 images"):
        few_shot(np.eye(5, dtype=np.float32), np.array([0, 0, 0, 1, 1]), 2)
    with pytest.raises(EvaluationError, match="one class only"):
        nearest_centroid(np.eye(2, dtype=np.float32), np.array([4, 4]), np.eye(2, dtype=np.float32))


def test_more_images_of_each_class_teach_more_and_shuffled_labels_teach_nothing() -> None:
    vectors, labels = clusters(20, 20, 0.6)
    one, five = several(vectors, labels)
    assert 2 * one.chance < one.accuracy < five.accuracy
    assert (one.classes, one.left_out, one.chance, len(one.folds)) == (20, 0, 0.05, 5)
    control = few_shot(vectors, labels, 5, folds=20, shuffled=True)
    assert control.accuracy == pytest.approx(control.chance, abs=0.03)


def test_classes_with_too_few_images_take_no_part() -> None:
    vectors, labels = clusters(4, 6, 3.0)
    labels[1:6] = 1  # one image of class 0 is left
    found = few_shot(vectors, labels, 1)
    assert (found.classes, found.left_out) == (3, 1)
    assert [each.k for each in several(vectors, labels, (1, 5, 50))] == [1, 5]


def test_an_image_that_is_the_mean_itself_has_no_direction_and_breaks_nothing() -> None:
    train = np.array([[1, 0], [-1, 0]], np.float32)
    assert centred(train, train.mean(axis=0)).tolist() == [[1, 0], [-1, 0]]
    assert nearest_centroid(train, np.array([0, 1]), np.zeros((1, 2), np.float32)).tolist() == [[0]]


def test_copies_of_taught_images_are_not_judged() -> None:
    """Copies of noise are known by their copies alone: without groups all of the accuracy is theirs."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 40)
    groups = np.arange(200) // 10
    vectors = unit(random.standard_normal((20, 32)), "x")[groups]
    assert few_shot(vectors, labels, 5, folds=10).accuracy > 0.6
    honest = few_shot(vectors, labels, 2, folds=20, groups=groups)
    assert honest.accuracy == pytest.approx(0.2, abs=0.15)
    assert [each.k for each in several(vectors, labels, (1, 3, 4), groups=groups)] == [1, 3]
    with pytest.raises(EvaluationError, match="0 classes have more than 4"):
        few_shot(vectors, labels, 4, groups=groups)


def test_groups_of_one_image_change_nothing() -> None:
    vectors, labels = clusters(6, 9, 1.0)
    assert few_shot(vectors, labels, 2, groups=np.random.default_rng(0).permutation(54)).folds == pytest.approx(
        few_shot(vectors, labels, 2).folds, abs=0.0
    )


# Two families; the second genus of the first has one species with many images, which must not outweigh the others.
LINEAGES = [
    ("A", "c", "C", "o", "f", "f1", "f1 x"),
    ("A", "c", "C", "o", "f", "f1", "f1 y"),
    ("A", "c", "C", "o", "f", "f2", "f2 x"),
    ("A", "c", "C", "o", "g", "g1", "g1 x"),
    ("A", "c", "C", "o", "g", "g1", None),
]


def test_prototypes_are_means_of_means_up_the_tree() -> None:
    tree = read_lineages([dict(zip(RANKS, each, strict=True)) for each in LINEAGES])
    labels = np.array([0] * 9 + [1, 2, 3, 4])
    vectors = unit(np.random.default_rng(3).standard_normal((13, 6)), "x")
    found = prototypes(vectors, labels, tree)

    def mean(*parts: np.ndarray) -> np.ndarray:
        total = np.mean(parts, axis=0)
        return np.asarray(total / np.linalg.norm(total))

    species = [mean(*vectors[labels == each]) for each in range(5)]
    f1, f2, g1 = mean(species[0], species[1]), mean(species[2]), mean(species[3], species[4])
    assert found[6].vectors == pytest.approx(np.stack(species[:4]), abs=1e-6)
    assert found[5].vectors == pytest.approx(np.stack([f1, f2, g1]), abs=1e-6)
    f, g = mean(f1, f2), mean(g1)
    assert found[4].vectors == pytest.approx(np.stack([f, g]), abs=1e-6)
    assert found[0].vectors == pytest.approx(mean(mean(f, g))[None], abs=1e-6)


def test_unseen_species_are_right_at_genus_and_left_out_at_species() -> None:
    tree = read_lineages([dict(zip(RANKS, each, strict=True)) for each in LINEAGES])
    axes = np.eye(6, dtype=np.float32)
    train, labels = axes[[0, 2, 3]], np.array([0, 2, 3])
    known = prototypes(train, labels, tree)
    found = {each.rank: each for each in prototype_accuracies(known, axes[[0, 0, 3]], np.array([1, 0, 4]), tree)}
    assert (found["species"].images, found["species"].without_prototype, found["species"].accuracy) == (1, 1, 1.0)
    assert (found["genus"].images, found["genus"].accuracy, found["genus"].prototypes) == (3, 1.0, 3)
    assert found["family"].chance == 0.5


def test_a_rank_that_nothing_has_has_no_prototypes() -> None:
    tree = read_lineages([{"genus": "a"}, {"genus": "b"}])
    axes = np.eye(2, dtype=np.float32)
    found = prototype_accuracies(prototypes(axes, np.array([0, 1]), tree), axes, np.array([0, 1]), tree)
    assert [each.accuracy for each in found] == [None] * 5 + [1.0, None]
