"""Variation within species against the differences between them.

BioCLIP 2 (2025), section 5, names the quantities: species are taken apart along some directions, and variants of a
species (sex, life stage) along others, which with more training data become orthogonal to the first. With Z unit
embeddings, species s, variants A and B, and estimates d1_s, d2_s of mean(A) - mean(B) from two halves of the images:

explained-variance ratio  rho = sum_s <U'd1_s, U'd2_s> / sum_s <d1_s, d2_s>, U the left singular vectors of the centred
    species means to 95 % of their energy, r of them. 1: variants lie within the span of the species; 0: orthogonal to
    it; r / d: without relation to it.
orthogonality  sum_s mean_t <d1_s, u_st><d2_s, u_st> / sum_s <d1_s, d2_s>, u_st the unit vector between the means of
    species s and t: the mean squared cosine. Without relation 1 / d.
Fisher ratio  (m_A - m_B)^2 / (v_A + v_B) of the other half's images along d1_s / |d1_s|, the mean of both halves'
    turns, median over species. D^2 / 2 for two unit Gaussians at distance D.

The denominator has to differ from 0 before a ratio means anything: its level without any difference between variants is
found by permuting the variants among the images of each species and half. Where it is not significant, rho and the
orthogonality are None. (`rho_raw`, from squares of the plain mean differences, is dominated by sampling error where
images are few: it is near 1 wherever images vary along few dimensions, also without any difference of variants.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.measures.variant_pairs import VariantPairs
from pipeline.evaluate.measures.vectors import Flags, Numbers, generator

PERMUTATIONS = 999
SIGNIFICANT = 0.05
ENERGY = 0.95
_DIGITS = 1e-9


@dataclass(frozen=True, slots=True)
class VariantDirections:
    """Where the variants of species differ, against where species do."""

    species: int
    images: int
    span: int
    """r, the dimensions of the span of the species."""
    difference: float
    """sum_s <d1_s, d2_s> / species: the mean squared length of the difference of variants, without bias."""
    difference_p: float
    """Share of permutations of the variants with as great a difference."""
    rho: float | None
    rho_low: float | None
    rho_high: float | None
    """Bounds of the interval of 95 % of a bootstrap over species."""
    rho_null: float
    """r / d"""
    rho_raw: float
    """From whole means instead of halves: biased by sampling error."""
    orthogonality: float | None
    orthogonality_null: float
    """1 / d"""
    fisher: float | None
    """None where no species has any variance along its direction."""
    fisher_null: float | None
    """Median of the same with variants permuted."""
    fisher_p: float | None


def species_span(centres: Numbers, energy: float = ENERGY) -> Numbers:
    """Return an orthonormal basis of the span of the centred species means: float64[dimensions, r].

    As many singular vectors, greatest first, as hold the share `energy` of the squares; none where all means are equal.

    >>> species_span(np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 0, 0]])).round(6).tolist()
    [[1.0], [0.0], [0.0]]
    """
    moved = centres - centres.mean(axis=0)
    _, singular, rows = np.linalg.svd(moved, full_matrices=False)
    squares = singular**2
    if squares.sum() <= _DIGITS**2 * max(float((centres**2).sum()), 1e-300):
        return np.zeros((centres.shape[1], 0))
    count = int(np.searchsorted(np.cumsum(squares) / squares.sum(), energy - _DIGITS)) + 1
    basis = rows[:count].T
    # The sign of a singular vector is arbitrary: its greatest part is made positive.
    signs = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(count)])
    return np.asarray(basis * signs)


def variant_directions(
    pairs: VariantPairs, permutations: int = PERMUTATIONS, seed: int = 0, energy: float = ENERGY
) -> VariantDirections:
    """Return the measures; permutations and bootstrap are drawn by the seed."""
    one, two = pairs.directions()
    basis = species_span(pairs.centres, energy)
    within = np.einsum("sr,sr->s", one @ basis, two @ basis)
    whole = np.einsum("sd,sd->s", one, two)
    total = float(whole.sum())
    drawn = _permuted(pairs, permutations, seed)
    p = _p_value(total, drawn)
    count, d = len(pairs.species), pairs.vectors.shape[1]
    raw = (pairs.means[:, 0] - pairs.means[:, 1]).mean(axis=1)
    squares = float((raw**2).sum())
    low = high = rho = orthogonality = None
    if total > 0 and p <= SIGNIFICANT:
        rho = float(within.sum()) / total
        low, high = _bootstrap(within, whole, permutations, seed)
        orthogonality = float(_along_differences(pairs.centres, one, two).sum()) / total
    fisher, fisher_null, fisher_p = _fisher(pairs, permutations, seed)
    return VariantDirections(
        species=count,
        images=len(pairs.vectors),
        span=basis.shape[1],
        difference=total / count,
        difference_p=p,
        rho=rho,
        rho_low=low,
        rho_high=high,
        rho_null=basis.shape[1] / d,
        rho_raw=float(((raw @ basis) ** 2).sum()) / squares if squares else 0.0,
        orthogonality=orthogonality,
        orthogonality_null=1 / d,
        fisher=fisher,
        fisher_null=fisher_null,
        fisher_p=fisher_p,
    )


def _along_differences(centres: Numbers, one: Numbers, two: Numbers) -> Numbers:
    """Return mean_t <d1_s, u_st><d2_s, u_st> of each species s, over species t whose mean is another."""
    gram = centres @ centres.T
    squares = np.diag(gram)[:, None] + np.diag(gram)[None, :] - 2 * gram
    apart = squares > _DIGITS * max(float(np.diag(gram).max()), 1e-300)
    np.fill_diagonal(apart, False)
    left, right = one @ centres.T, two @ centres.T
    products = (np.diag(left)[:, None] - left) * (np.diag(right)[:, None] - right)
    cosines = np.divide(products, squares, out=np.zeros_like(products), where=apart)
    return np.asarray(cosines.sum(axis=1) / np.maximum(apart.sum(axis=1), 1))


def _weights(a: int, b: int, permutations: int, random: np.random.Generator) -> Numbers:
    """Return weights that make a difference of means of a and b images whose variants are permuted, a row for each."""
    plain = np.concatenate([np.full(a, 1 / a), np.full(b, -1 / b)])
    return np.asarray(random.permuted(np.tile(plain, (permutations, 1)), axis=1))


def _permuted(pairs: VariantPairs, permutations: int, seed: int) -> Numbers:
    """Return sum_s <d1_s, d2_s> for each permutation of the variants within species and half."""
    random = generator(seed, 5)
    totals = np.zeros(permutations)
    for species in range(len(pairs.species)):
        halves, weights = [], []
        for half in (0, 1):
            a, b = pairs.rows(species, half)
            halves.append(pairs.vectors[np.concatenate([a, b])].astype(np.float64))
            weights.append(_weights(len(a), len(b), permutations, random))
        totals += np.einsum("pi,pi->p", weights[0] @ (halves[0] @ halves[1].T), weights[1])
    return totals


def _bootstrap(within: Numbers, whole: Numbers, draws: int, seed: int) -> tuple[float | None, float | None]:
    """Return the bounds of the interval of 95 % of rho over species drawn with replacement; None of too few."""
    rows = generator(seed, 6).integers(0, len(whole), (draws, len(whole)))
    totals = whole[rows].sum(axis=1)
    good = totals > 0
    if good.mean() < 0.95:
        return None, None
    low, high = np.quantile(within[rows].sum(axis=1)[good] / totals[good], [0.025, 0.975])
    return float(low), float(high)


def _fisher(pairs: VariantPairs, permutations: int, seed: int) -> tuple[float | None, float | None, float | None]:
    """Return the median ratio over species, its median when variants are permuted, and the p-value."""
    random = generator(seed, 7)
    observed, drawn = [], []
    for species in range(len(pairs.species)):
        values, permuted = [], []
        for half, direction in enumerate(pairs.directions()):
            length = float(np.linalg.norm(direction[species]))
            a, b = pairs.rows(species, 1 - half)
            along = pairs.vectors[np.concatenate([a, b])] @ (direction[species] / (length or 1.0))
            sides = np.concatenate([np.ones(len(a), np.bool_), np.zeros(len(b), np.bool_)])
            order = np.concatenate([sides[None], random.permuted(np.tile(sides, (permutations, 1)), axis=1)])
            ratios = _ratios(along.astype(np.float64), order)
            values.append(ratios[0])
            permuted.append(ratios[1:])
        observed.append(np.mean(values))
        drawn.append(np.mean(permuted, axis=0))
    good = np.isfinite(observed)
    if not good.any():
        return None, None, None
    fisher = float(np.median(np.array(observed)[good]))
    null = np.median(np.array(drawn)[good], axis=0)
    return fisher, float(np.median(null)), _p_value(fisher, null)


def _ratios(along: Numbers, sides: Flags) -> Numbers:
    """Return (m_A - m_B)^2 / (v_A + v_B) of projections for each row of sides; NaN without variance."""
    found = []
    for side in (sides, ~sides):
        count = side.sum(axis=1)
        mean = (side * along).sum(axis=1) / count
        found.append((mean, (side * (along - mean[:, None]) ** 2).sum(axis=1) / (count - 1)))
    spread = found[0][1] + found[1][1]
    nothing = spread <= _DIGITS**2
    return np.where(nothing, np.nan, (found[0][0] - found[1][0]) ** 2 / np.where(nothing, 1, spread))


def _p_value(observed: float, drawn: Numbers) -> float:
    """Return the share of draws, the observed value among them, that are as great; permutations are never more sure."""
    return float((1 + (drawn >= observed - _DIGITS * abs(observed)).sum()) / (1 + len(drawn)))
