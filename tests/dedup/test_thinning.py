"""Thinning block by block against the dominating set of the listed pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import LikenessError, brute_pairs, dominating_set, thin, thin_after


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 150),
    density=st.sampled_from([0.02, 0.05, 0.5]),
    pairs=st.sampled_from([1, 5, 40, 1000]),
    distance=st.sampled_from([0, 4, 8]),
)
def test_thinning_is_the_dominating_set_whatever_the_blocks(
    seed: int, n: int, density: float, pairs: int, distance: int
) -> None:
    random = np.random.default_rng(seed)
    values = np.packbits((random.random((max(1, n), 64)) < density).astype(np.uint8), axis=1)
    hashes = values[random.integers(0, len(values), n)]
    order = random.permutation(n)
    every = brute_pairs(hashes, distance)
    expected = dominating_set(n, every.left, every.right, order, every.distance)
    result = thin(hashes, distance, order, None, pairs)
    assert np.array_equal(result.kept, expected.kept)
    assert np.array_equal(result.representative, expected.representative)
    assert np.array_equal(result.distance, expected.distance)
    assert (result.edge == -1).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 120), pairs=st.sampled_from([1, 30, 1000]))
def test_thinning_after_others_is_thinning_of_all_in_that_order(seed: int, n: int, pairs: int) -> None:
    random = np.random.default_rng(seed)
    hashes = np.packbits((random.random((n, 64)) < 0.05).astype(np.uint8), axis=1)
    order = random.permutation(n)
    whole = thin(hashes, 4, order)
    best = order[: n // 2]
    kept, rest = best[whole.kept[best]], order[n // 2 :]
    assert np.array_equal(thin_after(hashes, 4, kept, rest, None, pairs), whole.representative[rest])


def test_a_dense_group_of_different_but_near_hashes_is_thinned_without_its_pairs() -> None:
    random = np.random.default_rng(4)
    n = 40_000
    hashes = np.tile(random.integers(0, 256, 32, dtype=np.uint8), (n, 1))
    hashes[:, 7] = random.integers(0, 256, n)  # all within 8 bits, and 800 million pairs if listed one by one
    hashes[:, 9] ^= np.uint8(1) << random.integers(0, 8, n).astype(np.uint8)
    result = thin(hashes, 10, np.arange(n))
    assert result.kept.sum() == 1
    assert not result.representative.any()
    assert np.array_equal(np.bitwise_count(hashes ^ hashes[0]).sum(axis=1), result.distance)


def test_an_order_that_is_no_permutation_is_refused() -> None:
    with pytest.raises(LikenessError, match="permutation"):
        thin(np.zeros((2, 32), np.uint8), 10, np.array([0, 0]))
