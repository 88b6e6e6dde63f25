"""Row ranges of Parquet files: every row in one range, and no range across a row group."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources.mapping.parquet_rows import cut_rows


@pytest.mark.parametrize(
    ("target", "ranges"),
    [
        (1, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]),
        (20, [(0, 2), (2, 1), (3, 2)]),
        (1000, [(0, 3), (3, 2)]),
    ],
)
def test_a_file_is_cut_by_what_its_rows_take_and_by_its_row_groups(
    tmp_path: Path, target: int, ranges: list[tuple[int, int]]
) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": list(range(5))}), path, row_group_size=3)
    splits = cut_rows(path, table="t", origin="o", columns=("a",), target_bytes=target, row_bytes=10)
    assert [(split.start, split.rows) for split in splits] == ranges
