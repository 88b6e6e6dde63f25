"""Files are whole or absent."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, atomic_path, sweep, table_writer, write_json, write_table


def test_a_failed_block_leaves_neither_the_file_nor_a_temporary_one(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_stays_when_its_replacement_fails(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1})

    def fail() -> None:
        with atomic_path(tmp_path / "a.json") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "a.json").read_text() == '{\n "b": 1\n}\n'


def test_equal_values_give_equal_bytes_whatever_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"x": 1, "y": 2})
    write_json(tmp_path / "b", {"y": 2, "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_table_writer_publishes_only_whole_tables(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2]})

    def fail() -> None:
        with table_writer(tmp_path / "t.parquet", table.schema) as writer:
            writer.write_table(table)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
    with table_writer(tmp_path / "t.parquet", table.schema) as writer:
        writer.write_table(table)
        writer.write_table(table)
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 4


def test_leftovers_of_killed_runs_are_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f"{TEMPORARY_PREFIX}123-a.tar").write_text("half")
    (tmp_path / "deep" / "a.tar").write_text("whole")
    assert sweep(tmp_path) == 1
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.tar"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk_is_a_storage_error_that_says_what_to_do(small_disk: Path) -> None:
    table = pa.table({"a": [os.urandom(1000) for _ in range(3000)]})
    with pytest.raises(StorageError, match="No space left") as caught:
        write_table(small_disk / "t.parquet", table)
    assert "free some space" in caught.value.remedy
    assert list(small_disk.iterdir()) == []


def test_an_unwritable_place_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageError, NotADirectoryError)):
        write_json(tmp_path / "file" / "a.json", {})
