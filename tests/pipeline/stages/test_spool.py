"""Native rows between reading and mapping: every bucket gets back its own rows, in the order of the input."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.spool import buckets_of, spool_table, spooled_bucket, spooled_buckets

ROWS = st.lists(st.tuples(st.none() | st.text("ab", max_size=3), st.none() | st.text("xé ", max_size=2)), max_size=30)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(1, 5), st.integers(0, 30))
def test_every_bucket_gives_back_its_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, str | None]], buckets: int, cut: int
) -> None:
    path = tmp_path_factory.mktemp("spool") / "split.arrow"
    schema = pa.schema([(name, pa.string()) for name in ("key", "value", "void")] + [("row", pa.int64())])
    listed = [{"key": key, "value": value, "void": None, "row": row} for row, (key, value) in enumerate(rows)]
    parts = [pa.Table.from_pylist(part, schema=schema) for part in (listed[:cut], listed[cut:])]
    present = spool_table(path, pa.concat_tables(parts), "key", buckets)
    assert spooled_buckets(path) == present
    own = buckets_of(pa.array([key for key, _ in rows], pa.string()), buckets).tolist()
    assert present == sorted(set(own))
    for bucket in present:
        found = spooled_bucket(path, bucket)
        assert found.schema == schema
        assert found.to_pylist() == [row for row, at in zip(listed, own, strict=True) if at == bucket]


@pytest.mark.parametrize("kept", [0, 4, 300])
def test_a_split_that_is_absent_or_cut_is_not_there(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "split.arrow"
    assert spooled_buckets(path) is None
    spool_table(path, pa.table({"key": ["a", "b"]}), "key", 2)
    path.write_bytes(path.read_bytes()[:kept])
    assert spooled_buckets(path) is None
