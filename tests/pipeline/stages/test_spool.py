"""Native rows between reading and mapping: every bucket gets back its own rows, in the order of the input."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.errors import ConservationError
from pipeline.stages.spool import buckets_of, spool_table, spooled_bucket, spooled_buckets

ROWS = st.lists(st.tuples(st.none() | st.text("ab", max_size=3), st.none() | st.text("xé ", max_size=2)), max_size=30)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(1, 9), st.integers(1, 4), st.integers(0, 30))
def test_every_bucket_gives_back_its_rows(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str | None, str | None]],
    buckets: int,
    width: int,
    cut: int,
) -> None:
    path = tmp_path_factory.mktemp("spool") / "split.arrow"
    schema = pa.schema([(name, pa.string()) for name in ("key", "value", "void")] + [("row", pa.int64())])
    listed = [{"key": key, "value": value, "void": None, "row": row} for row, (key, value) in enumerate(rows)]
    parts = [pa.Table.from_pylist(part, schema=schema) for part in (listed[:cut], listed[cut:])]
    present = spool_table(path, pa.concat_tables(parts), "key", buckets, width)
    assert spooled_buckets(path) == present
    own = [bucket // width for bucket in buckets_of(pa.array([key for key, _ in rows], pa.string()), buckets)]
    assert present == sorted(set(own))
    for bucket in range(buckets):
        found = spooled_bucket(path, bucket)
        expected = [row for row, at in zip(listed, own, strict=True) if at == bucket]
        if bucket not in present:
            assert found is None
            continue
        assert found is not None
        assert found.schema == schema
        assert found.to_pylist() == expected


def test_a_table_that_is_absent_or_cut_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "split.arrow"
    assert spooled_buckets(path) is None
    spool_table(path, pa.table({"key": ["a", "b"]}), "key", 2)
    data = path.read_bytes()
    for kept in range(len(data)):
        path.write_bytes(data[:kept])
        assert spooled_buckets(path) is None
        if kept:
            with pytest.raises(ConservationError, match="not whole"):
                spooled_bucket(path, 0)
    path.write_bytes(bytes(len(data)))  # as a power failure may leave it
    assert spooled_buckets(path) is None
    path.write_bytes(data)
    assert spooled_buckets(path) is not None
