"""What DuckDB reads of a store that stumbles is asked for again, and what is missing is not."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.storage.stores import patience
from pipeline.storage.stores.patient_files import PatientFileSystem


class Stumbling:
    """A file system of which every second question of each kind fails as a busy store's does."""

    protocol = "memory"

    def __init__(self, behind: Any) -> None:
        self.behind, self.asked = behind, Counter[str]()

    def stumble(self, name: str) -> None:
        self.asked[name] += 1
        if self.asked[name] % 2:
            raise OSError(16, "Service Unavailable")

    def __getattr__(self, name: str) -> Any:
        def ask(*args: Any, **named: Any) -> Any:
            self.stumble(name)
            found = getattr(self.behind, name)(*args, **named)
            return StumblingFile(found, self) if name == "open" else found

        return ask


class StumblingFile(io.RawIOBase):
    """A file that has moved on when a read of it fails."""

    def __init__(self, behind: Any, system: Stumbling) -> None:
        super().__init__()
        self.behind, self.system = behind, system

    def seek(self, *where: int) -> int:
        return int(self.behind.seek(*where))

    def read(self, size: int = -1) -> bytes:
        data = bytes(self.behind.read(size))
        self.system.stumble("read")
        return data


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> Stumbling:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.001)
    memory = fsspec.filesystem("memory")
    with memory.open("/patient/a.parquet", "wb") as file:
        pq.write_table(pa.table({"n": range(20_000)}), file, row_group_size=1_000)
    return Stumbling(memory)


def test_a_query_over_a_busy_store_gives_the_rows(stumbling: Stumbling) -> None:
    with duckdb.connect() as con:
        con.register_filesystem(PatientFileSystem(stumbling, 30.0))
        for source in ("memory://patient/a.parquet", "memory://patient/*.parquet"):
            assert con.execute(f"SELECT count(*), sum(n) FROM '{source}'").fetchone() == (20_000, 199_990_000)
    assert stumbling.asked["open"] > 1 and stumbling.asked["read"] > 20


def test_without_patience_the_first_failure_is_told(stumbling: Stumbling) -> None:
    with pytest.raises(OSError, match="Service Unavailable"):
        PatientFileSystem(stumbling, 0.0).open("memory://patient/a.parquet")


def test_what_is_missing_is_asked_for_once(stumbling: Stumbling) -> None:
    stumbling.asked["open"] = 1
    with pytest.raises(FileNotFoundError):
        PatientFileSystem(stumbling, 30.0).open("memory://patient/b.parquet")
    assert stumbling.asked["open"] == 2
