"""Opening a run's catalog so that its views find the run's Parquet, wherever the folder lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.run.folder import STAGES, RunFolder
from pipeline.sql import quote


@contextmanager
def open_catalog(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a read-only connection to the catalog of a finished run.

    The catalog and all files it reads are read-only, and no other file of the machine can be read through it. Raises
    RunError when the run is not finished.
    """
    folder = RunFolder(root.absolute())
    folder.require("catalog")
    con = duckdb.connect(str(folder.catalog), read_only=True)
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
