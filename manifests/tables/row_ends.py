"""Where the rows of a text table end, found in its bytes with numpy and without parsing a field.

Unquoted tables (GBIF) end a row at every line end. Quoted ones (RFC 4180) may hold line ends inside quotes: lines whose
quotes are well placed are rows of their own and are recognised together, only the others are looked at one by one.
A line that opens a quote which nothing closes within `MAX_QUOTED_BYTES`, or whose joined lines do not have the table's
number of fields, is a row of its own and broken; reading goes on at the next line, so one stray quote costs one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manifests.errors import TableError
from manifests.tables.dialect import Dialect

Offsets = NDArray[np.int64]

MAX_ROW_BYTES = 16 << 20
"""A longer row means that the file is no text table with such line ends."""
MAX_QUOTED_BYTES = 64 << 10
"""A quoted field's row that is longer than this is taken for an unbalanced quote."""
BROKEN_QUOTES = -1
"""Field count of a row whose quotes are unbalanced or misplaced."""
_CHUNK = 8 << 20
_MARKED = 256 << 10


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one stretch of bytes, as offsets into it."""

    starts: Offsets
    ends: Offsets
    """Offset behind the row's line end."""
    fields: Offsets
    """Fields of each row, or BROKEN_QUOTES."""

    def __len__(self) -> int:
        return len(self.starts)


def table_end(path: Path, start: int) -> int:
    """Return the offset behind the last row: blank lines at the end of a file are no rows."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        end = size
        while end > start:
            begin = max(start, end - 65536)
            handle.seek(begin)
            block = handle.read(end - begin)
            kept = len(block.rstrip(b"\r\n"))
            if kept:
                handle.seek(begin + kept)
                rest = handle.read(2)
                return begin + kept + (2 if rest == b"\r\n" else min(1, len(rest)))
            end = begin
    return start


def row_ends(path: Path, dialect: Dialect, fields: int, start: int, end: int) -> Iterator[Offsets]:
    """Return the absolute offsets behind each row between two offsets, a chunk at a time.

    `fields` is the table's number of columns. Memory is bounded by the chunk (8 MB) and the longest row.
    Raises TableError when a row is longer than MAX_ROW_BYTES.
    """
    with path.open("rb") as handle:
        base, carried = start, 0
        while base < end:
            # What is left of a chunk is read again rather than carried: joining bytes would copy the whole chunk.
            handle.seek(base)
            data = handle.read(min(carried + _CHUNK, end - base))
            last = base + len(data) >= end or len(data) <= carried
            ends = line_ends(data, dialect, last=last)
            if dialect.has_quotes(data):
                ends = find_rows(data, dialect, fields, last=last).ends
            done = int(ends[-1]) if len(ends) else 0
            carried = len(data) - done
            if carried > MAX_ROW_BYTES:
                raise TableError(
                    f"a row is longer than {MAX_ROW_BYTES} bytes",
                    where=f"{path.name}, byte {base + done}",
                    expected="a text table with one row a line",
                    remedy="check that the file is whole and is the table that it is named after",
                )
            if len(ends):
                yield ends + base
            if last:
                return
            base += done


def find_rows(data: bytes, dialect: Dialect, fields: int, *, last: bool = True) -> Rows:
    """Return the rows that are whole in `data`, which begins at the start of a row.

    `last` says that nothing follows: then the bytes behind the last line end are a row too.

    >>> rows = find_rows(b'1,"a\\nb"\\n2,c\\n', Dialect(",", quoted=True), 2)
    >>> rows.ends.tolist(), rows.fields.tolist()
    ([8, 12], [2, 2])
    """
    buffer = np.frombuffer(data, dtype=np.uint8)
    ends = line_ends(data, dialect, last=last)
    starts = np.concatenate((np.zeros(min(1, len(ends)), dtype=np.int64), ends[:-1]))
    if len(ends) == 0:
        return Rows(starts, ends, ends)
    buffer = buffer[: ends[-1]]
    if not dialect.has_quotes(data):
        delimiters = _positions(buffer, ord(dialect.delimiter))
        return Rows(starts, ends, _count(delimiters, Rows(starts, ends, ends)) + 1)
    return _join_quoted(data, buffer, Rows(starts, ends, ends), dialect, fields, last=last)


def line_ends(data: bytes, dialect: Dialect, *, last: bool = True) -> Offsets:
    """Return the offsets behind every line end in `data`; `last`: the bytes behind the last one are a line too."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    ends = _positions(buffer, ord(dialect.newline[-1])) + 1
    if dialect.newline == "\r\n" and len(ends):
        ends = ends[(ends >= 2) & (buffer[np.maximum(ends, 2) - 2] == 13)]
    if last and len(buffer) and (len(ends) == 0 or ends[-1] < len(buffer)):
        ends = np.append(ends, np.int64(len(buffer)))
    return ends


def _positions(buffer: NDArray[np.uint8], byte: int) -> Offsets:
    # A block at a time, so that the marks stay in the processor's cache.
    return _places(buffer[begin : begin + _MARKED] == byte for begin in range(0, len(buffer), _MARKED))


def _places(marks: Iterable[NDArray[np.bool_]]) -> Offsets:
    """Return the places of what is marked, of blocks of _MARKED marks."""
    found = [np.flatnonzero(block) + number * _MARKED for number, block in enumerate(marks)]
    return np.concatenate(found).astype(np.int64, copy=False) if found else np.empty(0, dtype=np.int64)


