"""The formats of an answer: how each is written, line by line, and which a file's name stands for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline.model.errors import RunError
from pipeline.query.table import Row, box, markdown, table
from pipeline.query.values import json_value, unique

FORMATS = ("table", "box", "csv", "json", "jsonl", "markdown", "parquet")
COLUMNAR = ("csv", "parquet")
"""Formats that DuckDB writes itself."""
_ENDINGS = {
    ".txt": "table",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".markdown": "markdown",
    ".parquet": "parquet",
}


def format_of(path: Path) -> str:
    """Return the format that a file's ending stands for; raises RunError for one that stands for none.

    >>> format_of(Path("a/taxa.Parquet"))
    'parquet'
    """
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise RunError(
            f"the ending of {path.name!r} stands for no format",
            where=str(path),
            expected=f"one of {', '.join(_ENDINGS)}",
            remedy=f"name the format: --format {'|'.join(FORMATS)}",
        )
    return found


def lines(
    form: str, names: Sequence[str], right: Sequence[bool], rows: Iterable[Row], room: int | None
) -> Iterator[str]:
    """Yield an answer in a format of text, of which memory holds some rows at a time; `room`: cells of a terminal.

    >>> print("\\n".join(lines("json", ["a"], [True], [[1], [None]], None)))
    [
    {"a": 1},
    {"a": null}
    ]
    """
    if form == "table":
        yield from table(names, right, rows, room)
    elif form == "box":
        yield from box(names, right, rows, room)
    elif form == "markdown":
        yield from markdown(names, right, rows)
    elif form == "jsonl":
        yield from _objects(names, rows)
    else:
        yield "["
        before = None
        for each in _objects(names, rows):
            if before is not None:
                yield before + ","
            before = each
        if before is not None:
            yield before
        yield "]"


def _objects(names: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    keys = unique(names)
    for row in rows:
        named = {key: json_value(value) for key, value in zip(keys, row, strict=True)}
        yield json.dumps(named, ensure_ascii=False, allow_nan=False)
