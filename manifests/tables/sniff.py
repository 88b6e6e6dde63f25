"""How a text table is written, seen from its first bytes: line ends, delimiter, quotes."""

from __future__ import annotations

import dataclasses
import re

from manifests.tables.dialect import BOM, Dialect
from manifests.tables.header import read_header
from manifests.tables.row_ends import count_fields

_DELIMITERS = "\t,;|"
_MAX_LINES = 1000


def true_newline(head: bytes, dialect: Dialect, header_lines: int) -> Dialect:
    """Return the dialect with the line end that the bytes have, whatever the descriptor says.

    A file without line feeds ends its rows in carriage returns. Where an unquoted table has both CRLF and lone line
    feeds, the lone ones stand inside fields if, and only if, rows cut at CRLF all have one width and rows cut at every
    line feed do not.

    >>> true_newline(b"a\\tb\\r1\\t2\\r", Dialect(), 1).newline
    '\\r'
    >>> true_newline(b"a\\tb\\r\\n1\\tx\\ny\\r\\n", Dialect(), 1).newline
    '\\r\\n'
    """
    if b"\n" not in head:
        return dataclasses.replace(dialect, newline="\r" if b"\r" in head else "\n")
    plain = dataclasses.replace(dialect, newline="\n")
    if dialect.quoted or not re.search(rb"(?<!\r)\n", head) or b"\r\n" not in head:
        return plain
    paired = dataclasses.replace(plain, newline="\r\n")
    body = head[read_header(head, paired, header_lines).start :]
    mark = dialect.delimiter.encode()
    at_pairs = {row.count(mark) for row in table_rows(body, paired)}
    # Blank lines count here: a field that ends in a line feed leaves one behind.
    at_feeds = {line.count(mark) for line in body.split(b"\n")[:-1]}
    return paired if len(at_pairs) == 1 and len(at_feeds) > 1 else plain


def table_rows(body: bytes, dialect: Dialect) -> list[bytes]:
    """Return the first rows, up to a thousand, without blank ones and a cut last one; line ends in quotes count."""
    lines = body.split(dialect.newline.encode())
    whole = lines[:-1] if len(lines) > 1 else lines
    return [line for line in whole[:_MAX_LINES] if line.strip(b"\r\n")]


def sniff_dialect(head: bytes) -> Dialect | None:
    """Return the dialect of a table with a header and without a descriptor; None when it does not look like a table.

    >>> sniff_dialect(b'id,name\\n1,"a, b"\\n')
    Dialect(delimiter=',', quoted=True, encoding='utf-8', newline='\\n', quote='"')
    >>> sniff_dialect(b'gbifID\\tname\\n1\\t"a\\n').quoted
    False
    """
    text = head.removeprefix(BOM)
    if not text.strip() or b"\x00" in text or text.lstrip().startswith((b"<", b"{", b"[", b"PK", b"%PDF")):
        return None
    dialect = guess_dialect(text)
    first = _first_line(text)
    if dialect.delimiter.encode() not in first:
        return None
    width = count_fields(first, dialect)
    rows = table_rows(text, dialect)[1:]
    # Prose has commas too, but not line after line as many as in its first.
    fits = not rows or any(count_fields(row, dialect) == width for row in rows)
    return dialect if fits or dialect.delimiter == "\t" else None


def guess_dialect(head: bytes) -> Dialect:
    """Return the likeliest dialect of what is known to be a table with a header.

    >>> guess_dialect(b"id;name\\n1;a\\n").delimiter
    ';'
    """
    first = _first_line(head.removeprefix(BOM))
    delimiter = max(_DELIMITERS, key=lambda mark: (first.count(mark.encode()), -_DELIMITERS.index(mark)))
    # Tables with tabs are written without quoting (GBIF), unless the header itself shows quotes.
    quoted = delimiter != "\t" or first.lstrip().startswith(b'"')
    return true_newline(head, Dialect(delimiter, quoted), 1)


def _first_line(text: bytes) -> bytes:
    return text.split(b"\r" if b"\n" not in text else b"\n", 1)[0].rstrip(b"\r")
