"""Opening a run's catalog so that its views find the run's Parquet, wherever the folder lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.run.folder import STAGES, RunFolder
from pipeline.sql import quote


@contextmanager
def open_catalog(root: Path, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to the catalog of a finished run, read-only unless `write` is asked for.

    The run's Parquet is only ever read, and no other file of the machine can be read through the catalog. With `write`
    tables and views of one's own can be made in the catalog file; the catalog stage makes it anew when it runs again.
    Raises RunError when the run is not finished.
    """
    folder = RunFolder(root.absolute())
    folder.require("catalog")
    with connect_catalog(folder.root, write) as con:
        yield con


@contextmanager
def connect_catalog(root: Path, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to `catalog.duckdb` in a folder, finished or not; `open_catalog` says what it may do."""
    folder = RunFolder(root.absolute())
    con = duckdb.connect(str(folder.catalog), read_only=not write)
    try:
        con.execute(f"SET file_search_path = {quote(str(folder.root))}")
        # DuckDB checks a path both as a view writes it and as it is found.
        allowed = [str(folder.root), *(str(Path(name)) for name in STAGES)]
        con.execute(f"SET allowed_directories = [{', '.join(quote(path) for path in allowed)}]")
        con.execute("SET enable_external_access = false")
        con.execute("SET threads = 2")
        yield con
    finally:
        con.close()
