"""The measures of variants where their value is known: 1, 0 and r / d; D^2 / 2; and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate.measures.variant_directions import VariantDirections, species_span, variant_directions
from pipeline.evaluate.measures.variant_pairs import pair_variants
from pipeline.model.errors import EvaluationError

SPECIES, EACH, SPAN, D = 60, 8, 8, 64


def drawn(
    directions: np.ndarray, noise: float, seed: int = 0, each: int = EACH
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of species whose means lie within the first SPAN axes, and whose variants differ by a direction each."""
    random = np.random.default_rng(seed)
    species = np.repeat(np.arange(len(directions)), 2 * each)
    variant = np.tile(np.repeat([0, 1], each), len(directions))
    means = np.zeros((len(directions), directions.shape[1]))
    means[:, :SPAN] = 3 * random.standard_normal((len(directions), SPAN))
    side = np.where(variant == 0, 0.5, -0.5)[:, None]
    images = means[species] + side * directions[species] + noise * random.standard_normal((len(species), D))
    return images.astype(np.float32), species, variant


def measured(directions: np.ndarray, noise: float = 0.1, seed: int = 0, permutations: int = 199) -> VariantDirections:
    return variant_directions(pair_variants(*drawn(directions, noise, seed), seed=seed), permutations, seed)


def axes(first: int, end: int, seed: int = 1, count: int = SPECIES) -> np.ndarray:
    found = np.zeros((count, D))
    found[:, first:end] = np.random.default_rng(seed).standard_normal((count, end - first))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def test_rho_is_1_within_the_span() -> None:
    found = measured(axes(0, SPAN))
    assert found.span == SPAN
    assert found.rho == pytest.approx(1, abs=0.01)
    assert found.difference == pytest.approx(1, abs=0.05)
    assert found.difference_p == 1 / 200
    assert found.orthogonality == pytest.approx(1 / SPAN, abs=0.03)  # as any direction of a span of r axes


def test_rho_is_0_orthogonal_to_the_span() -> None:
    found = measured(axes(SPAN, D))
    assert found.rho == pytest.approx(0, abs=0.01)
    assert found.orthogonality == pytest.approx(0, abs=0.01)


def test_rho_is_r_by_d_without_relation_to_the_span() -> None:
    found = measured(axes(0, D))
    assert found.rho_null == SPAN / D
    assert found.orthogonality_null == 1 / D
    assert found.rho is not None and found.rho_low is not None and found.rho_high is not None
    assert found.rho == pytest.approx(SPAN / D, abs=0.04)
    assert found.rho_low < SPAN / D < found.rho_high
    assert found.orthogonality == pytest.approx(1 / D, abs=0.01)


def test_halves_free_rho_of_the_sampling_error_that_the_raw_ratio_has() -> None:
    """Directions orthogonal to the span, under errors that fill all axes: r / d of them fall into the span."""
    noisy = [measured(axes(SPAN, D), noise=0.4, seed=seed, permutations=39) for seed in range(8)]
    assert np.mean([each.rho for each in noisy]) == pytest.approx(0, abs=0.04)  # four standard errors
    assert min(each.rho_raw for each in noisy) > 0.05
    assert np.mean([each.difference for each in noisy]) == pytest.approx(1, abs=0.15)  # raw: 1 + .04 * 64 = 3.6


def test_without_a_difference_nothing_is_said() -> None:
    found = measured(np.zeros((SPECIES, D)))
    assert (found.rho, found.rho_low, found.orthogonality) == (None, None, None)
    assert found.difference_p > 0.05
    assert found.rho_raw > 0.05  # which would have been said
    assert found.fisher == pytest.approx(found.fisher_null, rel=0.6)


def test_significance_is_claimed_falsely_no_more_often_than_it_says() -> None:
    p = [measured(np.zeros((4, D)), seed=seed, permutations=39).difference_p for seed in range(200)]
    assert np.mean(np.array(p) <= 0.05) < 0.11  # 0.05, and four standard errors of 200
    assert np.mean(p) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("distance", [1.0, 2.0, 4.0])
