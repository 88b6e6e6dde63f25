"""The arrived records on disk: their texts in order of id, their images as arrays, and which comes before which.

Wide rows are never joined or sorted in memory. The tables of what arrived and of the candidates stand in order of the
record ids, and are merged as they pass; DuckDB finds each record's image and place, and which share a key, from narrow
rows, within its budget and spilling beyond it. All that decides is then an array that is mapped. Everything is a
function of content, whole or absent, and goes when the stage has written what it leaves.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.likeness.records.arrays import mapped, save
from pipeline.likeness.records.candidates import Candidates, Rows, row_type
from pipeline.likeness.records.groups import KINDS
from pipeline.likeness.records.lineages import Lineages
from pipeline.likeness.records.mapped import MappedRows
from pipeline.likeness.records.merged import ascends, merged, stream
from pipeline.likeness.records.record_texts import TEXT_COLUMNS, RecordTexts
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import atomic_path, write_table
from pipeline.storage.parquet_files import row_count
from pipeline.storage.places import Place
from pipeline.storage.row_groups import row_group_writer
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_DIGESTS: Mapping[str, str] = {"pixels": "pixel_sha256", "picture": "sha256"}
"""Of which digest of its image a record holds the first record that has the same one."""
_GROUP_ROWS = 1 << 17
_ARRIVED = ("record_id", "source", "image_id", "media_id")
_CANDIDATE = ("name_id", "occurrence_key", "specimen_key", "media_key", "license_family", "provenance", "box_x")
_JUDGED = ("width", "height", "colours", "source_width", "source_height", "bytes")
"""What the order of preference asks of an image."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The tables of earlier stages, as files in order of their names."""

    arrived: Sequence[Place]
    media: Sequence[Place]
    candidates: Sequence[Place]

    def starts(self) -> pa.Table:
        """Return with which row of all images each file of media begins."""
        counts = [row_count(path) for path in self.media]
        names = [str(path) for path in self.media]
        return pa.table({"filename": names, "start": np.cumsum([0, *counts])[:-1]})

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(map(row_count, self.media))


