"""Text tables: cut into byte ranges at row ends, and parsed so that a bad row costs one row.

`cut` counts the rows of every range in the bytes, independently of the parser. `parse` takes out, one by one, the rows
that the table cannot hold (wrong number of fields, undecodable bytes, control characters, stray line ends, unbalanced
quotes), gives the rest to Arrow's CSV reader, and checks that rows in are rows parsed plus rows taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from numpy.typing import NDArray

from pipeline.model.errors import ConservationError
from pipeline.model.ids import ended_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.sources.release.base import LOCATOR_FIELDS, Native, Split
from pipeline.sources.text.header import BOM, parse_options
from pipeline.sources.text.row_bounds import (
    BROKEN_QUOTES,
    Dialect,
    Offsets,
    Rows,
    count_fields,
    find_rows,
    line_ends,
    row_ends,
    table_end,
)
from pipeline.sources.text.unquoted import parse_plain

RAW_BYTES = 2048
"""How much of a malformed row the ledger keeps."""

_LONE_FEED = re.compile(rb"(?<!\r)\n")
_MALFORMED = Outcome.MALFORMED_ROW.code


def cut(
    path: Path, dialect: Dialect, *, table: str, origin: str, columns: tuple[str, ...], start: int, target_bytes: int
) -> tuple[Split, ...]:
    """Cut a table into ranges of about `target_bytes`, at row ends, each with its number of rows.

    `start` is the offset behind the header. The cuts depend on the file and `target_bytes` alone. A table without rows
    gives no range. Raises SourceError when a row is too long to be one.
    """
    splits: list[Split] = []
    begin, first_row, row, last_end = start, 1, 0, start

    def close(end: int, rows: int) -> Split:
        return Split(table, str(path), origin, begin, end - begin, first_row, rows, columns)

    for ends in row_ends(path, dialect, len(columns), start, table_end(path, start)):
        taken = 0
        while True:
            # The first row end at which the range is long enough closes it.
            at = int(np.searchsorted(ends, begin + target_bytes))
            if at >= len(ends):
                break
            row += at + 1 - taken
            taken = at + 1
            end = int(ends[at])
            splits.append(close(end, row - first_row + 1))
            begin, first_row = end, row + 1
        row += len(ends) - taken
        last_end = int(ends[-1])
    if row >= first_row:
        splits.append(close(last_end, row - first_row + 1))
    return tuple(splits)


def parse(split: Split, dialect: Dialect, *, source: str, wanted: Sequence[str]) -> Native:
    """Read one range: the wanted columns as strings with locators, and the malformed rows as ended rows.

    An empty field is null, nothing else is. Wanted columns that the table lacks are null. Raises ConservationError when
    the rows found are not those that `cut` counted: the file was changed in between.
    """
    with Path(split.path).open("rb") as handle:
        handle.seek(split.start)
        data = handle.read(split.length)
    names = list(dict.fromkeys(wanted))
    if names and not dialect.quoted:
        ends = line_ends(data, dialect)
        plain = parse_plain(data, ends, dialect, split.columns, names) if len(ends) == split.rows else None
        if plain is not None:
            starts = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1]))
            return Native(_with_locators(plain, np.arange(split.rows), starts, split), ENDED_SCHEMA.empty_table())
    rows = find_rows(data, dialect, len(split.columns))
    if len(rows) != split.rows:
        raise ConservationError(
            f"{len(rows)} rows were found where {split.rows} were counted",
            where=f"{split.origin}, bytes {split.start} to {split.start + split.length}",
            expected="the file that was counted when the run was planned",
            remedy="do not change input files during a run; run the same command again",
        )
    codes = _malformed(data, rows, dialect, len(split.columns))
    good = np.ones(len(rows), dtype=bool)
    good[list(codes)] = False
    table = _to_arrow(_clean(data, rows, good), rows, good, split, dialect, wanted)
    return Native(table, _ended(data, rows, codes, split, dialect, source))


def _malformed(data: bytes, rows: Rows, dialect: Dialect, fields: int) -> dict[int, str]:
    """Return which rows cannot be read, and why: {row index: code}. The first reason found in this order holds."""
    codes: dict[int, str] = {}

    def mark(indices: NDArray[np.int64], code: str) -> None:
        for index in indices.tolist():
            codes.setdefault(index, code)

    buffer = np.frombuffer(data, dtype=np.uint8)
    # The unit separator joins the parts of an id, so it must never stand inside one.
    for byte, code in ((0x00, "NUL"), (0x1F, "UNIT_SEPARATOR")):
        if bytes((byte,)) in data:
            mark(_rows_at(rows, np.flatnonzero(buffer == byte)), code)
    mark(_undecodable(data, rows, dialect.encoding), "ENCODING_MISMATCH")
    mark(np.flatnonzero(_blank(data, rows)), "BLANK_LINE")
    mark(np.flatnonzero(rows.fields == BROKEN_QUOTES), "UNBALANCED_QUOTE")
    mark(np.flatnonzero(rows.fields < fields), "RAGGED_SHORT")
    mark(np.flatnonzero(rows.fields > fields), "RAGGED_LONG")
    mark(_stray_line_ends(data, buffer, rows, dialect), "STRAY_LINE_END")
    return codes


def _rows_at(rows: Rows, positions: NDArray[np.intp]) -> Offsets:
    return np.unique(np.searchsorted(rows.ends, positions, side="right")).astype(np.int64)


def _blank(data: bytes, rows: Rows) -> NDArray[np.bool_]:
    lengths = rows.ends - rows.starts
    blank = np.zeros(len(rows), dtype=bool)
    for index in np.flatnonzero(lengths <= 2).tolist():
        blank[index] = not data[rows.starts[index] : rows.ends[index]].strip(b"\r\n")
    return blank


def _stray_line_ends(data: bytes, buffer: NDArray[np.uint8], rows: Rows, dialect: Dialect) -> Offsets:
    """Find rows with a line end, outside quotes, that the table's dialect does not have: Arrow would split them."""
    if dialect.newline != "\r":
        if b"\r" not in data or data.count(b"\r") == data.count(b"\r\n"):
            return np.empty(0, dtype=np.int64)
        stray = np.flatnonzero(buffer == 13)
        after = np.append(buffer, np.uint8(10))[stray + 1]
        # The last row of a file may end in a carriage return alone.
        stray = stray[(after != 10)]
    else:
        if b"\n" not in data:
            return np.empty(0, dtype=np.int64)
        stray = np.flatnonzero(buffer == 10)
    found = _rows_at(rows, stray)
    if not dialect.quoted:
        return found
    broken = [i for i in found.tolist() if count_fields(data[rows.starts[i] : rows.ends[i]], dialect) == BROKEN_QUOTES]
    return np.array(broken, dtype=np.int64)


