"""Tables that are written from a stream are the same files however the rows come."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.storage.atomic import write_table
from pipeline.storage.row_groups import row_groups

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])


def rows(count: int) -> pa.Table:
    return pa.table({"a": range(count), "b": [f"text {each}" for each in range(count)]}, schema=SCHEMA)


def streamed(path: Path, table: pa.Table, sizes: list[int], group: int) -> bytes:
    with row_groups(path, SCHEMA, group) as writer:
        start = 0
        for size in sizes:
            writer.add(table.slice(start, size))
            start += size
    return path.read_bytes()


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 35])
def test_a_streamed_file_is_that_of_the_whole_table(tmp_path: Path, count: int) -> None:
    table = rows(count)
    write_table(tmp_path / "whole.parquet", table, row_group_size=10)
    whole = (tmp_path / "whole.parquet").read_bytes()
    for number, sizes in enumerate([[count], [1] * count, [0, 3, 0, count], [7, 7, 7, count]]):
        assert streamed(tmp_path / f"{number}.parquet", table, sizes, 10) == whole


def test_row_groups_are_of_one_size_but_the_last(tmp_path: Path) -> None:
    streamed(tmp_path / "a.parquet", rows(25), [4] * 7, 10)
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)] == [10, 10, 5]


def test_nothing_appears_of_a_stream_that_breaks_off(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no more"), row_groups(tmp_path / "a.parquet", SCHEMA, 2) as writer:
        writer.add(rows(5))
        raise ValueError("no more")
    assert list(tmp_path.iterdir()) == []
