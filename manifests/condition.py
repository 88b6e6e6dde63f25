"""One SQL condition on records, read by DuckDB's own parser and held against a list of what it may be made of.

A condition is an expression and nothing else: it names columns, compares, and calls pure functions. What runs later is
not the text that was written but the expression that was read and looked through, written anew, so that nothing which
stands in the text (a comment, a parenthesis too many, a second statement) can mean something else there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from manifests.condition_columns import LATE, SAME_IN_BOTH, TABLES
from manifests.condition_parts import (
    COMMON_FIELDS,
    FUNCTIONS,
    LITERALS,
    PARTS,
    PATTERNS,
    TYPE_FIELDS,
    TYPES,
    WORDS,
)
from manifests.errors import RecipeError
from manifests.nearness import closest

ALIASES = {"records": "r", "names": "n", "media": "m", "burst": "b"}
"""How a condition's SQL names the tables; a table of scores is named by `alias_of`."""
Scores = tuple[tuple[str, tuple[tuple[str, str], ...] | None], ...]
"""Tables of scores by name: (column, type) of each, or None where the file has not been read."""
_BARE = ("records", "names")
"""The tables whose columns need not name them."""
_LONGEST = 10_000
_DEEPEST = 200
_EXPECTED = "one condition over columns of records and names, such as license_family IN ('CC0', 'CC-BY')"
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_FORBIDDEN = (("--", "a comment"), ("/*", "a comment"), (";", "a semicolon"), ("$", "a parameter or a quoting by $"))


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was looked through."""

    sql: str
    """The expression, written anew; columns stand behind `r` (records), `n` (names), `m` (media) or `alias_of`."""
    columns: tuple[tuple[str, str], ...]
    """The (table, column) that it reads, each once, in alphabetical order."""
    early: Condition | None = None
    """What can be asked before fetch, and `late` what reads pictures: the parts that a top-level AND joins; `early` and
    `late` of these two are None."""
    late: Condition | None = None


def alias_of(table: str) -> str:
    """Return how a condition's SQL names a table.

    >>> alias_of("records"), alias_of("detector")
    ('r', 's_detector')
    """
    return ALIASES.get(table, f"s_{table}")


@lru_cache(maxsize=256)
def read_condition(text: str, scores: Scores = ()) -> Condition:
    """Read a condition; raises RecipeError, without its place, for what is not one condition over the known columns.

    `scores`: the tables of scores that it may name beside.

    >>> read_condition("country_code = 'NZ' AND names.class = 'Aves' -- birds")
    Traceback (most recent call last):
        ...
    manifests.errors.RecipeError: the condition holds a comment: --
      expect: ...
    >>> read_condition("country_code='NZ'").sql
    "(r.country_code = 'NZ')"
    """
    _check_text(text)
    tree = _parsed(text)
    columns: set[tuple[str, str]] = set()
    _look_through(tree, columns, dict(scores))
    if not columns:
        _refuse("the condition reads no column, so that it chooses all records or none", remedy="leave out the key")
    import duckdb

    parts: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for part in _conjuncts(tree):
        parts[any(table in LATE for table, _ in _columns_in(part))].append(part)
    with duckdb.connect() as con:
        whole = _condition(con, tree)
        _check_types(con, whole, dict(scores))
        early, late = (
            _condition(con, each[0] if len(each) == 1 else {**tree, "children": each}) if each else None
            for each in (parts[False], parts[True])
        )
    return Condition(whole.sql, whole.columns, early, late)


def _conjuncts(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of an expression that its top-level AND joins; of any other the expression itself."""
    if tree.get("type") == "CONJUNCTION_AND":
        for child in tree["children"]:
            yield from _conjuncts(child)
    else:
        yield tree


