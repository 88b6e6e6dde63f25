"""Members and their labels, against lists made one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.records import group_members as module
from pipeline.likeness.records.group_members import Kinds, Members
from pipeline.likeness.records.nodes import picture_nodes

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25)


@given(ROWS, st.data())
def test_each_node_has_its_open_records_and_their_labels(
    rows: list[tuple[int, bool, int]], data: st.DataObject
) -> None:
    node, is_open, label = (np.array(column) for column in zip(*rows, strict=True))
    lists: dict[int, list[int]] = {place: [] for place in range(int(node.max()) + 1)}
    for record, (place, is_, _) in enumerate(rows):
        if is_:
            lists[place].append(record)
    members = Members.of(node, is_open)
    assert members.alive.tolist() == [bool(inside) for inside in lists.values()]
    asked = data.draw(st.lists(st.sampled_from(sorted(lists))))
    owner, records = members.expand(np.array(asked, np.int64))
    assert list(zip(owner.tolist(), records.tolist(), strict=True)) == [
        (at, record) for at, place in enumerate(asked) for record in lists[place]
    ]

    some = np.array(sorted(place for place in set(asked) if lists[place]), np.int64)
    kinds = Kinds.of(members, some, label)
    for at, place in enumerate(some.tolist()):
        own = range(kinds.starts[at], kinds.starts[at + 1])
        firsts = {int(label[record]): record for record in reversed(lists[place])}
        assert {int(kinds.label[kind]): int(kinds.first[kind]) for kind in own} == firsts
        assert len(own) == len(firsts)
    by_record = dict(zip(kinds.records.tolist(), kinds.label[kinds.kind].tolist(), strict=True))
    assert by_record == {record: int(label[record]) for place in some.tolist() for record in lists[place]}


@given(ROWS, st.data())
def test_every_pair_of_labels_of_two_nodes_comes_up_once(
    rows: list[tuple[int, bool, int]], data: st.DataObject
) -> None:
    node, _, label = (np.array(column) for column in zip(*rows, strict=True))
    members = Members.of(node, np.ones(len(node), np.bool_))
    there = np.unique(node)
    kinds = Kinds.of(members, there, label)
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(there.tolist()), st.sampled_from(there.tolist()))))
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    expected = [
        (k, first, second)
        for k, (a, b) in enumerate(pairs)
        for first in sorted(set(label[node == a].tolist()))
        for second in sorted(set(label[node == b].tolist()))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", data.draw(st.integers(1, 5)))
        blocks = list(kinds.products(one, other))
    said = [(k.tolist(), kinds.label[a].tolist(), kinds.label[b].tolist()) for k, a, b in blocks]
    assert [row for block in said for row in zip(*block, strict=True)] == expected


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=20))
def test_nodes_are_numbered_by_preference_and_those_without_a_usable_hash_come_last(
    rows: list[tuple[int, bool]],
) -> None:
    keys = [key for key, _ in rows]
    pixels = np.array([keys.index(key) for key in keys], np.int64)
    usable = np.array([is_ for _, is_ in rows], np.bool_)
    node, first, count = picture_nodes(pixels, usable)
    order: dict[tuple[bool, int], int] = {}
    for wanted in (True, False):
        for record, (key, is_) in enumerate(rows):
            if is_ == wanted:
                order.setdefault((not is_, key), record)
    places = {each: place for place, each in enumerate(order)}
    assert node.tolist() == [places[not is_, key] for key, is_ in rows]
    assert first.tolist() == list(order.values())
    assert count == sum(not useless for useless, _ in order)
