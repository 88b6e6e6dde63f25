"""Order without memory is still an order: every element once, near to none of its neighbours, the same for ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.feed.permutation import Permutation, uniforms
from pipeline.feed.stream_order import StreamOrder


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 2**64 - 1))
def test_every_element_comes_once(size: int, key: int) -> None:
    assert np.array_equal(np.sort(Permutation(size, key)(np.arange(size))), np.arange(size))


def test_neighbours_are_not_related() -> None:
    size = 1_000_003
    found = Permutation(size, 5)(np.arange(100_000)).astype(np.float64)
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.01
    assert abs(np.corrcoef(np.arange(100_000), found)[0, 1]) < 0.01


def test_a_permutation_never_changes() -> None:
    assert Permutation(1_000_003, 7)(np.array([0, 1, 2, 999_999])).tolist() == GOLDEN
    assert uniforms(7, np.array([3]), 2).tolist() == GOLDEN_UNIFORMS


def test_uniforms_are_uniform() -> None:
    drawn = uniforms(1, np.arange(20_000), 4)
    assert drawn.min() >= 0 and drawn.max() < 1
    assert np.abs(drawn.mean(axis=0) - 0.5).max() < 0.02
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.03


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(1, 5), st.integers(1, 12), st.integers(0, 9))
def test_an_order_holds_every_row_once_wherever_it_is_read(
    sizes: list[int], shards: int, chunk: int, epoch: int
) -> None:
    shard = np.repeat(np.arange(len(sizes)), sizes)
    order = StreamOrder(np.arange(shard.size), shard, len(sizes), 1, epoch, shards, chunk)
    rows = order.rows(np.arange(shard.size))
    assert np.array_equal(np.sort(rows), np.arange(shard.size))
    for start in {0, shard.size // 3, shard.size - 1}:
        assert np.array_equal(order.rows(np.arange(start, shard.size)), rows[start:])


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_permutation_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Permutation(size, 0)


GOLDEN = [400770, 834161, 961549, 623696]
GOLDEN_UNIFORMS = [[0.6114022868410689, 0.9604158658392944]]
