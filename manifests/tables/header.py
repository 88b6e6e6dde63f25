"""The header of a text table: names of its columns, and where its rows begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as csv

from manifests.tables.dialect import BOM, Dialect
from manifests.tables.row_ends import BROKEN_QUOTES, count_fields


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a text table."""

    columns: tuple[str, ...]
    """Column names, stripped; a repeated or empty one is told apart by '#' and its number."""
    start: int
    """Byte offset behind the header and a byte order mark."""


def read_header(head: bytes, dialect: Dialect, lines: int = 1) -> Header:
    """Read the header from the first bytes of a table; `lines` header lines are passed over, the first one is read.

    >>> read_header(b"gbifID\\ttype\\ttype\\n1\\ta\\tb\\n", Dialect())
    Header(columns=('gbifID', 'type', 'type#3'), start=17)
    """
    start = len(BOM) if head.startswith(BOM) else 0
    if lines == 0:
        return Header((), start)
    position, newline, first = start, dialect.newline.encode(), b""
    for number in range(lines):
        found = head.find(newline, position)
        end = found + len(newline) if found >= 0 else len(head)
        first = head[position:end] if number == 0 else first
        position = end
    return Header(unique_names(split_line(first, dialect)), position)


def split_line(line: bytes, dialect: Dialect) -> list[str]:
    """Split one line into its fields; quotes are taken off where the dialect has them, and no byte is refused.

    >>> split_line(b'"a, b",\\xff\\n', Dialect(",", quoted=True))
    ['a, b', '\ufffd']
    """
    text = line.decode(dialect.encoding, errors="replace").rstrip("\r\n")
    cells = text.split(dialect.delimiter)
    if dialect.quoted and text and count_fields(line, dialect) != BROKEN_QUOTES:
        table = csv.read_csv(
            pa.BufferReader(text.encode() + b"\n"),
            read_options=csv.ReadOptions(autogenerate_column_names=True, use_threads=False),
            parse_options=dialect.arrow(),
            convert_options=csv.ConvertOptions(column_types={f"f{i}": pa.string() for i in range(len(cells))}),
        )
        cells = ["" if value is None else str(value) for value in table.to_pylist()[0].values()]
    return [cell.strip().strip(dialect.quote) if dialect.quoted else cell.strip() for cell in cells]


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return a name of its own for every column: a repeated or empty one gets '#' and its number, counted from 1."""
    seen: set[str] = set()
    unique = []
    for number, name in enumerate(names, start=1):
        own = name if name and name not in seen else f"{name}#{number}"
        seen.add(own)
        unique.append(own)
    return tuple(unique)