def _undecodable(data: bytes, rows: Rows, encoding: str) -> Offsets:
    if data.isascii():
        return np.empty(0, dtype=np.int64)
    if encoding == "utf-8":
        offsets = np.append(rows.starts, rows.ends[-1:])
        lines = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(rows), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        )
        try:
            lines.cast(pa.large_string())
        except pa.ArrowInvalid:
            pass
        else:
            return np.empty(0, dtype=np.int64)
    buffer = np.frombuffer(data, dtype=np.uint8)
    bad = []
    for index in _rows_at(rows, np.flatnonzero(buffer >= 0x80)).tolist():
        try:
            data[rows.starts[index] : rows.ends[index]].decode(encoding)
        except UnicodeDecodeError:
            bad.append(index)
    return np.array(bad, dtype=np.int64)


def _clean(data: bytes, rows: Rows, good: NDArray[np.bool_]) -> bytes:
    """Return the bytes without the malformed rows."""
    if good.all():
        return data
    parts, begin = [], 0
    for index in np.flatnonzero(~good).tolist():
        parts.append(data[begin : rows.starts[index]])
        begin = int(rows.ends[index])
    parts.append(data[begin:])
    return b"".join(parts)


def _to_arrow(
    clean: bytes, rows: Rows, good: NDArray[np.bool_], split: Split, dialect: Dialect, wanted: Sequence[str]
) -> pa.Table:
    columns = list(dict.fromkeys(wanted))
    strings = pa.schema([pa.field(name, pa.string()) for name in columns])
    count = int(good.sum())
    if count == 0:
        table = strings.empty_table()
    else:
        if dialect.newline == "\r\n":
            # Arrow ends a row at any line feed; one inside a field of such a table becomes a space.
            clean = _LONE_FEED.sub(b" ", clean)
        if dialect.encoding != "utf-8":
            clean = clean.decode(dialect.encoding).encode()
        if clean.startswith(BOM):
            # Arrow drops a byte order mark at the start of its input, which here is the middle of a file.
            clean = BOM + clean
        longest = int((rows.ends - rows.starts).max())
        table = csv.read_csv(
            pa.BufferReader(clean),
            read_options=csv.ReadOptions(
                column_names=list(split.columns), use_threads=False, block_size=max(1 << 20, 4 * longest)
            ),
            parse_options=parse_options(dialect),
            convert_options=csv.ConvertOptions(
                column_types=strings,
                include_columns=columns,
                include_missing_columns=True,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                check_utf8=False,
            ),
        )
        if table.num_rows != count:
            raise ConservationError(
                f"the parser gave {table.num_rows} rows where {count} were counted",
                where=f"{split.origin}, bytes {split.start} to {split.start + split.length}",
                remedy="report this file: the two ways of reading it must agree",
            )
    return _with_locators(table, np.flatnonzero(good), rows.starts[good], split)


def _with_locators(table: pa.Table, rows: NDArray[np.intp], starts: Offsets, split: Split) -> pa.Table:
    """Append the locators: `rows` are numbers of the rows in the split, `starts` their offsets in it."""
    locators = [
        pa.repeat(pa.scalar(split.origin), len(rows)),
        pa.array(rows + split.first_row, pa.int64()),
        pa.array(starts + split.start, pa.int64()),
    ]
    for field, values in zip(LOCATOR_FIELDS, locators, strict=True):
        table = table.append_column(field, values)
    return table


def _ended(data: bytes, rows: Rows, codes: dict[int, str], split: Split, dialect: Dialect, source: str) -> pa.Table:
    # Ids come from content alone: equal rows get equal ids, and the ingest stage, which sees all splits, numbers them.
    ended = []
    for index in sorted(codes):
        start, end = int(rows.starts[index]), int(rows.ends[index])
        text = data[start:end].rstrip(b"\r\n").decode(dialect.encoding, errors="backslashreplace")
        found = int(rows.fields[index])
        evidence = {
            "code": codes[index],
            "expected_fields": len(split.columns),
            "fields": None if found == BROKEN_QUOTES else found,
        }
        ended.append(
            {
                "row_id": ended_id(source, split.table, text),
                "source": source,
                "outcome": _MALFORMED,
                "evidence": json.dumps(evidence, sort_keys=True),
                "other_id": None,
                "locator_file": split.origin,
                "locator_row": split.first_row + index,
                "locator_offset": split.start + start,
                "raw": text.encode("utf-8", errors="backslashreplace")[:RAW_BYTES].decode(errors="ignore"),
            }
        )
    return pa.Table.from_pylist(ended, schema=ENDED_SCHEMA)
