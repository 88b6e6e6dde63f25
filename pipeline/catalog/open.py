"""Opening a run's catalog so that its views find the run's Parquet, wherever the folder lies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.model.errors import RunError
from pipeline.storage.database import quote
from pipeline.storage.run_folder import STAGES, RunFolder

_SPECIAL = frozenset(",*?[]")
"""What DuckDB takes for more than a character in paths, and in lists of them."""


@contextmanager
def open_catalog(root: Path, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to the catalog of a finished run, read-only unless `write` is asked for.

    The run's Parquet is only ever read, and no other file of the machine can be read through the catalog. With `write`
    tables and views of one's own can be made in the catalog file; the catalog stage makes it anew when it runs again.
    Raises RunError when the run is not finished, or a stage of it is being done over again.
    """
    folder = RunFolder(root.absolute())
    folder.require("catalog")
    with connect_catalog(folder.root, write) as con:
        yield con


@contextmanager
def connect_catalog(root: Path, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to `catalog.duckdb` in a folder, finished or not; `open_catalog` says what it may do.

    Raises RunError when the file is not there, is not a catalog, or another process writes it.
    """
    folder = RunFolder(root.absolute())
    try:
        con = duckdb.connect(str(folder.catalog), read_only=not write)
    except duckdb.Error as error:
        held = "lock" in str(error).lower()
        raise RunError(
            f"the catalog cannot be opened: {str(error).splitlines()[0]}",
            where=str(folder.catalog),
            remedy="let the other process that has it open come to its end"
            if held
            else f"remove {folder.stage(STAGES[-1])}, then run the same command again: it makes the catalog anew",
        ) from error
    with closing_in(con, folder.root):
        yield con


@contextmanager
def closing_in(con: duckdb.DuckDBPyConnection, root: Path) -> Iterator[Path]:
    """Shut a connection into a run's folder, of which it may read, for the length of the block; close it then.

    Gives the folder under the name by which DuckDB is to read it: where the name has characters that DuckDB takes for a
    list or a pattern, that of a link. What does not fit into memory is spilled beside other temporary files of the
    machine, never into the run's folder.
    """
    spill = Path(tempfile.mkdtemp(prefix="biomill-"))
    try:
        if set(str(root)) & _SPECIAL:
            (spill / "run").symlink_to(root, target_is_directory=True)
            root = spill / "run"
        con.execute(f"SET file_search_path = {quote(str(root))}")
        con.execute(f"SET temp_directory = {quote(str(spill / 'spill'))}")
        # DuckDB checks a path both as a view writes it and as it is found.
        allowed = [str(root), *(str(Path(name)) for name in STAGES)]
        con.execute(f"SET allowed_directories = [{', '.join(quote(path) for path in allowed)}]")
        con.execute("SET enable_external_access = false")
        con.execute("SET threads = 2")
        # DuckDB draws its bar on standard output, where the answer goes.
        con.execute("SET enable_progress_bar = false")
        yield root
    finally:
        con.close()
        shutil.rmtree(spill, ignore_errors=True)
