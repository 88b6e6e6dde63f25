"""Groups: records that must not straddle a split, and why. Apart from duplicates, nothing here is dropped.

Several photographs of one occurrence, the frames of one camera sequence, the views of one specimen and the copies of
one medium are different images of the same thing. They all stay, and they all go to the same split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dedup import components
from pipeline.likeness.records.candidates import Rows, first_equal, row_type

GROUP_SCHEMA = pa.schema([(name, pa.string()) for name in ("record_id", "source", "group_id", "kind", "key")])
"""One row per record and key that it shares with another: `group_id` is the smallest record id of the whole group."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "occurrence": ("source", "occurrence_key"),
    "specimen": ("specimen_key",),
    "media_key": ("media_key",),
    "medium": ("media_id",),
}
"""What joins records, beside likeness: the columns that must agree. A camera sequence is its occurrence's key."""
ALIKE = "alike"


@dataclass(frozen=True, slots=True)
class Groups:
    """The group of every record, and what joined it.

    `group`: the record whose id is the smallest of the group. `shared`: by kind, whether the record shares that key
    with another one, bool[n].
    """

    group: Rows
    shared: Mapping[str, npt.NDArray[np.bool_]]


def shared_keys(records: pa.Table) -> dict[str, Rows]:
    """Return, by kind, the first record that has the same key as each record of a table; itself where it has none.

    >>> table = pa.table({"source": ["s", "s", "t"], "occurrence_key": ["1", "1", ""], "specimen_key": [None] * 3}
    ...                  | {"media_key": [""] * 3, "media_id": ["x", "y", "z"]})
    >>> {kind: first.tolist() for kind, first in shared_keys(table).items() if kind in ("occurrence", "specimen")}
    {'occurrence': [0, 0, 2], 'specimen': [0, 1, 2]}
    """
    own = np.arange(records.num_rows, dtype=row_type(records.num_rows))
    answer = {}
    for kind, names in KINDS.items():
        given = np.ones(records.num_rows, np.bool_)
        first = np.zeros(records.num_rows, np.int64)
        for name in names:
            column = records[name].cast(pa.string())
            given &= pc.fill_null(pc.not_equal(column, ""), False).to_numpy(zero_copy_only=False)
            # Both of two keys agree where the pair of what they agree with does.
            first = first_equal(pa.array(first * records.num_rows + first_equal(column)))
        # Of the records that have the key, the first: those without are told apart by their own numbers.
        key = np.where(given, first, records.num_rows + own)
        answer[kind] = first_equal(pa.array(key)).astype(own.dtype)
    return answer


def find_groups(cluster: Rows, keys: Mapping[str, Rows], order: Rows) -> Groups:
    """Join records that are alike or share a key.

    `cluster`: the first record that each record is alike to. `keys`: by kind, the first one that has the same key.
    `order`: the records in order of their ids.

    >>> groups = find_groups(np.arange(3), {"occurrence": np.array([0, 0, 2])}, np.array([1, 0, 2]))
    >>> groups.group.tolist(), groups.shared["occurrence"].tolist()
    ([1, 1, 2], [True, True, False])
    """
    shared, left, right = {}, [], []
    for kind, first in (*keys.items(), (ALIKE, cluster)):
        later = np.flatnonzero(first != np.arange(len(first), dtype=first.dtype))
        shared[kind] = np.zeros(len(first), np.bool_)
        shared[kind][later] = shared[kind][first[later]] = True
        left.append(later.astype(order.dtype))
        right.append(np.asarray(first[later], order.dtype))
    one, other = np.concatenate(left), np.concatenate(right)
    together = np.unique(np.concatenate([one, other]))
    label = components(len(together), np.searchsorted(together, one), np.searchsorted(together, other))
    group = np.arange(len(cluster), dtype=order.dtype)
    rank = np.empty(len(order), order.dtype)
    rank[order] = group
    least = np.full(len(together), len(order), order.dtype)
    np.minimum.at(least, label, rank[together])
    group[together] = order[least[label]]
    return Groups(group, shared)


def group_rows(
    groups: Groups, places: npt.NDArray[np.int64], texts: pa.RecordBatch, alike: pa.Array, group_id: pa.Array
) -> pa.Table:
    """Return the rows of GROUP_SCHEMA of a batch of records, record by record, its keys in order of their kinds.

    `alike`, `group_id`: of each, the first record that it is alike to, and the smallest of its group.
    """
    parts, rows = [], []
    for kind in sorted(groups.shared):
        some = np.flatnonzero(groups.shared[kind][places])
        at = pa.array(some)
        columns = [texts.column(name).take(at) for name in KINDS.get(kind, ())]
        key = alike.take(at) if kind == ALIKE else pc.binary_join_element_wise(*columns, ":")
        named = [texts.column("record_id").take(at), texts.column("source").take(at), group_id.take(at)]
        parts.append(
            pa.Table.from_arrays([*named, pa.array([kind] * len(some), pa.string()), key], schema=GROUP_SCHEMA)
        )
        rows.append(some)
    return pa.concat_tables(parts).take(pa.array(np.argsort(np.concatenate(rows), kind="stable")))
