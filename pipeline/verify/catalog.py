"""catalog.duckdb, object by object, against one that is made anew over the same files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

from pipeline.catalog import build_catalog, connect_catalog
from pipeline.model.errors import VerifyError
from pipeline.storage.run_folder import marks
from pipeline.verify.check import Findings, Run

_OBJECTS = {
    "view": "SELECT schema_name, view_name, '', sql, comment FROM duckdb_views() WHERE NOT internal",
    "table": "SELECT schema_name, table_name, '', sql, comment FROM duckdb_tables() WHERE NOT internal",
    "macro": """SELECT schema_name, function_name, function_type || ' ' || parameters::VARCHAR, macro_definition,
                       comment FROM duckdb_functions() WHERE NOT internal""",
    "column": """SELECT schema_name, table_name, column_name, data_type || ' ' || is_nullable::VARCHAR, comment
                 FROM duckdb_columns() WHERE NOT internal""",
    "index": "SELECT schema_name, index_name, '', sql, comment FROM duckdb_indexes()",
    "sequence": "SELECT schema_name, sequence_name, '', sql, comment FROM duckdb_sequences()",
    "type": "SELECT schema_name, type_name, '', logical_type, comment FROM duckdb_types() WHERE NOT internal",
    "schema": "SELECT schema_name, '', '', '', comment FROM duckdb_schemas() WHERE NOT internal",
}
_EXCLUDED = re.compile(r"EXCLUDE \(([^()]*)\)")
Objects = dict[tuple[str, str, str, str], tuple[Any, ...]]


def catalog(run: Run) -> str:
    """Views, macros, tables and comments are those of a fresh build; what a user added is counted, and left alone.

    An added object that bears the name of a function of DuckDB is none of those: the views would call it.
    """
    _same_version(run)
    expected, tables, builtin = _fresh(run)
    found, added = Findings("the catalog is not what a fresh build gives"), []
    with connect_catalog(run.folder.root) as con:
        there = _objects(con)
        for identity in sorted(expected.keys() | there.keys()):
            kind, schema, name, part = identity
            called = f"{kind} {name}" + (f".{part}" if kind == "column" else "") or kind
            if identity not in there and kind == "column" and not _holder(schema, name, there):
                continue  # the view is missing, and said to be
            if identity not in there:
                found.add(f"{called} is missing")
            elif identity not in expected:
                if kind == "macro" and name in builtin:
                    found.add(f"{called} takes the place of DuckDB's own function")
                elif _of_ours(identity, expected):
                    found.add(f"{called} is not part of it", part)
                elif kind != "column":
                    added.append(f"{kind} {schema}.{name}" if name else f"{kind} {schema}")
            elif there[identity] != expected[identity]:
                said, wanted = there[identity], expected[identity]
                what = "has another definition" if said[0] != wanted[0] else "has another comment"
                found.add(f"{called} {what}", f"{str(said)[:300]}, expected {str(wanted)[:300]}")
        for name, rows in tables.items():
            if ("table", "main", name, "") in there and _rows(con, name) != rows:
                found.add(f"table {name} has other rows")
    found.check()
    mine = f"; not ours, and left alone: {', '.join(added)}" if added else ""
    kinds = [kind for kind, *_ in expected]
    return f"{kinds.count('view')} views, {kinds.count('macro')} macros, {kinds.count('table')} tables{mine}"


def _same_version(run: Run) -> None:
    """Raise VerifyError when another version of Biomill built the catalog: its views say the same in other words."""
    from pipeline.stages.catalog import Catalog

    built = marks(run.folder.done(Catalog.name)).get("version", Catalog.version)
    if built != Catalog.version:
        raise VerifyError(
            f"the catalog was built by version {built} of its stage, and this Biomill has version {Catalog.version}",
            where="catalog.duckdb",
            remedy="run the same `biomill run` command again: it builds the catalog anew, and nothing else",
        )


def _fresh(run: Run) -> tuple[Objects, dict[str, list[tuple[Any, ...]]], set[str]]:
    """Return the objects of a fresh build, the rows of its tables, and the names of DuckDB's own functions.

    The build is a file that is closed and opened again, as the catalog was: DuckDB prints what it has read back.
    """
    path = str(run.scratch / "fresh.duckdb")
    build_catalog(run.folder.root, Path(path))
    fresh = duckdb.connect(path, read_only=True)
    try:
        objects = _objects(fresh)
        own = fresh.execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE internal").fetchall()
        rows = {name: _rows(fresh, name) for kind, _, name, _ in objects if kind == "table"}
        return objects, rows, {str(name) for (name,) in own}
    finally:
        fresh.close()


def _objects(con: duckdb.DuckDBPyConnection) -> Objects:
    found: Objects = {}
    for kind, query in _OBJECTS.items():
        where = "" if "WHERE" in query else " WHERE true"
        for schema, name, part, text, comment in con.execute(f"{query}{where} ORDER BY ALL").fetchall():
            found[kind, schema, name, part] = (_EXCLUDED.sub(_in_order, text or ""), comment)
    return found


def _in_order(found: re.Match[str]) -> str:
    """Put the columns that a view leaves out in order: DuckDB keeps them as a set."""
    return f"EXCLUDE ({', '.join(sorted(found[1].split(', ')))})"


def _holder(schema: str, name: str, there: Objects) -> bool:
    return any((kind, schema, name, "") in there for kind in ("view", "table"))


def _of_ours(identity: tuple[str, str, str, str], expected: Objects) -> bool:
    """Return whether it is another form of an object of ours: a macro with other arguments, a column of our views."""
    kind, schema, name, _ = identity
    return any(each[:3] == (kind, schema, name) for each in expected)


def _rows(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = con.execute(f'FROM main."{table}" ORDER BY ALL').fetchall()
    return rows
