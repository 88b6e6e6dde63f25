"""Dense groups of near hashes: bounded lists, exact decisions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import PairLimitError, brute_pairs, fold_dense, pairs_within, thin
from dedup.dense import dense_rows
from tests.dedup.test_hamming import make


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 200),
    shape=st.sampled_from(["random", "skewed", "repeated"]),
    dense=st.sampled_from([0, 2, 10, 1000]),
    picky=st.booleans(),
)
def test_what_is_folded_has_a_near_and_better_row_that_stays_and_the_rest_is_untouched(
    seed: int, n: int, shape: str, dense: int, picky: bool
) -> None:
    hashes = make(seed, n, 8, 6, shape)
    order = np.random.default_rng(seed).permutation(n)
    rank = np.argsort(order)

    def accept(left: np.ndarray, right: np.ndarray, distance: np.ndarray) -> np.ndarray:
        accepted: np.ndarray = (left * right + distance) % 3 > 0
        return accepted

    folded = fold_dense(hashes, 6, order, accept if picky else None, dense)
    gone = np.setdiff1d(np.arange(n), folded.stays)
    assert len(folded.edges) == len(gone)
    named = {}
    for left, right in zip(folded.edges.left.tolist(), folded.edges.right.tolist(), strict=True):
        host, guest = (left, right) if rank[left] < rank[right] else (right, left)
        named[guest] = host
    assert sorted(named) == gone.tolist()
    assert not set(named.values()) & set(named)
    for guest, host in named.items():
        between = np.bitwise_count(hashes[guest] ^ hashes[host]).sum(dtype=np.int16)
        assert between <= 6
        assert not picky or accept(np.array([guest]), np.array([host]), np.array([between])).all()
    if dense == 1000:
        assert not named


def test_a_dense_group_of_near_hashes_is_folded_and_thinned_alike() -> None:
    random = np.random.default_rng(4)
    n = 20_000
    hashes = np.tile(random.integers(0, 256, 32, dtype=np.uint8), (n, 1))
    hashes[:, 7] = random.integers(0, 256, n)
    for place in (3, 11, 20):
        hashes[:, place] ^= np.uint8(1) << random.integers(0, 8, n).astype(np.uint8)
    hashes[:1000] = random.integers(0, 256, (1000, 32), dtype=np.uint8)
    with pytest.raises(PairLimitError):
        pairs_within(hashes, 10, most=1_000_000)
    order = random.permutation(n)
    folded = fold_dense(hashes, 10, order)
    left = pairs_within(hashes[folded.stays], 10, most=100_000)
    decided = thin(hashes, 10, order)
    assert decided.kept.sum() < 1100
    assert decided.kept[:1000].all()
    assert len(left) < 10_000
    kept = np.flatnonzero(decided.kept)
    assert not len(brute_pairs(hashes[kept], 10))
    between = np.bitwise_count(hashes ^ hashes[decided.representative]).sum(axis=1)
    assert between.max() <= 10


@pytest.mark.parametrize("width", [8, 32])
def test_a_thousand_and_twenty_four_equal_rows_may_be_chance_and_one_more_may_not(width: int) -> None:
    rows = np.zeros((1025, width), np.uint8)
    assert not dense_rows(rows[1:], 6).any()
    assert dense_rows(rows, 6).all()
    far = np.concatenate([rows, np.full((3, width), 255, np.uint8)])
    assert np.flatnonzero(~dense_rows(far, 6)).tolist() == [1025, 1026, 1027]
