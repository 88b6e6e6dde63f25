"""Groups of records, against joining them one by one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.records.candidates import first_equal
from pipeline.likeness.records.groups import KINDS, find_groups, shared_keys

KEYS = st.sampled_from([None, "", "a", "b", "c", "d"])
ROWS = st.lists(st.tuples(st.sampled_from(["", "s", "t"]), KEYS, KEYS, KEYS, KEYS), min_size=1, max_size=15)
COLUMNS = ("source", "occurrence_key", "specimen_key", "media_key", "media_id")


@given(ROWS, st.data())
def test_records_that_share_a_key_or_are_alike_are_one_group_under_the_smallest_id(
    rows: list[tuple[str | None, ...]], data: st.DataObject
) -> None:
    count = len(rows)
    ids = data.draw(st.permutations(range(count)))
    alike = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    cluster = np.array([alike.index(each) if each < 2 else at for at, each in enumerate(alike)])
    table = pa.table({name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(COLUMNS)})
    keys = shared_keys(table)
    groups = find_groups(cluster, keys, np.argsort(np.array(ids)))

    named: dict[str, list[object]] = {"alike": [("alike", each) for each in cluster.tolist()]}
    for kind, columns in KINDS.items():
        values = [tuple(row[COLUMNS.index(name)] for name in columns) for row in rows]
        named[kind] = [value if all(value) else None for value in values]
        assert keys[kind].tolist() == [
            at if (v := named[kind][at]) is None else named[kind].index(v) for at in range(count)
        ]
    for kind, own in named.items():
        assert groups.shared[kind].tolist() == [each is not None and own.count(each) > 1 for each in own]
    group = list(range(count))
    for _ in range(count):
        for own in named.values():
            for one in range(count):
                together = [at for at in range(count) if own[at] is not None and own[at] == own[one]] or [one]
                least = min((group[at] for at in together), key=ids.__getitem__)
                for at in together:
                    group[at] = least
    assert groups.group.tolist() == group


@given(st.lists(st.sampled_from([None, "", "a", "b"]), max_size=12), st.integers(1, 5))
def test_the_first_equal_row_is_found_across_chunks(values: list[str | None], size: int) -> None:
    chunks = [values[at : at + size] for at in range(0, len(values), size)]
    expected = [values.index(value) for value in values]
    assert first_equal(pa.chunked_array(chunks, pa.string())).tolist() == expected
    assert first_equal(pa.array(values, pa.string())).tolist() == expected
    assert first_equal(pa.nulls(3)).tolist() == [0, 0, 0]
