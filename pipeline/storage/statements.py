"""SQL in files of its own: the statements of `MODULE.sql`, beside the module that asks them, each under a name.

A statement begins with a line `-- name: word` and ends before the next such line; other lines of comment are for its
reader. What is not known before a run stands in braces, and the braces say how it is written:

-   `{records}`: SQL, as it is given: a FROM clause, an expression, another statement; or a number
-   `{'allow'}`: a value, or several, written as literals
-   `{"rank"}`: a name, or several, written as identifiers
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pipeline.model.errors import PipelineError
from pipeline.storage.database import in_list, quote

Value = str | int | float | Sequence[str] | None
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_PLACE = re.compile(r"""\{(?P<mark>['"]?)(?P<name>[a-z_]+)(?P=mark)\}""")


def literal(value: Value) -> str:
    """Return a value as SQL: a text in quotes, a number as it is, several texts as the list of an IN.

    >>> literal("it's"), literal(2.5), literal(True), literal(None), literal(["a", "b"])
    ("'it''s'", '2.5', 'true', 'NULL', "('a', 'b')")
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return quote(value) if isinstance(value, str) else in_list(value)


def identifier(names: str | Sequence[str]) -> str:
    """Return a name, or several, as SQL writes names that hold anything.

    >>> identifier("order"), identifier(["a", 'b"c'])
    ('"order"', '"a", "b""c"')
    """
    listed = [names] if isinstance(names, str) else names
    return ", ".join('"' + name.replace('"', '""') + '"' for name in listed)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements beside one module, which is given by its `__name__`."""

    module: str

    def __call__(self, name: str, /, **values: Value) -> str:
        """Return a statement with its places filled.

        Raises PipelineError for a name that the file has not, and for places and values that do not match: a place
        without a value would be SQL of another meaning, and a value without a place was meant to matter.

        >>> Statements("pipeline.splits.select_decisions")("totals", kept="k", names="n").split()[:3]
        ['CREATE', 'OR', 'REPLACE']
        """
        text = texts(self.module).get(name)
        known = places(text) if text is not None else {}
        if text is None or known.keys() != values.keys():
            raise PipelineError(
                f"the statement {name!r} cannot be made of {', '.join(sorted(values)) or 'nothing'}",
                where=f"{self.module}, its .sql file",
                expected=", ".join(sorted(known)) if text is not None else f"one of {', '.join(texts(self.module))}",
                remedy="name the statement and its places as the file does",
            )
        return _PLACE.sub(lambda place: _written(place["mark"], values[place["name"]]), text)


def _written(mark: str, value: Value) -> str:
    if mark == "'":
        return literal(value)
    if isinstance(value, str) and not mark:
        return value
    if mark and value is not None and not isinstance(value, int | float):
        return identifier(value)
    if isinstance(value, int) and not mark:
        return str(value)
    raise PipelineError(
        f"{value!r} is no SQL",
        expected="a text of SQL or a number, or in double quotes the names of columns",
        remedy="write the place in single quotes, if it is a value",
    )


@cache
def texts(module: str) -> Mapping[str, str]:
    """Return the statements beside a module by name, without their comments, in the file's order."""
    package, _, stem = module.rpartition(".")
    parts = _NAME.split((files(package) / f"{stem}.sql").read_text(encoding="utf-8"))
    return {name: _COMMENT.sub("", text).strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def places(text: str) -> Mapping[str, str]:
    """Return the places of a statement by name, each with the quotation mark that it stands in.

    >>> places("SELECT {\\"column\\"}, {'a': 1} FROM {table} WHERE x IN {'some'}")
    {'column': '"', 'table': '', 'some': "'"}
    """
    return {found["name"]: found["mark"] for found in _PLACE.finditer(text)}