def test_fisher_is_half_the_square_of_the_distance_of_unit_gaussians(distance: float) -> None:
    images, species, variant = drawn(distance * axes(0, 4, count=9), 1.0, each=400)
    found = variant_directions(pair_variants(images[:, :4], species, variant), 19)
    assert found.fisher == pytest.approx(distance**2 / 2, rel=0.1, abs=0.05)
    assert found.fisher_p == 1 / 20


def test_fisher_along_the_same_images_would_be_biased_up_and_held_out_is_not() -> None:
    images, species, variant = drawn(np.zeros((12, D)), 1.0, each=20)
    found = variant_directions(pair_variants(images, species, variant), 99)
    assert found.fisher is not None and found.fisher < 0.15
    own = []
    for each in range(12):
        a, b = images[(species == each) & (variant == 0)], images[(species == each) & (variant == 1)]
        direction = a.mean(axis=0) - b.mean(axis=0)
        x, y = a @ direction, b @ direction
        own.append((x.mean() - y.mean()) ** 2 / (x.var(ddof=1) + y.var(ddof=1)))
    assert np.median(own) > 1


def test_the_span_has_as_many_axes_as_hold_the_energy() -> None:
    centres = np.zeros((200, 6))
    centres[:, :3] = np.random.default_rng(0).standard_normal((200, 3)) * [10, 3, 0.1]
    assert species_span(centres).shape == (6, 2)
    assert species_span(centres, 0.5).shape == (6, 1)
    assert species_span(centres, 1.0).shape == (6, 3)
    basis = species_span(centres)
    assert basis.T @ basis == pytest.approx(np.eye(2))
    assert species_span(np.ones((5, 6))).shape == (6, 0)


def test_species_without_enough_of_both_variants_are_left_out() -> None:
    species = np.repeat([0, 1, 2], [8, 8, 7])
    variant = np.array([0, 1] * 4 + [0, 1] * 4 + [0, 0, 0, 0, 1, 1, 1])
    vectors = np.random.default_rng(0).standard_normal((23, 3)).astype(np.float32)
    pairs = pair_variants(vectors, species, variant)
    assert pairs.species.tolist() == [0, 1]
    halves = [row.tolist() for s in (0, 1) for half in (0, 1) for row in pairs.rows(s, half)]
    assert sorted(row for half in halves for row in half) == list(range(16))
    assert {len(half) for half in halves} == {2}
    one, two = pairs.directions()
    a, b = pairs.rows(1, 1)
    assert two[1] == pytest.approx(pairs.vectors[a].mean(axis=0) - pairs.vectors[b].mean(axis=0), abs=1e-6)
    assert not np.allclose(one, two)
    with pytest.raises(EvaluationError, match="1 species have 4 images"):
        pair_variants(vectors[:8], species[:8], variant[:8])


def test_a_species_of_very_many_images_of_one_variant_keeps_its_balanced_centre() -> None:
    species = np.repeat([0, 1], [40, 8])
    variant = np.array([0] * 36 + [1] * 4 + [0, 1] * 4)
    vectors = np.where(variant == 0, 1.0, -1.0)[:, None].astype(np.float32)
    assert pair_variants(vectors, species, variant).centres.tolist() == [[0.0], [0.0]]


def test_fisher_is_the_ratio_written_out_half_by_half() -> None:
    images, species, variant = drawn(axes(0, D, count=5), 0.5, each=7)
    pairs = pair_variants(images, species, variant)
    expected = []
    for each in range(5):
        ratios = []
        for half in (0, 1):
            a, b = (pairs.vectors[rows].astype(float) for rows in pairs.rows(each, half))
            x, y = (pairs.vectors[rows].astype(float) for rows in pairs.rows(each, 1 - half))
            direction = a.mean(axis=0) - b.mean(axis=0)
            direction /= np.linalg.norm(direction)
            p, q = x @ direction, y @ direction
            ratios.append((p.mean() - q.mean()) ** 2 / (p.var(ddof=1) + q.var(ddof=1)))
        expected.append(np.mean(ratios))
    assert variant_directions(pairs, 19).fisher == pytest.approx(np.median(expected), rel=1e-4)
