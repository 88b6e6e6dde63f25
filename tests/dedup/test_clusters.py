"""Components and dominating sets against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import LikenessError, brute_pairs, components, dominating_set, pairs_within


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 40))
    ends = st.integers(0, n - 1)
    edges = draw(st.lists(st.tuples(ends, ends), max_size=80))
    order = draw(st.permutations(range(n)))
    pairs = np.array(edges, np.int64).reshape(-1, 2)
    return n, pairs[:, 0], pairs[:, 1], np.array(order, np.int64)


def greedy(n: int, left: np.ndarray, right: np.ndarray, order: np.ndarray) -> tuple[list[bool], list[int]]:
    """The definition, word for word."""
    neighbours: list[set[int]] = [set() for _ in range(n)]
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        if a != b:
            neighbours[a].add(b)
            neighbours[b].add(a)
    rank = {item: place for place, item in enumerate(order.tolist())}
    kept: list[int] = []
    representative = list(range(n))
    for item in order.tolist():
        standing = [other for other in kept if other in neighbours[item]]
        if standing:
            representative[item] = min(standing, key=rank.__getitem__)
        else:
            kept.append(item)
    return [item in kept for item in range(n)], representative


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_the_dominating_set_is_the_greedy_one(graph: tuple[int, np.ndarray, np.ndarray, np.ndarray]) -> None:
    n, left, right, order = graph
    result = dominating_set(n, left, right, order)
    kept, representative = greedy(n, left, right, order)
    assert result.kept.tolist() == kept
    assert result.representative.tolist() == representative
    for item in range(n):
        if kept[item]:
            assert result.edge[item] == -1
        else:
            edge = result.edge[item]
            assert {int(left[edge]), int(right[edge])} == {item, representative[item]}


@settings(max_examples=100, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_edges_and_of_their_ends_does_not_matter(
    graph: tuple[int, np.ndarray, np.ndarray, np.ndarray], random: object
) -> None:
    n, left, right, order = graph
    distance = ((left * 7 + right * 7) % 5).astype(np.int16)
    generator = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    shuffle = generator.permutation(len(left))
    swap = generator.random(len(left)) < 0.5
    one = np.where(swap, right, left)[shuffle]
    other = np.where(swap, left, right)[shuffle]
    for sizes in (None, distance):
        a = dominating_set(n, left, right, order, sizes)
        b = dominating_set(n, one, other, order, None if sizes is None else sizes[shuffle])
        assert np.array_equal(a.kept, b.kept)
        assert np.array_equal(a.representative, b.representative)
        assert np.array_equal(a.distance, b.distance)
    assert np.array_equal(components(n, left, right), components(n, one, other))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 120))
def test_collapsed_pairs_decide_as_all_pairs_would(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    values = np.packbits((random.random((max(1, n // 3), 64)) < 0.05).astype(np.uint8), axis=1)
    hashes = values[random.integers(0, len(values), n)]
    order = random.permutation(n)
    every, some = brute_pairs(hashes, 4), pairs_within(hashes, 4)
    full = dominating_set(n, every.left, every.right, order)
    short = dominating_set(n, some.left, some.right, order, some.distance)
    assert np.array_equal(full.kept, short.kept)
    assert np.array_equal(full.representative, short.representative)
    assert np.array_equal(components(n, every.left, every.right), components(n, some.left, some.right))
    between = np.bitwise_count(hashes ^ hashes[short.representative]).sum(axis=1)
    assert np.array_equal(between, short.distance)
    assert ((short.edge >= 0) == ~short.kept).all()
    assert np.array_equal(some.distance[short.edge[~short.kept]], short.distance[~short.kept])


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_components_are_labelled_by_their_smallest_item(
    graph: tuple[int, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    n, left, right, _ = graph
    label = list(range(n))
    changed = True
    while changed:
        changed = False
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            low = min(label[a], label[b])
            changed |= label[a] != low or label[b] != low
            label[a] = label[b] = low
    assert components(n, left, right).tolist() == label


@pytest.mark.parametrize("shape", ["path", "backwards", "shuffled", "hub"])
def test_long_chains_and_wide_hubs_decide(shape: str) -> None:
    n = 300_000
    items = np.arange(n)
    if shape == "shuffled":
        items = np.random.default_rng(5).permutation(n)
    left, right = items[:-1], items[1:]
    if shape == "backwards":
        left, right = right[::-1], left[::-1]
    if shape == "hub":
        left = np.full(n - 1, n - 1)
        right = np.arange(n - 1)
    assert not components(n, left, right).any()
    result = dominating_set(n, left, right, np.arange(n))
    assert not (result.kept[left] & result.kept[right]).any()
    assert result.kept[result.representative].all()


def test_no_edges_keep_everything() -> None:
    none = np.empty(0, np.int64)
    assert components(3, none, none).tolist() == [0, 1, 2]
    assert dominating_set(3, none, none, np.array([2, 0, 1])).kept.all()
    assert dominating_set(0, none, none, none).kept.tolist() == []


def test_impossible_edges_and_orders_are_refused() -> None:
    ends, order = np.array([0]), np.array([0, 1])
    with pytest.raises(LikenessError, match="does not exist"):
        components(1, ends, np.array([1]))
    with pytest.raises(LikenessError, match="does not exist"):
        dominating_set(2, ends, np.array([-1]), order)
    with pytest.raises(LikenessError, match="ends"):
        components(2, ends, np.array([0, 1]))
    for bad in (np.array([0, 0]), np.array([0]), np.array([1, 2]), np.array([0, 1, 1])):
        with pytest.raises(LikenessError, match="permutation"):
            dominating_set(2, ends, np.array([1]), bad)
    with pytest.raises(LikenessError, match="distances"):
        dominating_set(2, ends, np.array([1]), order, np.array([1, 2], np.int16))
