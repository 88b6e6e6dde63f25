"""Read one stretch of a text table: columns of strings, and what is wrong with which row.

Rows that the table cannot hold are taken out one by one, the rest goes to Arrow's CSV reader; rows found in the bytes
must be rows parsed plus rows taken out. Regular stretches without quotes take a faster way to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from numpy.typing import NDArray

from manifests.errors import TableError
from manifests.tables.dialect import BOM, Dialect
from manifests.tables.faults import Fault, FaultKind, fault_of, find_faults, is_utf8
from manifests.tables.row_ends import BROKEN_QUOTES, Offsets, Rows, count_fields, find_rows, line_ends
from manifests.tables.unquoted import parse_plain

Edit = tuple[int, int, bytes]
"""Where bytes begin and end, and what takes their place."""

_LONE_FEED = re.compile(rb"(?<!\r)\n")
_ESCAPED = re.compile("[\udc80-\udcff]")
_SUBSTITUTE = "\x1a"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a table, read."""

    table: pa.Table
    """The wanted columns of the rows that could be read, as strings; an empty field is null, nothing else is."""
    rows: NDArray[np.int64]
    """Number of each of them in the stretch, from 0."""
    starts: Offsets
    """Offset of each of them in the stretch."""
    faults: tuple[Fault, ...]
    """The other rows."""
    data: bytes
    """The bytes of the stretch."""

    @property
    def count(self) -> int:
        """How many rows the stretch has."""
        return len(self.rows) + len(self.faults)

    def raw(self, fault: Fault) -> bytes:
        """Return the bytes of a row that could not be read, without its line end."""
        return self.data[fault.start : fault.end].rstrip(b"\r\n")


def parse_rows(
    data: bytes,
    dialect: Dialect,
    columns: Sequence[str],
    wanted: Sequence[str],
    *,
    whole: bool = True,
    fill: bool = False,
    rows: Rows | None = None,
) -> Part:
    """Read the rows of `data`, which begins and ends with one; wanted columns that the table lacks are null.

    `columns` names the table's fields, each by a name of its own. With `whole` every byte of a row must be of the
    table's encoding, without it only the wanted cells. With `fill` a row may end early, and may have empty fields too
    many. `rows` are those of `data`, where they are known. Raises TableError when Arrow finds other rows than stand
    there, which would be a mistake in this package.

    >>> part = parse_rows(b"1\\ta\\n2\\n3\\t\\n", Dialect(), ("id", "x"), ["x"])
    >>> part.table["x"].to_pylist(), part.rows.tolist(), [(fault.kind.value, fault.row) for fault in part.faults]
    (['a', None], [0, 2], [('RAGGED_SHORT', 1)])
    """
    names = list(dict.fromkeys(wanted))
    if names and not dialect.has_quotes(data):
        ends = line_ends(data, dialect)
        plain = parse_plain(data, ends, dialect, columns, names)
        if plain is not None:
            starts = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1]))
            return Part(plain, np.arange(len(ends), dtype=np.int64), starts, (), data)
    rows = rows or find_rows(data, dialect, len(columns))
    masked = data if whole else _masked(data, dialect.encoding)
    filled: dict[int, Edit] = {}
    if fill:
        rows, filled = _filled(masked, rows, dialect, len(columns))
    faults = find_faults(masked, rows, dialect, len(columns))
    part = _parse(masked, rows, faults, filled, dialect, columns, names)
    return part if masked is data else _without_foreign(part, data, rows, dialect.encoding)


def _masked(data: bytes, encoding: str) -> bytes:
    """Return as many bytes, where those that are not of the encoding are substitute characters."""
    if data.isascii() or (encoding == "utf-8" and is_utf8(data, np.array([0, len(data)], dtype=np.int64))):
        return data
    text = data.decode(encoding, "surrogateescape")
    return _ESCAPED.sub(_SUBSTITUTE, text).encode(encoding) if _ESCAPED.search(text) else data