def _count(positions: Offsets, lines: Rows) -> Offsets:
    return np.diff(np.searchsorted(positions, lines.ends), prepend=0).astype(np.int64)


def _join_quoted(
    data: bytes,
    buffer: NDArray[np.uint8],
    lines: Rows,
    dialect: Dialect,
    fields: int,
    *,
    last: bool,
) -> Rows:
    mark = ord(dialect.quote)
    quotes = _positions(buffer, mark)
    per_line = _count(quotes, lines)
    line_of = np.repeat(np.arange(len(lines)), per_line)
    # The how-manieth quote of its line: even ones open, odd ones close, if the line starts outside quotes.
    ordinal = np.arange(len(quotes)) - np.repeat(np.cumsum(per_line) - per_line, per_line)
    before = np.where(quotes > lines.starts[line_of], buffer[quotes - 1], ord(dialect.newline))
    after = buffer.take(quotes + 1, mode="clip")
    if len(quotes) and quotes[-1] == len(buffer) - 1:
        after[-1] = ord("\n")
    delimiter = ord(dialect.delimiter)
    opens_well = (before == delimiter) | (before == ord(dialect.newline)) | ((before == mark) & (ordinal > 0))
    closes_well = (after == delimiter) | (after == 10) | (after == 13) | (after == mark)
    misplaced = np.where(ordinal % 2 == 0, ~opens_well, ~closes_well)
    odd = per_line % 2 == 1
    strange = odd | (np.bincount(line_of, weights=misplaced, minlength=len(lines)) > 0)
    counts = _count(_outside(buffer, delimiter, quotes), lines) + 1
    # An odd line above turns inside and outside round for all that follows: count such lines' own stretch again.
    turned = (np.cumsum(odd) - odd) % 2 == 1
    if turned.any():
        total = _count(_positions(buffer, delimiter), lines)
        counts = np.where(turned, total - (counts - 1) + 1, counts)
    return _walk(data, lines, counts, strange, odd, dialect, fields, last=last)


def _outside(buffer: NDArray[np.uint8], delimiter: int, quotes: Offsets) -> Offsets:
    """Return the positions of the delimiters with an even number of quotes before them."""
    odd = np.arange(len(quotes) + 1) % 2 == 1
    inside = np.repeat(odd, np.diff(quotes, prepend=0, append=len(buffer)))
    blocks = range(0, len(buffer), _MARKED)
    return _places((buffer[at : at + _MARKED] == delimiter) & ~inside[at : at + _MARKED] for at in blocks)


def _walk(
    data: bytes,
    lines: Rows,
    counts: Offsets,
    strange: NDArray[np.bool_],
    odd: NDArray[np.bool_],
    dialect: Dialect,
    fields: int,
    *,
    last: bool,
) -> Rows:
    keep = np.ones(len(lines), dtype=bool)  # lines that end a row
    first = lines.starts.copy()
    counts = counts.copy()
    odd_lines = np.flatnonzero(odd)
    stop, resume = len(lines), 0
    for index in np.flatnonzero(strange).tolist():
        if index < resume:
            continue
        begin = int(lines.starts[index])
        found = count_fields(data[begin : int(lines.ends[index])], dialect)
        if found == fields or not odd[index]:
            counts[index] = found
            continue
        following = int(np.searchsorted(odd_lines, index, side="right"))
        closing = int(odd_lines[following]) if following < len(odd_lines) else -1
        if closing < 0 and not last and len(data) - begin <= MAX_QUOTED_BYTES:
            stop = index  # the closing quote may lie behind these bytes
            break
        counts[index] = BROKEN_QUOTES
        if closing >= 0 and int(lines.ends[closing]) - begin <= MAX_QUOTED_BYTES:
            joined = count_fields(data[begin : int(lines.ends[closing])], dialect)
            if joined == fields:
                keep[index:closing] = False
                first[closing], counts[closing] = begin, joined
                resume = closing + 1
    keep[stop:] = False
    return Rows(first[keep], lines.ends[keep], counts[keep])


def count_fields(record: bytes, dialect: Dialect) -> int:
    """Count the fields of one record as RFC 4180 reads it, or give BROKEN_QUOTES.

    A quote inside an unquoted field is a character; a line end outside quotes, or text behind a closing quote, is not
    allowed.

    >>> [count_fields(r, Dialect(",", quoted=True)) for r in (b'a,"b,\\n""c"', b'5" pipe,x', b'"a"b,c', b'"a,b')]
    [2, 2, -1, -1]
    """
    whole, each = _grammar(dialect.delimiter, dialect.quote)
    if whole.fullmatch(record) is None:
        return BROKEN_QUOTES
    return sum(1 for _ in each.finditer(record.rstrip(b"\r\n")))


@lru_cache(maxsize=16)
def _grammar(delimiter: str, quote: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    mark, q = re.escape(delimiter.encode()), re.escape(quote.encode())
    # Possessive quantifiers: hostile text cannot make the match go back and try again.
    enclosed = q + rb"(?:[^" + q + rb"]++|" + q + q + rb")*+" + q
    field = rb"(?:" + enclosed + rb"|[^\r\n" + q + mark + rb"][^\r\n" + mark + rb"]*+|)"
    return re.compile(field + rb"(?:" + mark + field + rb")*+\r?\n?"), re.compile(rb"(?:^|" + mark + rb")" + field)
