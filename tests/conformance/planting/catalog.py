"""Faults of catalog.duckdb, object by object, and of the texts of the cards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from pipeline.catalog import connect_catalog
from tests.conformance.planting.forgery import Fault, put

_TEXTS = ("README.md", "report.html", "croissant.json")
_COLUMNS = """SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND data_type = 'VARCHAR'
              ORDER BY column_index"""


def catalog_faults(run: Path) -> Iterator[Fault]:
    """Yield faults for every view, macro and table, and for comments."""
    with connect_catalog(run) as con:
        views = _names(con, "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1")
        macros = _names(con, "SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY 1")
        tables = _names(con, "SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY 1")
    for name in views:
        plant = partial(_view, name=name)
        yield Fault("view, another query", name, plant, (f"view {name} ",), cards=False)
        yield Fault("view, taken out", name, partial(_dropped, name=f"VIEW {name}"), (f"view {name} ",), cards=False)
    for name in macros:
        yield Fault("macro, another query", name, partial(_macro, name=name), (f"macro {name} ",), cards=False)
    for name in tables:
        yield Fault("table, other rows", name, partial(_table, name=name), (f"table {name} ",), cards=False)
    for name, statement, named in (
        ("of a view", "COMMENT ON VIEW samples IS 'planted'", "view samples "),
        ("of a column", "COMMENT ON COLUMN samples.key IS 'planted'", "column samples.key "),
        ("of a macro", "COMMENT ON MACRO TABLE why IS 'planted'", "macro why "),
    ):
        yield Fault("comment", name, partial(_statement, statement=statement), (named,), cards=False)
    shadow = "CREATE MACRO concat_ws(a, b, c, d, e) AS 'nobody'"
    yield Fault(
        "macro over DuckDB's own",
        "concat_ws",
        partial(_statement, statement=shadow),
        ("concat_ws",),
        alone=True,
        cards=False,
    )


def card_faults(run: Path) -> Iterator[Fault]:
    """Yield faults of the cards: a digit, a letter, every key of Croissant, every file that it lists."""
    for name in _TEXTS:
        for how, change in (("a digit", _digit), ("a word", _word), ("a line less", _line), ("empty", _nothing)):
            plant = partial(_text, name=name, change=change)
            yield Fault(f"card, {how}", name, plant, (name,), cards=False)
        yield Fault("card, missing", name, partial(_gone, name=name), (name,), cards=False)
    document = json.loads((run / "croissant.json").read_text())
    for key in document:
        plant = partial(_croissant, change=partial(_key, key=key))
        yield Fault("croissant.json, key", key, plant, (f"croissant.json, key {key}",), cards=False)
    for entry in document["distribution"]:
        for field in ("sha256", "contentSize"):
            plant = partial(_croissant, change=partial(_entry, path=entry["@id"], field=field))
            named = (f"croissant.json, {entry['@id']}",)
            yield Fault(f"croissant.json, {field}", entry["@id"], plant, named, cards=False)
    yield Fault(
        "card, missing",
        "ATTRIBUTION.parquet",
        partial(_gone, name="ATTRIBUTION.parquet"),
        ("ATTRIBUTION",),
        cards=False,
    )


def _names(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [str(name) for (name,) in con.execute(query).fetchall()]


def _statement(run: Path, random: Random, statement: str) -> None:
    path = run / "catalog.duckdb"
    put(path, path.read_bytes())
    con = duckdb.connect(str(path))
    try:
        con.execute(f"SET file_search_path = '{run}'")
        con.execute(statement)
    finally:
        con.close()


def _view(run: Path, random: Random, name: str) -> None:
    """Leave out a row, or double them, with the comments kept as they were."""
    with connect_catalog(run) as con:
        (query,) = con.execute("SELECT sql FROM duckdb_views() WHERE view_name = ?", [name]).fetchall()[0]
        comment, columns = con.execute(
            "SELECT any_value(v.comment), list((c.column_name, c.comment)) FROM duckdb_views() v "
            "JOIN duckdb_columns() c ON c.table_name = v.view_name WHERE v.view_name = ?",
            [name],
        ).fetchall()[0]
    inner = query[query.index(" AS ") + 4 :].rstrip().rstrip(";")
    changed = random.choice((f"SELECT * FROM ({inner}) LIMIT 1", f"SELECT * FROM ({inner}) WHERE random() < 2"))
    statements = [f"CREATE OR REPLACE VIEW {name} AS {changed}", f"COMMENT ON VIEW {name} IS {_quoted(comment)}"]
    for column, said in columns:
        if said:
            statements.append(f'COMMENT ON COLUMN {name}."{column}" IS {_quoted(said)}')
    _statement(run, random, "; ".join(statements))


def _macro(run: Path, random: Random, name: str) -> None:
    with connect_catalog(run) as con:
        parameters, query = con.execute(
            "SELECT parameters, macro_definition FROM duckdb_functions() WHERE NOT internal AND function_name = ?",
            [name],
        ).fetchall()[0]
    changed = f"SELECT * FROM ({query}) LIMIT 1"
    _statement(run, random, f"CREATE OR REPLACE MACRO {name}({', '.join(parameters)}) AS TABLE {changed}")


def _table(run: Path, random: Random, name: str) -> None:
    with connect_catalog(run) as con:
        columns = [column for (column,) in con.execute(_COLUMNS, [name]).fetchall()]
        first = con.execute(f"SELECT min(rowid) FROM {name}").fetchall()[0][0]
    _statement(run, random, f"UPDATE {name} SET {random.choice(columns)} = 'planted' WHERE rowid = {first}")


def _dropped(run: Path, random: Random, name: str) -> None:
    _statement(run, random, f"DROP {name}")


def _quoted(text: str) -> str:
    return "'" + (text or "").replace("'", "''") + "'"


def _text(run: Path, random: Random, name: str, change: Callable[[str, Random], str]) -> None:
    text = (run / name).read_text()
    put(run / name, change(text, random).encode())


def _digit(text: str, random: Random) -> str:
    place = random.choice([found.start() for found in re.finditer(r"\d", text)])
    return text[:place] + str((int(text[place]) + random.randrange(1, 9)) % 10) + text[place + 1 :]


def _word(text: str, random: Random) -> str:
    found = random.choice(list(re.finditer(r"[a-z]{4,}", text)))
    return text[: found.start()] + "planted" + text[found.end() :]


def _line(text: str, random: Random) -> str:
    lines = text.split("\n")
    del lines[random.choice([i for i, line in enumerate(lines) if line])]
    return "\n".join(lines)


def _nothing(text: str, random: Random) -> str:
    return ""


def _gone(run: Path, random: Random, name: str) -> None:
    (run / name).unlink()


def _croissant(run: Path, random: Random, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((run / "croissant.json").read_text())
    change(document)
    put(run / "croissant.json", (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def _key(document: dict[str, Any], key: str) -> None:
    value = document[key]
    document[key] = value + "x" if isinstance(value, str) else value[:-1] if isinstance(value, list) else {}


def _entry(document: dict[str, Any], path: str, field: str) -> None:
    for entry in document["distribution"]:
        if entry["@id"] == path:
            entry[field] = "1 B" if field == "contentSize" else "0" * 64
