"""The nearest neighbour of each row against brute force, in dense groups above all, where most are decided early."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import LikenessError, brute_cross_pairs, plan_bands
from dedup.bands import permuted_word
from dedup.nearest import nearest_within
from tests.dedup.test_hamming import PLANS, flipped, make, tuples


def expected(a: np.ndarray, b: np.ndarray, distance: int) -> list[tuple[int, int, int]]:
    """The least distance of each left row, and of the rows at that distance the first."""
    best: dict[int, tuple[int, int]] = {}
    for left, right, between in tuples(brute_cross_pairs(a, b, distance)):
        best[left] = min(best.get(left, (between, right)), (between, right))
    return [(left, right, between) for left, (between, right) in sorted(best.items())]


@pytest.mark.parametrize(("width", "distance"), PLANS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 160),
    m=st.integers(0, 160),
    shape=st.sampled_from(["random", "skewed", "repeated", "dense"]),
    candidates=st.sampled_from([7, 1 << 17]),
)
def test_each_row_gets_its_nearest_and_the_first_of_several(
    width: int, distance: int, seed: int, n: int, m: int, shape: str, candidates: int
) -> None:
    random = np.random.default_rng(seed)
    if shape == "dense":  # few seeds, so that rows have neighbours at every distance, and several at the least
        seeds = random.integers(0, 256, (3, width), dtype=np.uint8)
        a, b = (flipped(seeds[random.integers(0, 3, count)], random, distance) for count in (n, m))
    else:
        a, b = make(seed + 1, n, width, distance, shape), make(seed, m, width, distance, shape)
        if n and m:
            a[random.integers(0, n, n // 2)] = flipped(b[random.integers(0, m, n // 2)], random, distance + 3)
    assert tuples(nearest_within(a, b, distance, candidates)) == expected(a, b, distance)


@pytest.mark.parametrize(("width", "distance"), [(32, 10), (32, 30), (8, 6)])
def test_a_large_side_is_answered_whole(width: int, distance: int) -> None:
    """Many rows against few: those that meet no key are left out of the sort, and none that has a neighbour is."""
    random = np.random.default_rng(5)
    few = random.integers(0, 256, (40, width), dtype=np.uint8)
    many = random.integers(0, 256, (20_000, width), dtype=np.uint8)
    many[::10] = flipped(few[random.integers(0, 40, 2000)], random, distance)
    assert tuples(nearest_within(many, few, distance)) == expected(many, few, distance)
    assert tuples(nearest_within(few, many, distance)) == expected(few, many, distance)


@pytest.mark.parametrize(("width", "distance"), PLANS)
def test_rows_that_collide_in_no_lower_band_lie_as_far_apart_as_the_plan_says(width: int, distance: int) -> None:
    random = np.random.default_rng(6)
    base = random.integers(0, 256, (4000, width), dtype=np.uint8)
    near = flipped(base, random, distance + 3)
    plan = plan_bands(width * 8, distance)
    between = np.bitwise_count(base ^ near).sum(axis=1)
    collided = np.zeros(len(base), np.bool_)
    for number, band in enumerate(plan.bands):
        assert between[~collided].min(initial=width * 8) >= plan.least_apart(number)
        difference = permuted_word(base ^ near, band.word)
        collided |= band.agrees(difference) & (np.bitwise_count(difference) <= plan.word_budget(band.word))
    assert between[~collided].min(initial=width * 8) >= plan.least_apart(len(plan.bands)) >= distance + 1


def test_hashes_of_two_kinds_are_refused() -> None:
    with pytest.raises(LikenessError, match="64 bits"):
        nearest_within(np.zeros((2, 32), np.uint8), np.zeros((2, 8), np.uint8), 6)
