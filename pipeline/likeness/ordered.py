"""The arrived records on disk: in order of preference, by id, and as arrays that are mapped into memory.

DuckDB sorts within its budget and spills beyond it. What decides is then read from the arrays; texts are read when
something is written, from front to back. Everything is a function of content, whole or absent, and goes when the stage
has written what it leaves.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.likeness.arrays import save, save_rows
from pipeline.likeness.candidates import Candidates, Rows, row_type
from pipeline.likeness.groups import KINDS
from pipeline.likeness.lineages import Lineages
from pipeline.likeness.record_texts import TEXT_COLUMNS, RecordTexts
from pipeline.storage import database as sql
from pipeline.storage.atomic import atomic_path, write_table
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_BATCH = 1 << 16
_KEYS: Mapping[str, tuple[str, ...]] = {"pixels": ("pixel_sha256",), "picture": ("sha256",), **KINDS}
"""Of which key a record holds the first record that has the same one."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """The files of one folder that hold the arrived records."""

    folder: Path

    @property
    def records(self) -> Path:
        """The records in order of preference, with all columns."""
        return self.folder / "records.parquet"

    def write(self, con: duckdb.DuckDBPyConnection, arrived: str, labels: str) -> None:
        """Write what is missing of the files.

        `arrived`: the query of the records in order of preference: quality, box, label (place among the labels), pdq,
        phash, unit, offset, length, sha256, pixel_sha256, and the texts. `labels`: that of the distinct labels.
        """
        # What stands here under its own name is whole; the last file says that all do.
        if self._file("by_id").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        write_table(self.folder / "labels.parquet", sql.table(con, labels))
        _copy(con, arrived, self.records)
        count = pq.read_metadata(self.records).num_rows
        kind = row_type(count)
        for name, columns in _KEYS.items():
            first = np.arange(count, dtype=kind)
            for batch in sql.batches(con, self._shared(columns)):
                first[batch.column("place").to_numpy()] = batch.column("first").to_numpy()
            save(self._file(name), first)
        for name, dtype in (("quality", np.int16), ("box", np.bool_), ("label", np.int32)):
            parts = (batch.column(0).to_numpy(zero_copy_only=False) for batch in self.batches([name]))
            save_rows(self._file(name), (count,), np.dtype(dtype), parts)
        self._write_ids()
        texts = self.folder / "by_id.parquet"
        _copy(con, _SQL("by_id", file=str(self.records), columns=TEXT_COLUMNS), texts)
        places = (batch.column(0).to_numpy() for batch in _batches(texts, ["place"]))
        save_rows(self._file("by_id"), (count,), np.dtype(kind), places)

    def _shared(self, columns: Sequence[str]) -> str:
        given = " AND ".join(f"\"{column}\" <> ''" for column in columns)
        return _SQL("shared", file=str(self.records), columns=columns, given=given)

    def _write_ids(self) -> None:
        schema = pa.schema([("record_id", pa.string())])
        with atomic_path(self.folder / "ids.arrow") as path, pa.ipc.new_file(str(path), schema) as writer:
            for batch in self.batches(schema.names):
                writer.write_batch(batch.cast(schema))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of the records, in order of preference."""
        return _batches(self.records, columns)

    def first(self, name: str) -> Rows:
        """Map the first record of equal key for every record: pixels, picture, or one of KINDS."""
        return np.load(self._file(name), mmap_mode="r")  # type: ignore[no-any-return]

    def candidates(self) -> Candidates:
        """Map what decides about the records."""
        quality, box, label = (np.load(self._file(name), mmap_mode="r") for name in ("quality", "box", "label"))
        lineages = Lineages.of(pq.read_table(self.folder / "labels.parquet"))
        return Candidates(quality, box, label, self.first("pixels"), self.first("picture"), lineages)

    def texts(self) -> RecordTexts:
        """Return the texts of the records, to be read as they are asked for."""
        ids = pa.ipc.open_file(pa.memory_map(str(self.folder / "ids.arrow"))).read_all()["record_id"]
        return RecordTexts(self.folder / "by_id.parquet", ids, np.load(self._file("by_id"), mmap_mode="r"))

    def remove(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    if not path.exists():
        sql.copy(con, query, path)


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(_BATCH, columns=list(columns))
