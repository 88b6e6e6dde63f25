"""Nearest neighbours, zero-shot and retrieval against a sort of all scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate.measures.neighbours import greatest, nearest
from pipeline.evaluate.measures.retrieval import retrieval
from pipeline.evaluate.measures.vectors import checked, checked_labels, class_means, class_sums, unit
from pipeline.evaluate.measures.zero_shot import class_texts, classify, top_accuracies
from pipeline.model.errors import EvaluationError

# Small whole numbers: their products are exact, and ties are many.
SMALL = st.integers(-2, 2)


def matrix(draw: st.DrawFn, rows: int, columns: int) -> np.ndarray:
    numbers = draw(st.lists(SMALL, min_size=rows * columns, max_size=rows * columns))
    return np.array(numbers, np.float32).reshape(rows, columns)


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, tuple[int, int]]:
    queries, base, dimensions = draw(st.integers(1, 7)), draw(st.integers(2, 12)), draw(st.integers(1, 3))
    blocks = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    k = draw(st.integers(1, base - 1))
    return matrix(draw, queries, dimensions), matrix(draw, base, dimensions), k, blocks


@given(searches(), st.booleans())
def test_the_nearest_are_those_of_a_stable_sort_of_all_for_any_blocks(
    search: tuple[np.ndarray, np.ndarray, int, tuple[int, int]], shifted: bool
) -> None:
    queries, base, k, blocks = search
    offsets = -0.5 * (base**2).sum(axis=1) if shifted else None
    scores = queries @ base.T + (0 if offsets is None else offsets)
    found = nearest(queries, base, k, offsets, blocks=blocks)
    expected = [sorted(range(len(base)), key=lambda place: (-row[place], place))[:k] for row in scores]
    assert found.rows.tolist() == expected
    assert found.scores.tolist() == np.take_along_axis(scores, np.array(expected), axis=1).tolist()


@given(st.lists(st.lists(SMALL, min_size=6, max_size=6), min_size=1, max_size=5), st.integers(1, 8))
def test_greatest_breaks_ties_by_the_first_column(rows: list[list[int]], k: int) -> None:
    found = greatest(np.array(rows, np.float64), k)
    assert found.tolist() == [sorted(range(6), key=lambda place: (-row[place], place))[:k] for row in rows]


def test_too_many_neighbours_and_other_dimensions_are_refused() -> None:
    base = np.eye(3, dtype=np.float32)
    with pytest.raises(EvaluationError, match="4 neighbours"):
        nearest(base, base, 4)
    with pytest.raises(EvaluationError, match="3 and 2 dimensions"):
        nearest(base, base[:, :2], 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_what_is_no_finite_number_is_refused_with_its_row(bad: float) -> None:
    values = np.ones((9_000, 2))
    values[8_500, 1] = bad
    with pytest.raises(EvaluationError) as error:
        unit(values, "images")
    assert error.value.where == "row 8500"


def test_infinities_that_cancel_each_other_are_refused() -> None:
    with pytest.raises(EvaluationError, match="finite"):
        checked(np.array([[np.inf, -np.inf]]), "images")


@pytest.mark.parametrize("values", [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), np.array([["a"]])])
def test_what_is_no_matrix_of_numbers_is_refused(values: np.ndarray) -> None:
    with pytest.raises(EvaluationError):
        checked(values, "images")


def test_a_vector_of_zeros_is_refused() -> None:
    with pytest.raises(EvaluationError, match="zeros") as error:
        unit(np.array([[1.0, 0], [0, 0], [0, 0]]), "images")
    assert error.value.where == "row 1, and 1 more"


def test_lengths_are_one_however_long_vectors_were() -> None:
    values = np.random.default_rng(0).standard_normal((50, 8)) * 10.0 ** np.arange(-20, 30)[:, None]
    assert np.linalg.norm(unit(values, "images"), axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array([0, 1, -1]), np.array([0, 1, 2]), np.array([0.0, 1, 1])])
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(EvaluationError):
        checked_labels(labels, 3, 2)


@given(st.lists(st.tuples(st.integers(0, 4), SMALL, SMALL), max_size=20))
def test_class_sums_are_those_of_a_loop(rows: list[tuple[int, int, int]]) -> None:
    labels = np.array([row[0] for row in rows], np.int64)
    vectors = np.array([row[1:] for row in rows], np.float32).reshape(-1, 2)
    expected = np.zeros((5, 2))
    np.add.at(expected, labels, vectors)
    assert class_sums(vectors, labels, 5).tolist() == expected.tolist()
    if len(rows):
        means = class_means(vectors, labels, 5)
        assert np.isnan(means[np.bincount(labels, minlength=5) == 0]).all()


def test_class_sums_of_many_rows_are_whole_over_the_edges_of_blocks() -> None:
    labels = np.arange(20_000) % 3
    vectors = np.ones((20_000, 1), np.float32)
    assert class_sums(vectors, labels, 4)[:, 0].tolist() == [6667, 6667, 6666, 0]


def test_templates_are_normalised_before_they_are_averaged() -> None:
    texts = class_texts([np.array([[100.0, 0.0]]), np.array([[0.0, 0.01]])])
    assert texts[0] == pytest.approx([2**-0.5, 2**-0.5], abs=1e-6)


def test_texts_that_cancel_out_or_have_other_shapes_are_refused() -> None:
    with pytest.raises(EvaluationError, match="zeros"):
        class_texts([np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])])
    with pytest.raises(EvaluationError, match="shapes"):
        class_texts([np.eye(2), np.eye(3)])
    with pytest.raises(EvaluationError, match="no texts"):
        class_texts([])


@settings(max_examples=50)
@given(st.integers(2, 9), st.integers(1, 30), st.integers(0, 100))
def test_zero_shot_is_the_first_k_of_all_cosines(classes: int, images: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    texts = unit(random.standard_normal((classes, 4)), "texts")
    vectors = unit(random.standard_normal((images, 4)), "images")
    labels = random.integers(0, classes, images)
    guesses, _ = classify(vectors, texts, 5)
    found = {each.k: each for each in top_accuracies(guesses, labels, classes)}
    order = np.argsort(-(vectors @ texts.T), axis=1, kind="stable")
    assert set(found) == {k for k in (1, 3, 5) if k <= classes}
    for k, each in found.items():
        right = [label in row[:k] for label, row in zip(labels.tolist(), order.tolist(), strict=True)]
        assert each.accuracy == pytest.approx(np.mean(right))
        by_class = [np.mean([r for r, y in zip(right, labels, strict=True) if y == c]) for c in np.unique(labels)]
        assert each.mean_over_classes == pytest.approx(np.mean(by_class))
        assert each.chance == k / classes


def test_accuracy_without_any_signal_is_chance() -> None:
    random = np.random.default_rng(5)
    texts, vectors = (unit(random.standard_normal((n, 16)), "x") for n in (20, 8_000))
    found = top_accuracies(classify(vectors, texts, 5)[0], random.integers(0, 20, 8_000), 20)
    for each in found:
        assert each.accuracy == pytest.approx(each.chance, abs=4 * (each.chance / 8_000) ** 0.5)


@settings(max_examples=50)
@given(st.integers(0, 1_000), st.integers(3, 25), st.integers(1, 4))
def test_retrieval_is_that_of_ranking_all_others(seed: int, n: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    vectors, labels = unit(random.standard_normal((n, 3)), "x"), random.integers(0, classes, n)
    precisions, firsts, left = [], [], 0
    for query in range(n):
        others = [row for row in range(n) if row != query]
        ranked = sorted(others, key=lambda row: (-float(vectors[query] @ vectors[row]), row))
        places = [place for place, row in enumerate(ranked, 1) if labels[row] == labels[query]]
        if not places:
            left += 1
            continue
        precisions.append(np.mean([number / place for number, place in enumerate(places, 1)]))
        firsts.append(places[0])
    if not firsts:
        with pytest.raises(EvaluationError, match="no class has two images"):
            retrieval(vectors, labels)
        return
    found = retrieval(vectors, labels, (1, 2))
    assert found.mean_average_precision == pytest.approx(np.mean(precisions))
    assert [each.recall for each in found.recall] == pytest.approx([np.mean(np.array(firsts) <= k) for k in (1, 2)])
    assert (found.queries, found.unanswerable) == (len(firsts), left)


def test_retrieval_of_noise_is_chance() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(600) % 20
    found = retrieval(unit(random.standard_normal((600, 16)), "x"), labels, (1, 10))
    assert found.chance == pytest.approx(29 / 599)
    for each in found.recall:
        assert each.recall == pytest.approx(each.chance, abs=4 * (each.chance / 600) ** 0.5)
    assert found.mean_average_precision == pytest.approx(found.chance, abs=0.02)


def test_queries_that_are_drawn_are_the_same_each_time() -> None:
    random = np.random.default_rng(2)
    vectors, labels = unit(random.standard_normal((300, 8)), "x"), np.arange(300) % 10
    one, two, other = (retrieval(vectors, labels, most=50, seed=seed) for seed in (0, 0, 1))
    assert one == two
    assert one != other
    assert one.queries == 50


@given(st.lists(st.tuples(st.integers(0, 1), SMALL, SMALL), min_size=3, max_size=12))
def test_retrieval_ranks_equal_images_by_their_order(rows: list[tuple[int, int, int]]) -> None:
    labels = np.array([row[0] for row in rows])
    vectors = np.array([row[1:] for row in rows], np.float32)
    precisions = []
    for query in range(len(rows)):
        others = [row for row in range(len(rows)) if row != query]
        ranked = sorted(others, key=lambda row: (-float(vectors[query] @ vectors[row]), row))
        places = [place for place, row in enumerate(ranked, 1) if labels[row] == labels[query]]
        precisions += [np.mean([number / place for number, place in enumerate(places, 1)])] if places else []
    assert retrieval(vectors, labels).mean_average_precision == pytest.approx(np.mean(precisions))


def test_images_of_the_own_group_are_neither_found_nor_searched() -> None:
    random = np.random.default_rng(0)
    labels, groups = np.arange(60) % 5, np.arange(60) // 15 * 5 + np.arange(60) % 5  # three images of a class a group
    vectors = unit(random.standard_normal((60, 6)), "x")
    found = retrieval(vectors, labels, (1, 5), groups=groups)
    precisions, firsts = [], []
    for query in range(60):
        others = [row for row in range(60) if groups[row] != groups[query]]
        ranked = sorted(others, key=lambda row: (-float(vectors[query] @ vectors[row]), row))
        places = [place for place, row in enumerate(ranked, 1) if labels[row] == labels[query]]
        precisions.append(np.mean([number / place for number, place in enumerate(places, 1)]))
        firsts.append(places[0])
    assert found.mean_average_precision == pytest.approx(np.mean(precisions))
    assert [each.recall for each in found.recall] == pytest.approx([np.mean(np.array(firsts) <= k) for k in (1, 5)])
    assert found.chance == pytest.approx(9 / 57)
    copies = unit(random.standard_normal((20, 6)), "x")[groups]
    assert retrieval(copies, labels, (1,)).recall[0].recall == 1.0  # a copy of itself
    assert retrieval(copies, labels, (1,), groups=groups).recall[0].recall < 0.7
