"""A list of URLs as people have it: CSV, TSV, lines of text, JSON lines or Parquet, with columns of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.nearness import closest
from manifests.tables import Dialect, split_line, unique_names
from pipeline.model.errors import SourceError, UsageError
from pipeline.run.list_rows import Lines, Row, json_keys, json_rows, line_rows, open_text, readable, table_rows
from pipeline.storage.files.atomic import table_writer

KINDS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet")
EXPECTED = "a .csv or .tsv with a header, a .txt with a URL per line, a .jsonl (each also .gz), or a .parquet"
_DELIMITERS = (",", ";", "\t", "|")
_BATCH_ROWS = 10_000
_LISTED = 1_000  # names of a folder that are read to find the one that was meant


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the list: its URL as it is written, and what is wrong with the row where it cannot be read."""

    url: str | None
    fault: str


@dataclass(frozen=True, slots=True)
class _Text:
    """How a list in text is written."""

    columns: tuple[str, ...]
    at: int
    """Place of the column with the URLs."""
    form: str
    """'table', 'lines' or 'json'."""
    dialect: Dialect | None = None
    skip: int = 0
    """Lines before the first row of a table."""


def own_names(columns: Sequence[str], url_column: str, taken: Sequence[str]) -> dict[str, str]:
    """Return the names under which the list's own columns are kept: theirs, with 'list_' before those that are taken.

    The column of the URLs is not kept twice where it is called 'url'. Case tells no names apart.

    >>> own_names(["url", "caption", "Outcome"], "url", ["row", "url", "outcome"])
    {'caption': 'caption', 'Outcome': 'list_Outcome'}
    """
    used = {name.lower() for name in taken}
    names: dict[str, str] = {}
    for column in columns:
        if column == url_column and column.lower() == "url":
            continue
        name = column
        while name.lower() in used:
            name = f"list_{name}"
        used.add(name.lower())
        names[column] = name
    return names


def read_list(path: Path, column: str, columns_file: Path, taken: Sequence[str]) -> Iterator[list[Listed]]:
    """Read a list, yield its rows in batches, and write its own columns to a Parquet file with `row`, from 1.

    `taken`: names that the list's own columns must not have; see `own_names`. Columns of a text are text, those of a
    Parquet file keep their types. Raises SourceError when the list cannot be read, is empty, or has no such column.
    """
    _check_file(path)
    if _kind(path) == ".parquet":
        yield from _read_parquet(path, column, columns_file, taken)
        return
    written = _describe(path, column)
    names = own_names(written.columns, written.columns[written.at], taken)
    places = [place for place, name in enumerate(written.columns) if name in names]
    schema = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in names.values())])
    count = 0
    with table_writer(columns_file, schema) as writer:
        rows = _text_rows(path, written)
        while batch := list(islice(rows, _BATCH_ROWS)):
            numbers = pa.array(range(count + 1, count + len(batch) + 1), pa.int64())
            kept = [pa.array([row.cells[place] for row in batch], pa.string()) for place in places]
            writer.write_table(pa.Table.from_arrays([numbers, *kept], schema=schema))
            count += len(batch)
            yield [Listed(row.cells[written.at], row.fault) for row in batch]


def _read_parquet(path: Path, column: str, columns_file: Path, taken: Sequence[str]) -> Iterator[list[Listed]]:
    try:
        with pq.ParquetFile(path) as file:
            columns = unique_names(file.schema_arrow.names)
            at = _place(path, columns, file.schema_arrow.names, column)
            names = own_names(columns, columns[at], taken)
            places = [place for place, name in enumerate(columns) if name in names]
            fields = [pa.field(names[columns[place]], file.schema_arrow.field(place).type) for place in places]
            schema, count = pa.schema([pa.field("row", pa.int64()), *fields]), 0
            with table_writer(columns_file, schema) as writer:
                for batch in file.iter_batches(_BATCH_ROWS):
                    numbers = pa.array(range(count + 1, count + batch.num_rows + 1), pa.int64())
                    kept = [batch.column(place) for place in places]
                    writer.write_table(pa.Table.from_arrays([numbers, *kept], schema=schema))
                    count += batch.num_rows
                    yield [Listed(url, "") for url in batch.column(at).cast(pa.string()).to_pylist()]
    except pa.ArrowException as error:
        raise SourceError(
            f"the list cannot be read: {str(error).splitlines()[0]}",
            where=str(path),
            expected="a Parquet file, with a column of text",
            remedy="write it again, or name another column with --column",
        ) from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise SourceError("the list is a folder", where=str(path), expected=EXPECTED, remedy="name a file in it")
    if not path.exists():
        names = [each.name for each in islice(path.parent.iterdir(), _LISTED)] if path.parent.is_dir() else []
        near = closest(path.name, names)
        raise SourceError(
            "there is no such file",
            where=str(path),
            expected=EXPECTED,
            remedy=f"did you mean {path.parent / near}?" if near else "check the path",
        )
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise SourceError("the list is empty", where=str(path), expected=EXPECTED, remedy="write it again")
    if start == b"PK\x03\x04":
        raise SourceError(
            "the list is a zip archive or a workbook", where=str(path), expected=EXPECTED, remedy="save it as CSV"
        )
    if _kind(path) not in KINDS:
        raise UsageError(
            f"lists of this kind are not read: '{path.name}'",
            where=str(path),
            expected=EXPECTED,
            remedy="name the file as what it is",
        )