@dataclass(frozen=True, slots=True)
class Ordered:
    """The files of one folder that hold the arrived records of some tables."""

    folder: Path
    tables: Arrived

    def write(self, con: duckdb.DuckDBPyConnection, order: str, labels: str) -> None:
        """Write what is missing of the files.

        `con` has the table `named`: name_id, the rank ids and `label`, its place among the distinct labels, which the
        query `labels` gives. `order`: the terms of preference over c (records), m (media) and n (`named`).
        """
        # What stands here under its own name is whole; the last file says that all do.
        if self._file("box").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        write_table(self.folder / "labels.parquet", sql.table(con, labels))
        self._missing(self._records, lambda path: self._write_records(con, path))
        con.register("starts", self.tables.starts())
        records = _SQL("records", file=str(self._records), columns=(*TEXT_COLUMNS, "license_family", "provenance"))
        row, image = self._write_order(
            con, _SQL("preferred", records=records, media=self._media(*_JUDGED), order=order)
        )
        self._write_keys(con, row, image)
        box = _by_row(self._stream("box"), pq.read_metadata(self._records).num_rows, np.dtype(np.bool_))
        quality = _by_row(stream(self.tables.media, ["quality"]), self.tables.images, np.dtype(np.int16))
        save(self._file("quality"), quality[image])
        save(self._file("box"), box[row])

    def _write_records(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        arrived = self._in_order(con, "arrived", self.tables.arrived, _ARRIVED)
        candidates = self._in_order(con, "candidates", self.tables.candidates, ("record_id", *_CANDIDATE))
        schema = pa.schema([(name, pa.string()) for name in (*TEXT_COLUMNS, "license_family")])
        schema = schema.append(pa.field("provenance", pa.int8())).append(pa.field("box", pa.bool_()))
        ids = pa.schema([("record_id", pa.string())])
        with (
            row_group_writer(path, schema, _GROUP_ROWS, True) as write,
            atomic_path(self.folder / "ids.arrow") as ids_path,
            pa.ipc.new_file(str(ids_path), ids) as writer,
        ):
            for table in merged(arrived, candidates, "record_id"):
                with_box = table.append_column("box", table["box_x"].is_valid())
                write(with_box.select(schema.names).cast(schema))
                writer.write_table(table.select(ids.names).cast(ids))

    def _in_order(
        self, con: duckdb.DuckDBPyConnection, name: str, files: Sequence[Place], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Stream a table in order of its record ids: as it stands, where it stands so."""
        if not ascends(stream(files, ["record_id"])):
            path = self.folder / f"{name}.parquet"
            table = _from(files)
            sql.copy(con, _SQL("sorted", columns=columns, table=table, key="record_id"), path)
            files = [path]
        return stream(files, columns)

    def _write_order(self, con: duckdb.DuckDBPyConnection, query: str) -> tuple[Rows, Rows]:
        """Write, by place in the order of preference, the row, image and label of every record; give the first two."""
        rows, images = pq.read_metadata(self._records).num_rows, self.tables.images
        row, image = np.empty(rows, row_type(rows)), np.empty(rows, row_type(images))
        label, count = np.empty(rows, np.int32), 0
        for batch in sql.batches(con, query):
            some = slice(count, count + batch.num_rows)
            row[some], image[some], label[some] = (column.to_numpy() for column in batch.columns)
            count += batch.num_rows
        row, image, label = row[:count], image[:count], label[:count]
        place = np.full(rows, -1, row.dtype)
        place[row] = np.arange(count, dtype=row.dtype)
        for name, array in (("row", row), ("image", image), ("label", label), ("place", place)):
            save(self._file(name), array)
        return row, image

    def _write_keys(self, con: duckdb.DuckDBPyConnection, row: Rows, image: Rows) -> None:
        """Write, for every key, the first record that has the same one."""
        for name, digest in _DIGESTS.items():
            codes = _shared(con, self._media(digest), (digest,), self.tables.images)
            save(self._file(name), _first(codes, image))
        rows = pq.read_metadata(self._records).num_rows
        for kind, columns in KINDS.items():
            query = _SQL("records", file=str(self._records), columns=columns)
            save(self._file(kind), _first(_shared(con, query, columns, rows), row))

    def _media(self, *columns: str) -> str:
        files = _from(self.tables.media, "file_row_number = true, filename = true")
        return _SQL("media", files=files, columns=("image_id", *columns))

    @property
    def _records(self) -> Path:
        return self.folder / "records.parquet"

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def _missing(self, path: Path, write: Callable[[Path], None]) -> None:
        if not path.exists():
            write(path)

    def _stream(self, column: str) -> Iterator[pa.RecordBatch]:
        return stream([self._records], [column])

    def array(self, name: str) -> Rows:
        """Map an array with an entry for every record: row, image, pixels, picture, or one of KINDS."""
        return mapped(self._file(name))

    def digests(self) -> Iterator[pa.RecordBatch]:
        """Yield sha256 and pixel_sha256 of all images, in their order."""
        return stream(self.tables.media, ["sha256", "pixel_sha256"])

    def candidates(self) -> Candidates:
        """Map what decides about the records."""
        quality, box, label = (self.array(name) for name in ("quality", "box", "label"))
        lineages = Lineages.of(pq.read_table(self.folder / "labels.parquet"))
        return Candidates(quality, box, label, self.array("pixels"), self.array("picture"), lineages)

    def texts(self) -> RecordTexts:
        """Return the texts of the records, to be read as they are asked for."""
        ids = pa.ipc.open_file(pa.memory_map(str(self.folder / "ids.arrow"))).read_all()
        return RecordTexts(self._records, MappedRows(ids), self.array("row"), self.array("place"))

    def remove(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _from(files: Sequence[Place], options: str = "") -> str:
    listed = ", ".join(sql.quote(str(path)) for path in files)
    return f"read_parquet([{listed}]{', ' if options else ''}{options})"


def _shared(con: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[str], count: int) -> Rows:
    """Return, for every row, the first row that has the same key; itself where it has none or is alone."""
    first: Rows = np.arange(count, dtype=row_type(count))
    given = " AND ".join(f"\"{column}\" <> ''" for column in columns)
    codes, filled = np.empty(count, np.uint64), 0
    for batch in sql.batches(con, _SQL("codes", rows=rows, columns=columns, given=given)):
        codes[filled : filled + batch.num_rows] = batch.column(0).to_numpy()
        filled += batch.num_rows
    codes = codes[:filled]
    codes.sort()
    con.register("again", pa.table({"code": np.unique(codes[1:][codes[1:] == codes[:-1]])}))
    for batch in sql.batches(con, _SQL("shared", rows=rows, columns=columns, given=given)):
        first[batch.column("row").to_numpy()] = batch.column("first").to_numpy()
    return first


def _first(codes: Rows, at: Rows) -> Rows:
    """Return, for every record, the first one whose code is its own; `at`: where its code stands."""
    first = np.zeros(len(codes), row_type(len(at)))
    own = codes[at]
    first[own[::-1]] = np.arange(len(at), dtype=first.dtype)[::-1]
    answer: Rows = first[own]
    return answer


def _by_row(batches: Iterator[pa.RecordBatch], count: int, dtype: np.dtype[np.generic]) -> Rows:
    """Return the first column of some batches as an array, 0 where it is null."""
    answer, start = np.zeros(count, dtype), 0
    for batch in batches:
        column = batch.column(0)
        values = column.fill_null(pa.scalar(0, column.type)) if column.null_count else column
        answer[start : start + len(column)] = values.to_numpy(zero_copy_only=False)
        start += len(column)
    return answer
