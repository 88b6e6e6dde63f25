"""Opening a run's catalog so that its views find the run's Parquet, wherever the folder lies."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import duckdb

from pipeline.catalog.build import create_views
from pipeline.catalog.near_run import near_run
from pipeline.model.errors import RunError
from pipeline.storage.database import quote, reachable
from pipeline.storage.places import Place, RemotePath
from pipeline.storage.run_folder import STAGES, RunFolder

BESIDE = ("embeddings",)
"""Folders of a run that no stage writes and views may read: what is made of a finished run."""
_SPECIAL = frozenset(",*?[]")
"""What DuckDB takes for more than a character in paths, and in lists of them."""
_lock = Lock()
_users: Counter[Path] = Counter()
"""Open connections by the folder that their database spills into."""


@contextmanager
def open_catalog(root: Place, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
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
def connect_catalog(root: Place, write: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to `catalog.duckdb` in a folder, finished or not; `open_catalog` says what it may do.

    Raises RunError when the file is not there, is not a catalog, or another process writes it.
    """
    folder = RunFolder(root.absolute())
    if not isinstance(folder.root, Path):
        with _connect_address(folder, write) as con:
            yield con
        return
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
def _connect_address(folder: RunFolder, write: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with the catalog's views over a run at an address, made anew in memory."""
    if write:
        raise RunError(
            "tables and views of one's own are kept in catalog.duckdb, which cannot be changed at an address",
            where=str(folder.root),
            remedy="ask without --write, or copy the run to a disk",
        )
    here = near_run(folder.root) if isinstance(folder.root, RemotePath) else None
    if here is None:
        con = duckdb.connect(":memory:")
        with closing_in(con, folder.root):
            create_views(con, folder.root)
            yield con
        return
    con = duckdb.connect(str(here / "catalog.duckdb"), read_only=True)
    with closing_in(con, folder.root, here):
        yield con


@contextmanager
def closing_in(con: duckdb.DuckDBPyConnection, root: Place, here: Path | None = None) -> Iterator[Place]:
    """Shut a connection into a run's folder, of which it may read, for the length of the block; close it then.

    Gives the folder under the name by which DuckDB is to read it: where the name has characters that DuckDB takes for a
    list or a pattern, that of a link. What does not fit into memory is spilled beside other temporary files of the
    machine, never into the run's folder. `here`: a folder of this machine with the tables of a run at an address.
    """
    spill = _shut_in(con, root, here)
    try:
        root = _named(root, spill)
        if isinstance(root, Path) or here is not None:
            con.execute(f"SET file_search_path = {quote(str(here or root))}")
        # DuckDB draws its bar on standard output, where the answer goes.
        con.execute("SET enable_progress_bar = false")
        yield root
    finally:
        con.close()
        with _lock:
            _users[spill] -= 1
            if not _users[spill]:
                del _users[spill]
                shutil.rmtree(spill, ignore_errors=True)


def _named(root: Place, spill: Path) -> Place:
    """Return the name by which DuckDB is to read the run's folder: its own, or that of a link."""
    if not isinstance(root, Path):
        return root
    return spill / "run" if set(str(root)) & _SPECIAL else root


def _shut_in(con: duckdb.DuckDBPyConnection, root: Place, here: Path | None = None) -> Path:
    """Shut a connection's database in, and return the folder that it spills into, noted as used once more.

    Connections of one process to one file share the database; it is shut in by the first of them, and opens no more.
    """
    with _lock:
        ((outside, known),) = con.execute(
            "SELECT current_setting('enable_external_access'), current_setting('temp_directory')"
        ).fetchall()
        spill = Path(tempfile.mkdtemp(prefix="biomill-")) if outside else Path(known).parent
        spill.mkdir(exist_ok=True)  # the last of the others may just have removed it
        named = _named(root, spill)
        if isinstance(root, Path) and isinstance(named, Path) and named != root and not named.is_symlink():
            named.symlink_to(root, target_is_directory=True)
        if outside:
            if not isinstance(root, Path):
                reachable(con, root)
            con.execute(f"SET temp_directory = {quote(str(spill / 'spill'))}")
            # DuckDB checks a path both as a view writes it and as it is found.
            allowed = [str(named), *([str(here)] if here else []), *(str(Path(name)) for name in (*STAGES, *BESIDE))]
            con.execute(f"SET allowed_directories = [{', '.join(quote(path) for path in allowed)}]")
            con.execute("SET enable_external_access = false")
            con.execute("SET threads = 2")
        _users[spill] += 1
    return spill
