"""Mantel's test against all permutations there are, and spread against the analysis of variance."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.recipe import RANKS
from pipeline.evaluate.measures.alignment import (
    embedding_distances,
    mantel,
    some_classes,
    trait_distances,
    tree_distances,
)
from pipeline.evaluate.measures.lineages import read_lineages
from pipeline.evaluate.measures.spread import MOST, spread, spread_by_rank
from pipeline.model.errors import EvaluationError
from tests.pipeline.evaluate.measures.test_lineages import TREE, rows


def distances(places: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(places[:, None] - places[None], axis=2))


def average_ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(values < each).sum() + ((values == each).sum() + 1) / 2 for each in values])


@settings(max_examples=25)
@given(st.integers(0, 1_000))
def test_the_correlation_and_its_significance_are_those_of_all_permutations(seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = distances(random.integers(0, 4, (5, 2)).astype(float)), distances(random.standard_normal((5, 2)))
    upper = np.triu_indices(5, 1)
    if len(np.unique(one[upper])) < 2:
        with pytest.raises(EvaluationError, match="same distance"):
            mantel(one, other, "traits", 19)
        return
    ranks = average_ranks(other[upper])
    values = []
    for order in permutations(range(5)):
        values.append(np.corrcoef(average_ranks(one[list(order)][:, list(order)][upper]), ranks)[0, 1])
    found = mantel(one, other, "traits", 999, seed)
    assert found.correlation == pytest.approx(values[0])
    exact = np.mean(np.array(values) >= values[0] - 1e-9)
    assert found.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 999) ** 0.5 + 2e-3)


def test_planted_alignment_is_found_and_none_is_not() -> None:
    random = np.random.default_rng(3)
    places = random.standard_normal((30, 5))
    near = distances(places + 0.3 * random.standard_normal((30, 5)))
    assert mantel(distances(places), near, "traits", 199).p == 1 / 200
    p = [mantel(distances(places), distances(random.standard_normal((30, 5))), "x", 39).p for _ in range(150)]
    assert np.mean(np.array(p) <= 0.05) < 0.12


def test_distances_of_the_tree_are_heights() -> None:
    found = tree_distances(read_lineages(rows(*TREE)), np.array([0, 1, 6]))
    assert found.tolist() == [[0, 1, 7], [1, 0, 7], [7, 7, 0]]


def test_embeddings_that_follow_the_tree_are_aligned_with_it() -> None:
    random = np.random.default_rng(0)
    names = [("A", *(f"{rank}{number // 2 ** (6 - rank)}" for rank in range(1, 7))) for number in range(64)]
    tree = read_lineages([dict(zip(RANKS, each, strict=True)) for each in names])
    means = np.sum([random.standard_normal((64, 40))[tree.codes[:, rank]] for rank in range(7)], axis=0)
    found = mantel(embedding_distances(means), tree_distances(tree, np.arange(64)), "tree", 99)
    assert found.correlation > 0.5
    assert (found.species, found.pairs, found.p) == (64, 64 * 63 // 2, 0.01)


def test_traits_of_other_units_weigh_alike() -> None:
    values = np.random.default_rng(0).standard_normal((6, 2))
    assert trait_distances(values * [1, 1e6]) == pytest.approx(trait_distances(values))
    with pytest.raises(EvaluationError, match="finite"):
        trait_distances(np.array([[1.0], [np.nan]]))


def test_too_few_species_and_other_shapes_are_refused() -> None:
    with pytest.raises(EvaluationError, match="3 species"):
        mantel(distances(np.eye(3)), distances(np.eye(3)), "tree")
    with pytest.raises(EvaluationError, match="shapes"):
        mantel(distances(np.eye(4)), distances(np.eye(5)), "tree")
    with pytest.raises(EvaluationError, match="cancel"):
        embedding_distances(np.zeros((4, 2)))


def test_some_classes_are_drawn_by_the_seed() -> None:
    assert some_classes(np.arange(10)).tolist() == list(range(10))
    one = some_classes(np.arange(50), 7, 1)
    assert len(np.unique(one)) == 7
    assert one.tolist() == some_classes(np.arange(50), 7, 1).tolist() != some_classes(np.arange(50), 7, 2).tolist()


def test_spread_in_one_dimension_is_the_f_of_the_analysis_of_variance() -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [10, 20, 15])
    x = (random.standard_normal(45) + 0.4 * labels)[:, None].astype(np.float32)
    found = spread(x, labels, "genus", 499)
    f, p = stats.f_oneway(*(x[labels == each, 0].astype(float) for each in range(3)))
    assert found.ratio / found.null == pytest.approx(f, rel=1e-4)
    assert found.p == pytest.approx(p, abs=0.05)


def test_labels_that_say_nothing_give_the_null_level() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(200) % 8
    found = [spread(random.standard_normal((200, 10)).astype(np.float32), labels, "genus", 19) for _ in range(60)]
    assert np.mean([each.ratio for each in found]) == pytest.approx(found[0].null, rel=0.05)
    assert np.mean([each.p for each in found]) == pytest.approx(0.5, abs=0.15)


def test_spread_is_told_of_ranks_that_have_two_taxa_and_images_to_compare() -> None:
    tree = read_lineages(rows(*TREE))
    vectors = np.random.default_rng(0).standard_normal((14, 5)).astype(np.float32)
    found = {each.rank: each for each in spread_by_rank(vectors, np.arange(14) % 7, tree, 19)}
    assert set(found) == set(RANKS)
    assert (found["kingdom"].taxa, found["species"].taxa, found["species"].images) == (2, 7, 14)
    assert spread_by_rank(vectors[:7], np.arange(7), read_lineages(rows(*[TREE[0]] * 7)), 19) == ()
    assert spread_by_rank(np.ones((14, 5), np.float32), np.arange(14) % 7, tree, 19) == ()


def test_of_very_many_images_some_are_looked_at() -> None:
    tree = read_lineages([{"genus": "a"}, {"genus": "b"}])
    vectors = np.random.default_rng(0).standard_normal((MOST + 500, 2)).astype(np.float32)
    (found,) = spread_by_rank(vectors, np.arange(MOST + 500) % 2, tree, 19)
    assert found.images == MOST


def test_what_has_no_spread_is_refused() -> None:
    for labels in ([0, 0, 0], [0, 1, 2]):
        with pytest.raises(EvaluationError, match="images of"):
            spread(np.eye(3, dtype=np.float32), np.array(labels), "genus")
    with pytest.raises(EvaluationError, match="do not differ"):
        spread(np.eye(2, dtype=np.float32)[[0, 0, 1, 1]], np.array([0, 0, 1, 1]), "genus")
