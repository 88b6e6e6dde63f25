"""Read a text table from a stream that only goes forward, such as a member of an archive, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from manifests.errors import TableError
from manifests.tables.dialect import Dialect
from manifests.tables.header import read_header
from manifests.tables.parts import Part, parse_rows
from manifests.tables.row_ends import MAX_ROW_BYTES, find_rows

_CHUNK = 4 << 20


def read_parts(
    handle: BinaryIO,
    dialect: Dialect,
    columns: Sequence[str],
    wanted: Sequence[str],
    *,
    skip: int = 1,
    whole: bool = True,
    fill: bool = False,
    chunk: int = _CHUNK,
) -> Iterator[Part]:
    """Yield the table a few megabytes at a time; the first `skip` lines are its header and are passed over.

    `whole` and `fill` are what `parse_rows` says. Numbers and offsets in a part are of the part. Raises TableError when
    a row is longer than MAX_ROW_BYTES.

    >>> import io
    >>> stream = io.BytesIO(b"id,x\\n1,a\\n2,b")
    >>> [part.table["x"].to_pylist() for part in read_parts(stream, Dialect(","), ("id", "x"), ["x"], chunk=9)]
    [['a'], ['b']]
    """
    data, newline = _behind_header(handle, dialect, skip, chunk), dialect.newline.encode()
    while True:
        block = handle.read(chunk)
        data += block
        rows, done = None, len(data)
        if dialect.has_quotes(data):
            rows = find_rows(data, dialect, len(columns), last=not block)
            done = int(rows.ends[-1:].sum())
        elif block:
            done = data.rfind(newline) + len(newline) if newline in data else 0
        if len(data) - done > MAX_ROW_BYTES:
            raise TableError(
                f"a row is longer than {MAX_ROW_BYTES} bytes",
                expected="a text table with one row a line",
                remedy="check that the file is whole and is the table that it is named after",
            )
        if done:
            yield parse_rows(data[:done], dialect, columns, wanted, whole=whole, fill=fill, rows=rows)
            data = data[done:]
        if not block:
            return


def _behind_header(handle: BinaryIO, dialect: Dialect, lines: int, chunk: int) -> bytes:
    head, newline = handle.read(chunk), dialect.newline.encode()
    while head.count(newline) < lines and len(head) <= MAX_ROW_BYTES and (block := handle.read(chunk)):
        head += block
    return head[read_header(head, dialect, lines).start :]
