"""Calibration by predictions whose confidence is known to be true, and to be wrong by a known measure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.measures.calibration import (
    calibration,
    expected_calibration_error,
    fit_temperature,
    log_softmax,
)
from pipeline.evaluate.measures.confusion import confusion, taxon_accuracies
from pipeline.evaluate.measures.lineages import read_lineages
from pipeline.evaluate.measures.slices import slices, wilson
from pipeline.evaluate.measures.vectors import unit
from pipeline.model.errors import EvaluationError


@pytest.mark.parametrize(("confidence", "right", "error"), [(0.8, 0.8, 0.0), (0.9, 0.6, 0.3), (0.2, 1.0, 0.8)])
def test_the_error_of_one_confidence_is_its_distance_from_the_accuracy(
    confidence: float, right: float, error: float
) -> None:
    hits = (np.arange(150) % 10 < 10 * right).astype(np.float64)
    found, table = expected_calibration_error(np.full(150, confidence), hits, 15)
    assert found == pytest.approx(error)
    assert [each.images for each in table] == [10] * 15


def test_true_confidences_have_no_error_and_inflated_ones_have() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.2, 0.8, 40_000)
    right = (random.random(40_000) < confidence).astype(np.float64)
    assert expected_calibration_error(confidence, right)[0] < 0.01
    assert expected_calibration_error(confidence + 0.15, right)[0] == pytest.approx(0.15, abs=0.01)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(1, 20))
def test_the_error_is_that_of_bins_of_equal_numbers(rows: list[tuple[float, bool]], bins: int) -> None:
    confidence, right = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    order = sorted(range(len(rows)), key=lambda place: (rows[place][0], place))
    expected = 0.0
    for part in np.array_split(np.array(order), min(bins, len(rows))):
        expected += len(part) / len(rows) * abs(confidence[part].mean() - right[part].mean())
    found, table = expected_calibration_error(confidence, right, bins)
    assert found == pytest.approx(expected)
    assert max(each.images for each in table) - min(each.images for each in table) <= 1


@pytest.mark.parametrize("temperature", [0.05, 0.5, 3.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    random = np.random.default_rng(7)
    scores = random.standard_normal((6_000, 5)).astype(np.float32)
    p = np.exp(log_softmax(scores.astype(np.float64) / temperature))
    labels = (p.cumsum(axis=1) < random.random((6_000, 1))).sum(axis=1).clip(0, 4)
    halves = [(scores[:3_000], labels[:3_000]), (scores[3_000:], labels[3_000:])]
    assert fit_temperature(halves) == pytest.approx(temperature, rel=0.1)


def test_classes_that_cannot_be_do_not_count() -> None:
    scores = np.array([[1.0, 0.0, -np.inf]] * 4, np.float32)
    labels = np.array([0, 0, 0, 1])
    assert fit_temperature([(scores, labels)]) == pytest.approx(1 / np.log(3), rel=1e-3)


def test_calibration_judges_other_images_than_it_was_fitted_on() -> None:
    random = np.random.default_rng(2)
    texts = unit(random.standard_normal((10, 8)), "texts")
    labels = random.integers(0, 10, 3_000)
    images = unit(texts[labels] + 0.6 * random.standard_normal((3_000, 8)), "images")
    found = calibration(images, texts, labels)
    assert found.fitted_on == 1_500
    assert found.images == 1_500
    assert 0.3 < found.accuracy < 0.95
    assert found.expected_error < 0.05
    assert found.confidence == pytest.approx(found.accuracy, abs=0.05)
    with pytest.raises(EvaluationError, match="1 images and 10 classes"):
        calibration(images[:1], texts, labels[:1])


def test_confusion_counts_pairs_and_shows_the_surest_mistakes() -> None:
    tree = read_lineages([{"family": "f", "genus": "a"}, {"family": "f", "genus": "b"}, {"genus": "c"}])
    labels, guesses = np.array([0, 0, 0, 0, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 1, 2])
    sure = np.array([0.9, 0.1, 0.5, 0.3, 0.2, 0.4, 0.8])
    found = confusion(tree, labels, guesses, sure, list("abcdefg"), pictures=2)
    assert [(each.true, each.predicted, each.images, each.pictures) for each in found] == [
        (0, 1, 3, ("c", "d")),
        (1, 0, 1, ("e",)),
        (2, 1, 1, ("f",)),
    ]
    assert [each.share for each in found] == [0.75, 1.0, 0.5]
    assert [each.height for each in found] == [2, 2, 7]
    assert confusion(tree, labels, labels, sure, list("abcdefg")) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_confusion_and_accuracies_agree_with_counting(pairs: list[tuple[int, int]]) -> None:
    tree = read_lineages([{"genus": name} for name in "abcd"])
    labels, guesses = np.array(pairs).T
    keys = [str(place) for place in range(len(pairs))]
    found = confusion(tree, labels, guesses, np.zeros(len(pairs)), keys)
    assert {(each.true, each.predicted): each.images for each in found} == {
        pair: pairs.count(pair) for pair in set(pairs) if pair[0] != pair[1]
    }
    assert [each.images for each in found] == sorted((each.images for each in found), reverse=True)
    for each in taxon_accuracies(tree, labels, guesses):
        assert each.images == labels.tolist().count(each.taxon)
        assert each.right == pairs.count((each.taxon, each.taxon))
        assert each.predicted == guesses.tolist().count(each.taxon)


def test_slices_count_every_picture_once_and_say_how_sure_they_are() -> None:
    tree = read_lineages([{"genus": "a"}, {"genus": "b"}])
    labels = np.zeros(100, np.int64)
    guesses = (np.arange(100) % 4 == 0).astype(np.int64)
    values = ["x" if place < 20 else None if place < 30 else "y" for place in range(100)]
    found = slices("source", values, tree, labels, guesses)
    assert [(each.value, each.images) for each in found] == [("", 10), ("x", 20), ("y", 70)]
    for each in found:
        assert each.low < each.accuracy < each.high
        assert each.mean_height == pytest.approx(7 * (1 - each.accuracy))
    with pytest.raises(EvaluationError, match="2 values for 100 images"):
        slices("source", ["x", "y"], tree, labels, guesses)


def test_of_very_many_values_those_of_most_pictures_are_told() -> None:
    tree = read_lineages([{"genus": "a"}])
    values = [f"{place:04d}" for place in range(300)] + ["0299"] * 5
    labels = np.zeros(305, np.int64)
    found = slices("source", values, tree, labels, labels)
    assert len(found) == 200
    assert found[-1].value == "0299"


def test_wilson_covers_the_true_share_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = [low <= 0.9 <= high for low, high in (wilson(int(r), 40) for r in random.binomial(40, 0.9, 2_000))]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == pytest.approx(1.0)
