"""What is wrong with which row of a text table: rows that cannot be held are named one by one.

A fault says what stands there and where, and nothing of what becomes of the row: a reader of releases makes an outcome
of it, a reader of taxonomies an issue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from manifests.tables.dialect import Dialect
from manifests.tables.row_ends import BROKEN_QUOTES, Offsets, Rows, count_fields


class FaultKind(StrEnum):
    """Why a row cannot be read; where a row has several, the first one in this order is told."""

    NUL = "NUL"
    UNIT_SEPARATOR = "UNIT_SEPARATOR"
    ENCODING_MISMATCH = "ENCODING_MISMATCH"
    BLANK_LINE = "BLANK_LINE"
    UNBALANCED_QUOTE = "UNBALANCED_QUOTE"
    RAGGED_SHORT = "RAGGED_SHORT"
    RAGGED_LONG = "RAGGED_LONG"
    STRAY_LINE_END = "STRAY_LINE_END"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be read: its number and its bytes, as places in the stretch it was found in."""

    kind: FaultKind
    row: int
    """Counted from 0."""
    start: int
    end: int
    """Behind the row's line end."""
    fields: int | None
    """How many it has; None where its quotes do not say."""


def find_faults(data: bytes, rows: Rows, dialect: Dialect, fields: int) -> tuple[Fault, ...]:
    """Return the rows, in their order, that a table of so many fields cannot hold.

    >>> from manifests.tables.row_ends import find_rows
    >>> data, tabs = b"1\\n2\\t3\\n", Dialect()
    >>> [(fault.kind.value, fault.row) for fault in find_faults(data, find_rows(data, tabs, 2), tabs, 2)]
    [('RAGGED_SHORT', 0)]
    """
    kinds: dict[int, FaultKind] = {}
    for kind, indices in _found(data, rows, dialect, fields):
        for index in indices.tolist():
            kinds.setdefault(index, kind)
    return tuple(fault_of(kinds[index], rows, index) for index in sorted(kinds))


def fault_of(kind: FaultKind, rows: Rows, index: int) -> Fault:
    """Return the fault of one of the rows.

    >>> from manifests.tables.row_ends import find_rows
    >>> fault_of(FaultKind.NUL, find_rows(b"1\\n\\x00\\t3\\n", Dialect(), 1), 1)
    Fault(kind=<FaultKind.NUL: 'NUL'>, row=1, start=2, end=6, fields=2)
    """
    count = int(rows.fields[index])
    known = None if count == BROKEN_QUOTES else count
    return Fault(kind, index, int(rows.starts[index]), int(rows.ends[index]), known)


def _found(data: bytes, rows: Rows, dialect: Dialect, fields: int) -> Iterator[tuple[FaultKind, NDArray[np.int64]]]:
    buffer = np.frombuffer(data, dtype=np.uint8)
    # The unit separator joins the parts of an id, so it must never stand inside one.
    for byte, kind in ((0x00, FaultKind.NUL), (0x1F, FaultKind.UNIT_SEPARATOR)):
        if bytes((byte,)) in data:
            yield kind, _rows_at(rows, np.flatnonzero(buffer == byte))
    yield FaultKind.ENCODING_MISMATCH, _undecodable(data, buffer, rows, dialect.encoding)
    yield FaultKind.BLANK_LINE, np.flatnonzero(_blank(data, rows))
    yield FaultKind.UNBALANCED_QUOTE, np.flatnonzero(rows.fields == BROKEN_QUOTES)
    yield FaultKind.RAGGED_SHORT, np.flatnonzero(rows.fields < fields)
    yield FaultKind.RAGGED_LONG, np.flatnonzero(rows.fields > fields)
    yield FaultKind.STRAY_LINE_END, _stray_line_ends(data, buffer, rows, dialect)


def _rows_at(rows: Rows, positions: NDArray[np.intp]) -> Offsets:
    return np.unique(np.searchsorted(rows.ends, positions, side="right")).astype(np.int64)


def _blank(data: bytes, rows: Rows) -> NDArray[np.bool_]:
    blank = np.zeros(len(rows), dtype=bool)
    for index in np.flatnonzero(rows.ends - rows.starts <= 2).tolist():
        blank[index] = not data[rows.starts[index] : rows.ends[index]].strip(b"\r\n")
    return blank


def _stray_line_ends(data: bytes, buffer: NDArray[np.uint8], rows: Rows, dialect: Dialect) -> Offsets:
    """Return rows with a line end, outside quotes, that the table's dialect does not have: Arrow would split them."""
    if dialect.newline != "\r":
        if b"\r" not in data:
            return np.empty(0, dtype=np.int64)
        stray = np.flatnonzero(buffer == 13)
        # The last row of a file may end in a carriage return alone.
        stray = stray[(stray + 1 < len(buffer)) & (buffer.take(stray + 1, mode="clip") != 10)]
    else:
        if b"\n" not in data:
            return np.empty(0, dtype=np.int64)
        stray = np.flatnonzero(buffer == 10)
    found = _rows_at(rows, stray)
    if not dialect.quoted:
        return found
    broken = [i for i in found.tolist() if count_fields(data[rows.starts[i] : rows.ends[i]], dialect) == BROKEN_QUOTES]
    return np.array(broken, dtype=np.int64)


def _undecodable(data: bytes, buffer: NDArray[np.uint8], rows: Rows, encoding: str) -> Offsets:
    if data.isascii() or (encoding == "utf-8" and is_utf8(data, np.append(rows.starts, rows.ends[-1:]))):
        return np.empty(0, dtype=np.int64)
    bad = []
    for index in _rows_at(rows, np.flatnonzero(buffer >= 0x80)).tolist():
        try:
            data[rows.starts[index] : rows.ends[index]].decode(encoding)
        except UnicodeDecodeError:
            bad.append(index)
    return np.array(bad, dtype=np.int64)


def is_utf8(data: bytes, offsets: Offsets) -> bool:
    """Return whether the texts between these offsets are all UTF-8.

    >>> is_utf8(b"a\\xc3\\xa9", np.array([0, 3])), is_utf8(b"a\\xc3\\xa9", np.array([0, 2, 3]))
    (True, False)
    """
    if data.isascii():
        return True
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    try:
        texts.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True