def _columns_in(tree: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the (table, column) of an expression whose columns name their tables."""
    found: set[tuple[str, str]] = set()
    tables = {alias: table for table, alias in ALIASES.items()}
    left: list[Any] = [tree]
    while left:
        part = left.pop()
        if isinstance(part, dict) and part.get("class") == "COLUMN_REF":
            alias, column = part["column_names"]
            found.add((tables.get(alias, alias.removeprefix("s_")), column))
        elif isinstance(part, dict | list):
            left += part.values() if isinstance(part, dict) else part
    return found


def _condition(con: Any, tree: dict[str, Any]) -> Condition:
    return Condition(_written(con, tree), tuple(sorted(_columns_in(tree))))


def _refuse(what: str, expected: str = _EXPECTED, remedy: str = "") -> NoReturn:
    raise RecipeError(what, expected=expected, remedy=remedy)


def _check_text(text: str) -> None:
    if not text.strip():
        _refuse("the condition is empty", remedy="leave out the key")
    if len(text) > _LONGEST:
        _refuse(f"the condition has {len(text):,} characters", f"at most {_LONGEST:,} characters")
    if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in text):
        _refuse("the condition holds a control character")
    bare = _QUOTED.sub("''", text)
    for mark, name in _FORBIDDEN:
        if mark in bare:
            _refuse(f"the condition holds {name}: {mark}", remedy=f"leave out {name}")


def _parsed(text: str) -> dict[str, Any]:
    """Return the tree of the one expression that the text is."""
    tree = _node(f"SELECT 1 FROM records WHERE {text}\n")
    # In parentheses nothing can follow an expression; and what closes them by itself was no expression before.
    inner = _node(f"SELECT 1 FROM records WHERE (\n{text}\n)")
    if _bare(tree) != _bare(inner):
        _refuse("the condition is more than one expression")
    return tree


def _node(query: str) -> dict[str, Any]:
    import duckdb

    try:
        with duckdb.connect() as con:
            told = json.loads(con.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0])
    except (duckdb.Error, RecursionError, ValueError) as error:
        _refuse(f"the condition cannot be read: {_first_line(error)}")
    if told.get("error"):
        _refuse(f"the condition cannot be read: {told.get('error_message', '')}")
    statements = told["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    if node.get("type") != "SELECT_NODE" or not isinstance(node.get("where_clause"), dict):
        _refuse("the condition is more than one expression")
    where: dict[str, Any] = node["where_clause"]
    return where


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _bare(value: Any, depth: int = 0) -> Any:
    """Return a tree without the places of its parts in the text."""
    if depth > 8 * _DEEPEST:
        _refuse("the condition is nested too deeply")
    if isinstance(value, dict):
        return {key: _bare(each, depth + 1) for key, each in value.items() if not key.startswith("query_location")}
    return [_bare(each, depth + 1) for each in value] if isinstance(value, list) else value


def _look_through(tree: dict[str, Any], columns: set[tuple[str, str]], scores: Mapping[str, Any]) -> None:
    """Refuse every part that is not listed, and have columns name their tables."""
    left: list[tuple[Any, int]] = [(tree, 0)]
    while left:
        part, depth = left.pop()
        if depth > _DEEPEST:
            _refuse("the condition is nested too deeply", f"at most {_DEEPEST} levels")
        if not isinstance(part, dict):
            _refuse("the condition holds something that cannot be looked through")
        kind, of_type = part.get("class"), part.get("type")
        allowed, fields = PARTS.get(str(kind), ((), frozenset[str]()))
        if of_type not in allowed:
            _refuse(
                f"the condition holds {_named(str(kind), str(of_type))}",
                remedy="compare columns with values, and join comparisons by AND, OR and NOT",
            )
        if part.get("alias") or not part.keys() <= COMMON_FIELDS | fields:
            _refuse(f"the condition holds {_named(str(kind), str(of_type))} of a form that is not known")
        left += [(child, depth + 1) for child in _children(part, columns, scores)]


def _named(kind: str, of_type: str) -> str:
    words = {
        "SUBQUERY": "a query within it",
        "WINDOW": "a window function",
        "PARAMETER": "a parameter",
        "LAMBDA": "a lambda",
        "COLLATE": "a collation",
    }
    return words.get(kind, f"something that no condition may hold ({kind.lower()}, {of_type.lower()})")


def _children(part: dict[str, Any], columns: set[tuple[str, str]], scores: Mapping[str, Any]) -> Iterator[Any]:
    kind = part["class"]
    if kind in ("CONJUNCTION", "OPERATOR"):
        yield from part["children"]
    elif kind == "COMPARISON":
        yield from (part["left"], part["right"])
    elif kind == "BETWEEN":
        yield from (part["input"], part["lower"], part["upper"])
    elif kind == "CASE":
        for check in part["case_checks"]:
            if check.keys() != {"when_expr", "then_expr"}:
                _refuse("the condition holds a CASE of a form that is not known")
            yield from (check["when_expr"], check["then_expr"])
        yield part["else_expr"]
    elif kind == "CAST":
        _check_cast(part["type_expr"])
        yield part["child"]
    elif kind == "CONSTANT":
        if part["literal"].get("kind") not in LITERALS or not part["literal"].keys() <= {"kind", "text"}:
            _refuse("the condition holds a value that is neither text, number nor boolean")
    elif kind == "COLUMN_REF":
        table, column = _column(part["column_names"], scores)
        columns.add((table, column))
        part["column_names"] = [alias_of(table), column]
    else:
        yield from _arguments(part)


def _check_cast(kind: dict[str, Any]) -> None:
    name = str(kind.get("type_name", "")).upper()
    plain = kind.get("class") == "TYPE" and kind.keys() <= TYPE_FIELDS and not kind.get("children")
    if not plain or kind.get("catalog") or kind.get("schema") or name not in TYPES:
        _refuse(f"the condition casts to {name or 'a type'}", "one of " + ", ".join(sorted(TYPES)))


def _column(names: list[str], scores: Mapping[str, Any]) -> tuple[str, str]:
    """Return the table and the column that a reference means."""
    said = ".".join(names)
    table, name = names if len(names) == 2 else ("", names[0])
    if len(names) == 2 and table.lower() in scores:
        return _score(table.lower(), name.lower(), scores[table.lower()])
    if len(names) > 2 or (table and table.lower() not in TABLES):
        near = closest(table.lower(), [*TABLES, *scores]) if len(names) == 2 else ""
        listed = ", ".join(f"{each}.column" for each in [*TABLES, *scores])
        _refuse(f"the condition names {said}", f"a column, or one of {listed}", f"write {near}.{name}" if near else "")
    late = next((each for each in LATE if name.lower() in TABLES[each]), "")
    if not table and late and not any(name.lower() in TABLES[each] for each in _BARE):
        _refuse(f"the column {name!r} is known of pictures alone", f"{late}.{name}", f"write {late}.{name}")
    known = {column.lower(): column for each in _BARE for column in TABLES[each]}
    homes = [
        each for each in (TABLES if table else _BARE) if name.lower() in TABLES[each] and table.lower() in ("", each)
    ]
    if not homes:
        near = closest(name, TABLES[table.lower()] if table else known)
        _refuse(
            f"there is no column {said!r}",
            "a column of records, names or media, as the catalog's views show them; text stands in single quotes",
            f"write {table + '.' if table else ''}{near}" if near else "docs/choosing.md lists the columns",
        )
    if len(homes) > 1 and name.lower() not in SAME_IN_BOTH:
        _refuse(
            f"the column {name!r} is one of the records and one of their names",
            f"records.{name} (as the source gives it) or names.{name} (of the name as it was resolved)",
            f"write names.{name}",
        )
    return homes[0], name.lower()


def _score(table: str, name: str, columns: tuple[tuple[str, str], ...] | None) -> tuple[str, str]:
    """Return the reference to a column of scores; of a file that was not read every name will do."""
    known = None if columns is None else [column.lower() for column, _ in columns]
    if known is not None and name not in known:
        near = closest(name, known)
        what = f"the scores {table!r} have no column {name!r}"
        _refuse(what, f"one of {', '.join(known)}", f"write {table}.{near}" if near else "")
    return table, name


def _arguments(part: dict[str, Any]) -> Iterator[Any]:
    name, order = part["function_name"], part["order_bys"]
    if part["schema"] or part["catalog"] or name not in FUNCTIONS:
        said = ".".join(word for word in (part["catalog"], part["schema"], name) if word)
        near = closest(name, WORDS)
        _refuse(
            f"the condition calls {said}",
            "one of the functions " + ", ".join(WORDS),
            f"write {near}" if near and near != name else "",
        )
    odd = (part["filter"], part["distinct"], part["export_state"], set(order) - {"type", "orders"}, order.get("orders"))
    arguments = part["arguments"]
    if any(odd) or any(each.keys() != {"name", "expression"} or each["name"] for each in arguments):
        _refuse(f"the condition calls {name} in a form that is not known")
    of_text = arguments[0] if name == "date_part" and arguments else None
    patterns = arguments[1:] if name in PATTERNS else [of_text] if of_text else []
    for each in patterns:
        if each["expression"].get("class") != "CONSTANT":
            _refuse("the pattern of a comparison is not written out", "a text in single quotes")
    yield from (each["expression"] for each in arguments)


def _written(con: Any, tree: dict[str, Any]) -> str:
    """Return the expression of a tree as SQL."""
    import duckdb

    query = json.loads(con.execute("SELECT json_serialize_sql('SELECT 1')").fetchall()[0][0])
    query["statements"][0]["node"]["select_list"] = [tree]
    try:
        text = str(con.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(query)]).fetchall()[0][0])
    except duckdb.Error as error:
        _refuse(f"the condition cannot be read: {_first_line(error)}")
    return text.removeprefix("SELECT ")


def _check_types(con: Any, condition: Condition, scores: Mapping[str, Any]) -> None:
    """Bind the expression to the columns' types, and try it on rows of texts that are no numbers and no dates."""
    import duckdb

    read = {table for table, _ in condition.columns} & scores.keys()
    if any(scores[table] is None for table in read):
        return  # whoever reads the file asks again
    tables = {**TABLES, **{table: dict(scores[table]) for table in sorted(read)}}

    # Tables of their own kinds, with a row of nulls, of empty texts and of words.
    values = {"INTEGER": ("0", "1"), "DOUBLE": ("0", "1"), "BOOLEAN": ("false", "true"), "VARCHAR[]": ("[]", "['x']")}
    for table, columns in tables.items():
        rows = [
            ", ".join(
                f"CAST({values.get(kind, ('NULL', repr('x')))[place] if place >= 0 else 'NULL'} AS {kind}) "
                f"AS {_name(name)}"
                for name, kind in columns.items()
            )
            for place in (-1, 0, 1)
        ]
        con.execute(f"CREATE TABLE {_name(alias_of(table))} AS " + " UNION ALL ".join(f"SELECT {row}" for row in rows))
    try:
        query = f"SELECT {condition.sql} AS chosen FROM {', '.join(_name(alias_of(table)) for table in tables)}"
        found = con.execute(f"{query} LIMIT 0").description[0][1]
        if str(found) != "BOOLEAN":
            _refuse(f"the condition gives {str(found)!r}, not true or false", "a comparison of a column with a value")
        con.execute(query).fetchall()
    except duckdb.Error as error:
        text = _first_line(error)
        remedy = "write TRY_CAST(column AS TYPE) where a column holds text" if "onver" in text or "cast" in text else ""
        _refuse(f"the condition cannot be computed: {text}", remedy=remedy)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
