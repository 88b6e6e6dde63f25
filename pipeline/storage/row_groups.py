"""Parquet files written from a stream of tables, in row groups of one size whatever the size of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.storage.atomic import table_writer

GROUP_ROWS = 1 << 17


class RowGroups:
    """Gathers tables and writes a row group when there are enough rows for one."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema, rows: int) -> None:
        self._writer, self._schema, self._rows = writer, schema, rows
        self._held: list[pa.Table] = []
        self._count = 0
        self._empty = True

    def add(self, table: pa.Table) -> None:
        """Append the rows of a table of the schema."""
        self._held.append(table)
        self._count += table.num_rows
        while self._count >= self._rows:
            whole = pa.concat_tables(self._held)
            self._write(whole.slice(0, self._rows))
            self._held = [whole.slice(self._rows)]
            self._count -= self._rows

    def end(self) -> None:
        """Write what is left; a file without rows has an empty row group."""
        if self._count or self._empty:
            self._write(pa.concat_tables([self._schema.empty_table(), *self._held]))

    def _write(self, table: pa.Table) -> None:
        self._empty = False
        self._writer.write_table(table.combine_chunks(), row_group_size=self._rows)


@contextmanager
def row_groups(path: Path, schema: pa.Schema, rows: int = GROUP_ROWS) -> Iterator[RowGroups]:
    """Yield a writer whose file appears under `path` only when the block ends well (zstd).

    Memory: that of `rows` rows and of one table. The bytes do not depend on how the rows come in tables.

    >>> import tempfile
    >>> path, schema = Path(tempfile.mkdtemp(), "a.parquet"), pa.schema([("a", pa.int64())])
    >>> with row_groups(path, schema, 2) as writer:
    ...     for row in range(5):
    ...         writer.add(pa.table({"a": [row]}))
    >>> pq.read_metadata(path).num_row_groups, pq.read_table(path)["a"].to_pylist()
    (3, [0, 1, 2, 3, 4])
    """
    with table_writer(path, schema) as writer:
        gathered = RowGroups(writer, schema, rows)
        yield gathered
        gathered.end()
