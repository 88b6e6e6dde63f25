"""Groups: records that must not straddle a split, and why. Apart from duplicates, nothing here is dropped.

Several photographs of one occurrence, the frames of one camera sequence, the views of one specimen and the copies of
one medium are different images of the same thing. They all stay, and they all go to the same split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import components

GROUP_SCHEMA = pa.schema([(name, pa.string()) for name in ("record_id", "source", "group_id", "kind", "key")])
"""One row per record and key that it shares with another: `group_id` is the smallest record id of the whole group."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "occurrence": ("source", "occurrence_key"),
    "specimen": ("specimen_key",),
    "media_key": ("media_key",),
    "medium": ("media_id",),
}
"""What joins records, beside likeness: the columns that must agree. A camera sequence is its occurrence's key."""


def groups(records: pa.Table, cluster: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], list[dict[str, str]]]:
    """Join records that are alike or share a key: the group of each record, and what joined it.

    `records` needs record_id, source and the columns of KINDS, `cluster[i]` is the first record that record i is alike
    to. Gives int64[n], the record whose id is the smallest of the group, and rows of GROUP_SCHEMA.

    >>> table = pa.table({"record_id": ["b", "a", "c"], "source": ["s"] * 3, "occurrence_key": ["1", "1", "2"],
    ...                   "specimen_key": [None] * 3, "media_key": [""] * 3, "media_id": ["x", "y", "z"]})
    >>> label, shared = groups(table, np.arange(3))
    >>> label.tolist(), [(row["record_id"], row["kind"]) for row in shared]
    ([1, 1, 2], [('a', 'occurrence'), ('b', 'occurrence')])
    """
    ids: Sequence[str] = records.column("record_id").to_pylist()
    sources: Sequence[str] = records.column("source").to_pylist()
    left, right = [np.arange(len(cluster), dtype=np.int64)], [cluster]
    shared: list[tuple[int, str, str]] = []
    for kind, names in KINDS.items():
        members: dict[tuple[str, ...], list[int]] = {}
        for index, key in enumerate(zip(*(records.column(name).to_pylist() for name in names), strict=True)):
            if all(key):
                members.setdefault(key, []).append(index)
        for key, inside in members.items():
            if len(inside) > 1:
                left.append(np.array(inside, np.int64))
                right.append(np.full(len(inside), inside[0], np.int64))
                shared += [(index, kind, ":".join(key)) for index in inside]
    alike = np.bincount(cluster, minlength=len(cluster))
    shared += [(i, "alike", ids[c]) for i, c in enumerate(cluster.tolist()) if alike[c] > 1]
    label = components(len(cluster), np.concatenate(left), np.concatenate(right))
    smallest: dict[int, int] = {}
    for index in sorted(range(len(label)), key=ids.__getitem__):
        smallest.setdefault(int(label[index]), index)
    group = np.array([smallest[int(value)] for value in label], dtype=np.int64)
    rows = [
        {"record_id": ids[i], "source": sources[i], "group_id": ids[int(group[i])], "kind": kind, "key": key}
        for i, kind, key in shared
    ]
    return group, sorted(rows, key=lambda row: (row["record_id"], row["kind"], row["key"]))
