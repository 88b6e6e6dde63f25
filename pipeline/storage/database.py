"""DuckDB as the pipeline uses it: bounded memory, spilling beside the run, results in a stated order, atomic output."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import duckdb

from pipeline.model.errors import StorageError
from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place, RemotePath, near, near_files
from pipeline.storage.places.scratch import scratch_folder
from pipeline.storage.stores.patient_files import PatientFileSystem
from pipeline.storage.stores.remote_store import RemoteStore

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 50_000
_COPIED = 64 << 20
"""Bytes of a table at an address that is copied to be read: a query opens each many times, and asks for little."""
_OPEN: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
COLUMNS_ALONE = "-"
"""With which the names of files begin that have columns and no rows."""
_LEAST_MB = 64
_THREADS = 8  # beyond that, memory per thread gets short under the limits that recipes set


def quote(text: str) -> str:
    """Return the text as an SQL string literal.

    >>> quote("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def parquet(folder: Place, pattern: str = "*.parquet") -> str:
    """Return the FROM clause for all Parquet files of a folder, in name order; see `tables`."""
    return _listed(files_of(folder, pattern))


def files_of(folder: Place, pattern: str = "*.parquet") -> Sequence[Place]:
    """Return the files of a folder as queries read them, in name order; see `tables`."""
    return sorted(folder.glob(pattern)) if isinstance(folder, Path) else near(folder, pattern, _COPIED)


def tables(files: Sequence[Place]) -> str:
    """Return the FROM clause for some Parquet files.

    Of those at an address small ones are read from copies on this machine, large ones by ranges of what is asked for.
    """
    return _listed(near_files(files, _COPIED))


def _listed(files: Sequence[Place]) -> str:
    # DuckDB takes the rows of the first file for those of each, so that one which has columns alone goes last: before a
    # table that it believes to be empty it would hold the other one in memory.
    ordered = sorted(files, key=lambda path: path.name.startswith(COLUMNS_ALONE))
    return f"read_parquet([{', '.join(quote(str(path)) for path in ordered)}])"


def in_list(values: Sequence[str]) -> str:
    """Return an SQL list of string literals; never empty, so that `IN` stays valid."""
    return "(" + ", ".join(quote(value) for value in values or ("",)) + ")"


@contextmanager
def connect(memory_mb: int, root: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection in memory that keeps to `memory_mb` MiB, and can read what lies in a run's folder.

    What does not fit is spilled into the folder, or, where it is at an address, to the disk of this machine.
    """
    con = duckdb.connect(":memory:")
    _OPEN.add(con)
    with ExitStack() as stack:
        stack.callback(_closed, con)
        spill = root
        if not isinstance(spill, Path):
            reachable(con, spill)
            spill = stack.enter_context(scratch_folder())
        keep_within(con, memory_mb)
        con.execute(f"SET temp_directory = {quote(str(spill / '.duckdb'))}")
        con.execute(f"SET threads = {min(_THREADS, os.cpu_count() or 1)}")
        con.execute("SET preserve_insertion_order = false")
        yield con


def keep_within(con: duckdb.DuckDBPyConnection, memory_mb: int) -> None:
    """Have a connection take no more than three quarters of so many MiB.

    Beside it stand the batches that it gave, and what it does not count, such as files that it writes.

    >>> with duckdb.connect() as con:
    ...     keep_within(con, 1024)
    ...     con.execute("SELECT current_setting('memory_limit')").fetchone()
    ('768.0 MiB',)
    """
    con.execute(f"SET memory_limit = '{max(_LEAST_MB, memory_mb * 3 // 4)}MiB'")


def _closed(con: duckdb.DuckDBPyConnection) -> None:
    _OPEN.discard(con)
    con.close()


def reachable(con: duckdb.DuckDBPyConnection, root: RemotePath) -> None:
    """Let a connection read the addresses of a store, through the file system that everything else reads it by."""
    store = root.store
    assert isinstance(store, RemoteStore)
    con.register_filesystem(PatientFileSystem(store.file_system, store.patience))


def interrupt_queries() -> None:
    """End the queries of all connections that `connect` gave, each with an error; may be called from any thread."""
    for con in list(_OPEN):
        with suppress(duckdb.Error):  # it was closed meanwhile
            con.interrupt()


def copy(con: duckdb.DuckDBPyConnection, query: str, path: Place) -> None:
    """Write the result of a query, in its ORDER BY order, as one Parquet file, atomically."""
    with atomic_path(path) as temporary:
        try:
            con.execute(f"COPY ({query}) TO {quote(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")
        except duckdb.IOException as error:
            raise StorageError(
                f"cannot write: {error}", where=str(path), remedy="free some space, then run again"
            ) from error


def batches(con: duckdb.DuckDBPyConnection, query: str, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Stream the result of a query as Arrow record batches of at most `rows` rows."""
    yield from con.sql(query).to_arrow_reader(rows)


def table(con: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """Return the whole result of a query as an Arrow table."""
    return con.sql(query).to_arrow_table()


def scalar(con: duckdb.DuckDBPyConnection, query: str) -> Any:
    """Return the first value of the first row."""
    rows = con.execute(query).fetchall()
    return rows[0][0] if rows else None


@contextmanager
def registered(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> Iterator[None]:
    """Let queries of a connection read an Arrow table by a name, while the block lasts.

    >>> import pyarrow as pa
    >>> with duckdb.connect() as con, registered(con, "few", pa.table({"a": [1, 2]})):
    ...     scalar(con, "SELECT sum(a) FROM few")
    3
    """
    con.register(name, table)
    try:
        yield
    finally:
        con.unregister(name)