def _without_foreign(part: Part, data: bytes, rows: Rows, encoding: str) -> Part:
    """Take out the rows of which a cell shows a substitute character that does not stand in the file."""
    import pyarrow.compute as pc  # not before: it is a third of what reading a short list takes

    shown = np.zeros(len(part.rows), dtype=bool)
    for column in part.table.columns:
        shown |= pc.fill_null(pc.match_substring(column, _SUBSTITUTE), False).to_numpy()
    for place in np.flatnonzero(shown).tolist():
        row = int(part.rows[place])
        try:
            data[rows.starts[row] : rows.ends[row]].decode(encoding)
        except UnicodeDecodeError:
            continue
        shown[place] = False
    foreign = [fault_of(FaultKind.ENCODING_MISMATCH, rows, row) for row in part.rows[shown].tolist()]
    faults = tuple(sorted((*part.faults, *foreign), key=lambda fault: fault.row))
    return Part(part.table.filter(pa.array(~shown)), part.rows[~shown], part.starts[~shown], faults, data)


def _filled(data: bytes, rows: Rows, dialect: Dialect, fields: int) -> tuple[Rows, dict[int, Edit]]:
    """Return the rows as if each that ends early had all its fields, and what makes them so in the bytes."""
    counts, mark = rows.fields.copy(), dialect.delimiter.encode()
    edits: dict[int, Edit] = {}
    for index in np.flatnonzero(rows.fields != fields).tolist():
        start = int(rows.starts[index])
        text = data[start : int(rows.ends[index])].rstrip(b"\r\n")
        if counts[index] == BROKEN_QUOTES:
            counts[index] = count_fields(text, dialect)  # a quote inside a field looked like one that opens it
        more = int(counts[index]) - fields
        if text and counts[index] != BROKEN_QUOTES and text.endswith(mark * max(more, 0)):
            text_end = start + len(text)
            edits[index] = (text_end - max(more, 0), text_end, mark * max(-more, 0))
            counts[index] = fields
    return Rows(rows.starts, rows.ends, counts), edits


def _parse(
    data: bytes,
    rows: Rows,
    faults: tuple[Fault, ...],
    edits: dict[int, Edit],
    dialect: Dialect,
    columns: Sequence[str],
    wanted: Sequence[str],
) -> Part:
    good = np.ones(len(rows), dtype=bool)
    good[[fault.row for fault in faults]] = False
    left = np.flatnonzero(good).astype(np.int64)
    taken_out = [(fault.start, fault.end, b"") for fault in faults]
    kept = [edit for row, edit in edits.items() if good[row]]
    longest = int((rows.ends - rows.starts).max(initial=0)) + len(columns)
    table = _to_arrow(_edited(data, sorted(taken_out + kept)), len(left), longest, dialect, columns, wanted)
    return Part(table, left, rows.starts[good], faults, data)


def _edited(data: bytes, edits: Sequence[Edit]) -> bytes:
    if not edits:
        return data
    parts, begin = [], 0
    for start, end, text in edits:
        parts += [data[begin:start], text]
        begin = end
    return b"".join((*parts, data[begin:]))


def _to_arrow(
    data: bytes, count: int, longest: int, dialect: Dialect, columns: Sequence[str], wanted: Sequence[str]
) -> pa.Table:
    strings = pa.schema([pa.field(name, pa.string()) for name in wanted])
    if count == 0:
        return strings.empty_table()
    if dialect.newline == "\r\n":
        # Arrow ends a row at any line feed; one inside a field of such a table becomes a space.
        data = _LONE_FEED.sub(b" ", data)
    if dialect.encoding != "utf-8":
        data = data.decode(dialect.encoding).encode()
    if data.startswith(BOM):
        # Arrow drops a byte order mark at the start of its input, which here is the middle of a file.
        data = BOM + data
    table = csv.read_csv(
        pa.BufferReader(data),
        read_options=csv.ReadOptions(
            column_names=list(columns), use_threads=False, block_size=max(1 << 20, 4 * longest)
        ),
        parse_options=dialect.arrow(),
        convert_options=csv.ConvertOptions(
            column_types=strings,
            include_columns=wanted,
            include_missing_columns=True,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,
        ),
    )
    if table.num_rows != count:
        raise TableError(
            f"the parser gave {table.num_rows} rows where {count} were counted",
            remedy="report this file: the two ways of reading it must agree",
        )
    return table
