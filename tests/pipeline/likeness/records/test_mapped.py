"""Rows of a mapped table come as they were asked for, and cost what they are, not what the table is."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.records.mapped import MappedRows


@given(st.lists(st.integers(0, 4), max_size=6), st.data())
def test_rows_come_in_the_order_they_are_asked_for(sizes: list[int], data: st.DataObject) -> None:
    count = sum(sizes)
    ends = np.cumsum([0, *sizes]).tolist()
    schema = pa.schema([("a", pa.string()), ("b", pa.int64())])
    batches = [
        pa.record_batch({"a": [str(at) for at in range(*some)], "b": list(range(*some))}, schema)
        for some in itertools.pairwise(ends)
    ]
    rows = MappedRows(pa.Table.from_batches(batches, schema))
    asked = data.draw(st.lists(st.integers(0, count - 1))) if count else []
    assert rows.take(np.array(asked, np.int64)).to_pylist() == [{"a": str(at), "b": at} for at in asked]


def test_a_few_rows_of_a_large_table_do_not_copy_it(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.string())])
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), schema) as writer:
        for start in range(0, 200_000, 10_000):
            writer.write_batch(pa.record_batch({"a": [f"text number {start + at}" for at in range(10_000)]}, schema))
    table = pa.ipc.open_file(pa.memory_map(str(tmp_path / "a.arrow"))).read_all()
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        taken = MappedRows(table).take(np.array([5, 199_999, 70_000]))["a"].to_pylist()
    finally:
        pa.set_memory_pool(before)
    assert taken == ["text number 5", "text number 199999", "text number 70000"]
    assert 0 < pool.max_memory() < table.nbytes / 100
