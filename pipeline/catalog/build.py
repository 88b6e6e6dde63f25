"""Building `catalog.duckdb`: documented views over the run's Parquet, and the small tables that explain them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from pipeline.model.outcomes import Outcome
from pipeline.privacy import create_privacy
from pipeline.storage.database import quote
from pipeline.storage.files.atomic import atomic_path, write_table
from pipeline.storage.places import Place
from pipeline.storage.places.scratch import scratch_folder
from pipeline.storage.run_folder import RunFolder

STORAGE_VERSION = "v1.0.0"
_DOCUMENTED = re.compile(r"^--\| (?P<view>\w+|\*)(?:\.(?P<column>\w+))?: (?P<text>.+)$", re.MULTILINE)
_MACRO = re.compile(r"^--\| (?P<name>\w+)\(\): (?P<text>.+)$", re.MULTILINE)
_ANY = "*"
PATTERN = re.compile(r"read_parquet\('(?P<path>[^']+)'\)")
"""How the views name the Parquet of a run: by a pattern relative to its folder."""


def view_statements() -> str:
    """Return the SQL that makes the catalog's views and macros."""
    folder = files("pipeline.catalog")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in ("views.sql", "macros.sql"))


def patterns() -> list[str]:
    """Return the patterns of the Parquet that the catalog's views read, each once."""
    return list(dict.fromkeys(found["path"] for found in PATTERN.finditer(view_statements())))


def comments() -> Iterator[tuple[str, str | None, str]]:
    """Yield (view, column or None, meaning) for everything that `views.sql` documents; view '*': any view's column."""
    for found in _DOCUMENTED.finditer(view_statements()):
        yield found["view"], found["column"], found["text"]


def build_catalog(root: Place, path: Place | None = None) -> None:
    """Write `catalog.duckdb` into the run's folder, or to `path`, atomically; it holds views and no copy of their data.

    DuckDB reads relative paths from the working directory, so the views are made from within the folder. The file is
    in the format of DuckDB 1.0, which all later ones read. Views over an address name the same relative paths: they are
    made over files without rows, so that a copy of the whole folder on a disk has a catalog as any other.
    """
    with atomic_path(path or root / "catalog.duckdb") as temporary:
        con = duckdb.connect(str(temporary), config={"storage_compatibility_version": STORAGE_VERSION})
        try:
            with without_rows(root) as local:
                create_views(con, root, local)
        finally:
            con.close()


@contextmanager
def without_rows(root: Place) -> Iterator[Path]:
    """Yield a folder of this machine with the columns of a run's Parquet: its own, or one with files without rows."""
    if isinstance(root, Path):
        yield root
        return
    with scratch_folder() as folder:
        for pattern in patterns():
            file = next(root.glob(pattern), None)
            if file is not None:
                from pipeline.storage.parquet_files import read_schema  # with Arrow, which no question needs

                write_table(folder / pattern.replace("*", "empty"), read_schema(file).empty_table())
        yield folder


def rooted(query: str, root: Place, con: duckdb.DuckDBPyConnection | None = None) -> str:
    """Return a query of ours as a connection over a run can read it: patterns of one at an address as addresses.

    `con`: the connection; one over copies of the run on this machine reads them by their relative names.

    >>> from pipeline.storage.places import place
    >>> rooted("FROM read_parquet('shards/*.parquet')", place("memory://b/run"))
    "FROM read_parquet('memory://b/run/shards/*.parquet')"
    """
    if isinstance(root, Path) or (con is not None and _searches(con)):
        return query
    return PATTERN.sub(lambda found: f"read_parquet({quote(str(root / found['path']))})", query)


def _searches(con: duckdb.DuckDBPyConnection) -> bool:
    ((folder,),) = con.execute("SELECT current_setting('file_search_path')").fetchall()
    return bool(folder)


def create_views(con: duckdb.DuckDBPyConnection, root: Place, local: Path | None = None) -> None:
    """Make tables, views and macros in an empty database, over the Parquet of the run in `root`, with their comments.

    They name paths relative to the folder, or, of a run at an address, whole addresses; with `local` always relative
    ones, which are looked for there. Raises duckdb.IOException when a stage's Parquet is missing.
    """
    statements = view_statements()
    if local is None and not isinstance(root, Path):
        statements = rooted(statements, root)
    else:
        con.execute(f"SET file_search_path = {quote(str(local or root))}")
    create_outcomes(con)
    create_privacy(con, RunFolder(root))
    con.execute(statements)
    comment(con)


def create_outcomes(con: duckdb.DuckDBPyConnection) -> None:
    """Make the table that says what every outcome means."""
    con.execute("CREATE TABLE outcomes (outcome VARCHAR, stage VARCHAR, retryable BOOLEAN, meaning VARCHAR)")
    rows = [(o.code, o.info.stage, o.info.retryable, o.info.meaning) for o in Outcome]
    con.executemany("INSERT INTO outcomes VALUES (?, ?, ?, ?)", rows)


def comment(con: duckdb.DuckDBPyConnection) -> None:
    """Comment every table, view, column and macro that is there, as the SQL files document them."""
    # Together: each on its own would be a transaction, which takes as long as all of them.
    con.execute("BEGIN; " + "; ".join(_comments(con)) + "; COMMIT")


def _comments(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield the statements that comment what is there."""
    from pipeline.model.records import COMMENTS  # with Arrow, which no question to a finished run needs

    columns = con.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main' ORDER BY ALL"
    ).fetchall()
    tables = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    known: dict[tuple[str, str | None], str] = {(view, column): text for view, column, text in comments()}
    for view in sorted({table for table, _ in columns}):
        kind = "TABLE" if view in tables else "VIEW"
        yield f"COMMENT ON {kind} {view} IS {quote(known[view, None])}"
    for view, column in columns:
        text = known.get((view, column)) or known.get((_ANY, column)) or COMMENTS.get(column)
        if text:
            yield f'COMMENT ON COLUMN {view}."{column}" IS {quote(text)}'
    macros = con.execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'table_macro'")
    there = {name for (name,) in macros.fetchall()}
    for found in _MACRO.finditer(view_statements()):
        if found["name"] in there:
            yield f"COMMENT ON MACRO TABLE {found['name']} IS {quote(found['text'])}"
