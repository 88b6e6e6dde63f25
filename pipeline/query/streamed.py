"""Answers that go by in Arrow's batches: CSV that DuckDB writes, and files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.model.errors import StorageError
from pipeline.query.counted import Counted
from pipeline.query.running import Runner
from pipeline.query.values import unique
from pipeline.storage.database import quote

_BATCH = 100_000


def _reader(run: Runner, query: str) -> pa.RecordBatchReader:
    return run(lambda: run.con.sql(query).to_arrow_reader(_BATCH))


def csv_lines(run: Runner, query: str, counted: Counted) -> Iterator[str]:
    """Yield an answer as CSV that DuckDB writes: a missing value is empty, an empty text is quoted.

    Raises duckdb.Error when the question fails, also while its rows come.
    """
    with (
        _failing_as_duckdb(),
        duckdb.connect(":memory:") as writer,
        tempfile.TemporaryDirectory(prefix="biomill-") as folder,
    ):
        reader = _reader(run, query)
        names = unique(reader.schema.names)
        path = Path(folder) / "part.csv"
        writer.execute("SET threads = 1; SET enable_progress_bar = false")

        def text(part: pa.Table, header: bool) -> list[str]:
            writer.register("part", part.rename_columns(names))
            writer.execute(f"COPY part TO '{path}' (FORMAT csv, HEADER {header})")
            writer.unregister("part")
            # Rows are broken by line feeds alone, whatever else may stand in a value.
            written = path.read_bytes().decode().removesuffix("\n")
            return written.split("\n") if written else []

        yield from text(reader.schema.empty_table(), True)
        while (batch := run(lambda: next(reader, None))) is not None:
            counted.rows += batch.num_rows
            yield from text(pa.Table.from_batches([batch]), False)


@contextmanager
def _failing_as_duckdb() -> Iterator[None]:
    """Raise what DuckDB says while rows come, by way of Arrow, as an error of DuckDB."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise duckdb.Error(str(error)) from error


def copy_answer(run: Runner, query: str, path: Path, form: str, counted: Counted) -> None:
    """Write an answer to a file, as Parquet or CSV.

    Raises duckdb.Error when the question fails, also while its rows come, and StorageError when the file cannot be
    written.
    """
    reader = _reader(run, query)
    names = unique(reader.schema.names)
    unread: list[Exception] = []

    def counting() -> Iterator[pa.RecordBatch]:
        try:
            for batch in reader:
                counted.rows += batch.num_rows
                yield batch.rename_columns(names)
        except (pa.ArrowException, OSError) as error:
            unread.append(error)
            raise

    renamed = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    options = "FORMAT parquet, COMPRESSION zstd" if form == "parquet" else "FORMAT csv, HEADER true"
    with duckdb.connect(":memory:") as writer:
        writer.execute("SET enable_progress_bar = false")
        writer.register("answer", pa.RecordBatchReader.from_batches(renamed, counting()))
        try:
            run(lambda: writer.execute(f"COPY (FROM answer) TO {quote(str(path))} ({options})"), writer)
        except duckdb.Error as error:
            if unread:  # it failed while rows came
                raise duckdb.Error(str(unread[0])) from error
            raise StorageError(
                f"the answer cannot be written: {str(error).splitlines()[0]}",
                where=str(path.parent),
                remedy="free some space, or name another file",
            ) from error
