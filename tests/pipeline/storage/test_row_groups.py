"""Row groups are cut by rows, whatever the pieces, and rows are read by number without decoding all."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.storage.row_groups import RowReader, row_group_writer, row_reader

SCHEMA = pa.schema([("n", pa.int64()), ("key", pa.string())])


def table(first: int, rows: int) -> pa.Table:
    numbers = range(first, first + rows)
    return pa.table({"n": list(numbers), "key": [f"k{number // 7:04}" for number in numbers]}, schema=SCHEMA)


def write(path: Path, pieces: list[int], rows: int) -> bytes:
    first = 0
    with row_group_writer(path, SCHEMA, rows) as add:
        for piece in pieces:
            add(table(first, piece))
            first += piece
    return path.read_bytes()


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 30))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bytes_depend_on_the_rows_and_not_on_the_pieces(tmp_path: Path, pieces: list[int], rows: int) -> None:
    total = sum(pieces)
    assert write(tmp_path / "a.parquet", pieces, rows) == write(tmp_path / "b.parquet", [total], rows)
    footer = pq.read_metadata(tmp_path / "a.parquet")
    sizes = [footer.row_group(place).num_rows for place in range(footer.num_row_groups)]
    assert sum(sizes) == total
    assert all(size == rows for size in sizes[:-1]) and all(0 < size <= rows for size in sizes[-1:])


@given(st.integers(0, 100), st.integers(1, 30), st.integers(0, 100), st.integers(0, 100))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_stretch_is_read(tmp_path: Path, total: int, rows: int, first: int, count: int) -> None:
    write(tmp_path / "a.parquet", [total], rows)
    expected = table(0, total).slice(min(first, total), count).to_pylist()
    assert RowReader(tmp_path / "a.parquet", ("key",)).rows(first, count) == expected


def test_rows_in_order_cost_one_decoding_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.parquet", [1000], 100)
    decoded: list[int] = []

    class Counted(pq.ParquetFile):  # type: ignore[misc]
        def read_row_group(self, i: int, **rest: object) -> pa.Table:
            decoded.append(i)
            return super().read_row_group(i, **rest)

    monkeypatch.setattr(pq, "ParquetFile", Counted)
    reader = RowReader(tmp_path / "a.parquet")
    assert [row["n"] for first in range(0, 1000, 7) for row in reader.rows(first, 7)] == list(range(1000))
    assert decoded == list(range(10))


def test_the_rows_of_a_key_are_read_wherever_groups_end(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [200], 10)
    reader = RowReader(tmp_path / "a.parquet", ("key",))
    for place in range(29):
        assert [row["n"] for row in reader.equal("key", f"k{place:04}")] == [
            number for number in range(place * 7, place * 7 + 7) if number < 200
        ]
    assert reader.equal("key", "none") == []


def test_threads_share_a_reader(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [5000], 64)
    reader = RowReader(tmp_path / "a.parquet")
    places = [random.Random(seed).randrange(5000) for seed in range(400)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda first: reader.rows(first, 3), places))
    assert [rows[0]["n"] for rows in found] == places


def test_a_file_that_was_written_again_is_read_as_it_is_now(tmp_path: Path) -> None:
    for total in (3, 5, 5, 2):
        write(tmp_path / "a.parquet", [total], 10)
        assert len(row_reader(tmp_path / "a.parquet").rows(0, 10)) == total
    assert row_reader(tmp_path / "a.parquet") is row_reader(tmp_path / "a.parquet")