def _kind(path: Path) -> str:
    """Return the suffix that says how the list is written, without that of gzip."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _describe(path: Path, column: str) -> _Text:
    """Return how a text is written, from its suffix and its first line."""
    kind = _kind(path)
    with open_text(path) as text:
        lines = Lines(text, path)
        if kind in (".jsonl", ".ndjson"):
            keys = json_keys(lines)
            if not keys:
                raise SourceError(
                    "no line is a JSON object with keys",
                    where=str(path),
                    expected='lines such as {"url": "https://..."}',
                )
            return _Text(keys, _place(path, keys, keys, column), "json")
        first = next((line for line in lines if line.strip()), "")
    if "\x00" in first:
        raise SourceError(
            "the text is in UTF-16 without a byte order mark, or no text at all",
            where=str(path),
            expected="UTF-8, or UTF-16 with a byte order mark",
            remedy="save it as UTF-8",
        )
    delimiters = ("\t",) if kind == ".tsv" else _DELIMITERS
    first = readable(first.lstrip("\ufeff"))
    newline = "\r" if first.endswith("\r") else "\n"
    dialects = [Dialect(delimiter, quoted=True, newline=newline) for delimiter in delimiters]
    headers = {dialect: split_line(first.encode(), dialect) for dialect in dialects}
    for dialect, header in headers.items():
        if any(cell.lower() == column.lower() for cell in header):
            columns = unique_names(header)
            return _Text(columns, _place(path, columns, header, column), "table", dialect, lines.number)
    if kind == ".txt" or (_is_url(first) and all(len(header) == 1 for header in headers.values())):
        return _Text(("url",), 0, "lines")
    if _is_url(first):
        raise SourceError(
            "the list has no header: its first line holds a URL",
            where=f"{path}, line 1",
            expected=f"names of the columns, one of them {column!r}",
            remedy=f"put a line such as '{column},caption' before it",
        )
    widest = max(headers.values(), key=len)
    _place(path, unique_names(widest), widest, column)
    raise AssertionError  # the line above has raised: no header has the column


def _place(path: Path, columns: Sequence[str], written: Sequence[str], column: str) -> int:
    """Return the place of the column with the URLs; case counts only where it must. Raises SourceError."""
    for same in (str, str.lower):
        found = [place for place, name in enumerate(written) if same(name) == same(column)]
        if len(found) > 1:
            raise SourceError(
                f"{len(found)} columns are called {column!r}",
                where=str(path),
                expected="one column with the URLs",
                remedy="rename one of them",
            )
        if found:
            return found[0]
    near = closest(column, columns)
    urls = [name for name in columns if "url" in name.lower()]
    meant = near or (urls[0] if len(urls) == 1 else "")
    raise SourceError(
        f"there is no column {column!r}",
        where=str(path),
        expected=f"one of {', '.join(columns[:20])}",
        remedy=f"name the column of the URLs with --column{f': --column {meant}' if meant else ''}",
    )


def _is_url(line: str) -> bool:
    return "://" in line


def _text_rows(path: Path, written: _Text) -> Iterator[Row]:
    with open_text(path) as text:
        lines = Lines(text, path)
        if written.form == "json":
            yield from json_rows(lines, written.columns)
        elif written.form == "lines":
            yield from line_rows(lines)
        elif written.dialect is not None:
            yield from table_rows(text, path, written.dialect, written.columns, written.skip)
