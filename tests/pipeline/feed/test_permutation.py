"""Order without memory is still an order: every element once, near to none of its neighbours, the same for ever."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, zip_longest
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.feed.by_taxon import by_taxon
from pipeline.feed.members import AllRows, RowSet
from pipeline.feed.permutation import Permutation, Rows, subkey, uniforms
from pipeline.feed.stream_order import StreamOrder

T = TypeVar("T")


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
@given(st.data(), st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(1, 5), st.integers(1, 12))
def test_an_order_holds_every_row_once_wherever_it_is_read(
    data: st.DataObject, sizes: list[int], shards: int, chunk: int
) -> None:
    epoch, edges = data.draw(st.integers(0, 9)), np.concatenate([[0], np.cumsum(sizes)])
    taken = np.array(sorted(data.draw(st.sets(st.integers(0, int(edges[-1]) - 1), min_size=1))))
    for members, wanted in ((AllRows(int(edges[-1])), np.arange(edges[-1])), (RowSet(int(edges[-1]), [taken]), taken)):
        order = StreamOrder(members, edges, 1, epoch, shards, chunk)
        rows = order.rows(np.arange(wanted.size))
        assert np.array_equal(np.sort(rows), wanted)
        assert rows.tolist() == plain_order(wanted, edges, epoch, shards, chunk)
        for start in {0, wanted.size // 3, wanted.size - 1}:
            assert np.array_equal(order.rows(np.arange(start, wanted.size)), rows[start:])


def plain_order(rows: Rows, edges: Rows, epoch: int, open_shards: int, chunk: int) -> list[int]:
    """The order as it is described, one list after another."""
    by_shard = [[row for row in rows.tolist() if begin <= row < end] for begin, end in pairwise(edges.tolist())]
    shuffled = Permutation(len(by_shard), subkey(1, "shards", epoch))(np.arange(len(by_shard))).tolist()
    chunks = []
    for start in range(0, len(shuffled), open_shards):
        cut = [batched(by_shard[shard], chunk) for shard in shuffled[start : start + open_shards]]
        chunks += [each for turn in zip_longest(*cut) for each in turn if each is not None]
    found: list[int] = []
    for number, block in enumerate(batched(chunks, open_shards)):
        held = sorted(row for each in block for row in each)
        place = Permutation(len(held), subkey(1, "block", epoch, number))(np.arange(len(held)))
        found += [held[each] for each in place.tolist()]
    return found


def batched(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 20_000))
def test_a_set_of_rows_is_sliced_and_counted_as_a_list(data: st.DataObject, rows: int) -> None:
    few = st.sets(st.integers(0, rows - 1), min_size=1, max_size=50)
    chosen = data.draw(few)
    if data.draw(st.booleans()):
        chosen = set(range(rows)) - chosen
    listed = sorted(chosen)
    parts = np.array_split(np.array(data.draw(st.permutations(listed[:40])) + listed[40:], np.int64), 3)
    found = RowSet(rows, parts)
    assert found.size == len(listed)
    start = data.draw(st.integers(0, len(listed)))
    stop = data.draw(st.integers(start, len(listed)))
    assert found.slice(start, stop).tolist() == listed[start:stop]
    asked = sorted({0, rows, data.draw(st.integers(0, rows))})
    assert found.before(np.array(asked)).tolist() == [sum(row < each for row in listed) for each in asked]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.one_of(st.none(), st.integers(0, 2**64 - 1)))
def test_rows_by_taxon_are_a_stable_sort(taxa: list[int], key: int | None) -> None:
    numbers = np.array(taxa)
    order = np.arange(len(taxa)) if key is None else Permutation(len(taxa), key)(np.arange(len(taxa)))
    found = by_taxon(numbers, key)
    assert found.rows.tolist() == order[np.argsort(numbers[order], kind="stable")].tolist()
    assert found.counts.tolist() == [taxa.count(taxon) for taxon in sorted(set(taxa))]
    assert found.starts.tolist() == [sum(each < taxon for each in taxa) for taxon in sorted(set(taxa))]


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_permutation_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Permutation(size, 0)


GOLDEN = [400770, 834161, 961549, 623696]
GOLDEN_UNIFORMS = [[0.6114022868410689, 0.9604158658392944]]
