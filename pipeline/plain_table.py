"""The fast way through a text table without quoting: only the wanted cells are ever made into strings.

Delimiters are found for a few megabytes at a time and laid out as one line of offsets per row. A column is then an
Arrow array over the bytes as they lie, of which every other element, the cells between its offsets, is taken. A table
that is not wholly regular is left to the slower parser, which says what is wrong with which row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.row_bounds import Dialect, Offsets

_BLOCK = 1 << 20


def parse_plain(
    data: bytes, ends: Offsets, dialect: Dialect, columns: Sequence[str], wanted: Sequence[str]
) -> pa.Table | None:
    """Give the wanted columns as strings, empty cells null; None when some row needs a closer look.

    `ends` are the offsets behind each row. Regular means: no quoting, UTF-8, rows ended by a line feed alone, as many
    cells in every row as there are columns, and no control characters that rows are refused for.

    >>> parse_plain(b"1\\ta\\n2\\t\\n", np.array([4, 7]), Dialect(), ("id", "x"), ["x"]).column("x").to_pylist()
    ['a', None]
    """
    if dialect.quoted or dialect.encoding != "utf-8" or dialect.newline != "\n" or len(columns) < 2 or len(ends) == 0:
        return None
    if any(byte in data for byte in (b"\x00", b"\x1f", b"\r")) or not _is_utf8(data):
        return None
    places = [columns.index(name) if name in columns else -1 for name in wanted]
    chunks: list[list[pa.Array]] = [[] for _ in wanted]
    buffer = np.frombuffer(data, dtype=np.uint8)
    source = pa.py_buffer(data)
    row, begin = 0, 0
    while row < len(ends):
        last = max(row + 1, int(np.searchsorted(ends, begin + _BLOCK)))
        block_ends, stop = ends[row:last], int(ends[last - 1])
        cells = _cells(buffer, begin, block_ends, dialect.delimiter, len(columns), closed=data[stop - 1] == 10)
        if cells is None:
            return None
        evens = pa.array(np.arange(0, 2 * len(cells), 2, dtype=np.int32))
        for place, parts in zip(places, chunks, strict=True):
            absent = place < 0
            parts.append(pa.nulls(len(cells), pa.string()) if absent else _column(source, cells, place, evens))
        row, begin = last, stop
    schema = pa.schema([pa.field(name, pa.string()) for name in wanted])
    return pa.Table.from_arrays([pa.chunked_array(parts, pa.string()) for parts in chunks], schema=schema)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    whole = np.array([0, len(data)], dtype=np.int64)
    text = pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(whole), pa.py_buffer(data)])
    try:
        text.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _cells(
    buffer: NDArray[np.uint8], begin: int, ends: Offsets, delimiter: str, columns: int, *, closed: bool
) -> NDArray[np.int32] | None:
    """Give, for every row, the offsets of its start, its delimiters and its end; None when a row has other cells."""
    rows, stop = len(ends), int(ends[-1])
    marks = np.flatnonzero(buffer[begin:stop] == ord(delimiter))
    if len(marks) != rows * (columns - 1):
        return None
    cells = np.empty((rows, columns + 1), dtype=np.int32)
    cells[:, 1:-1] = marks.reshape(rows, columns - 1)
    cells[:, 1:-1] += begin
    cells[:, -1] = ends - 1
    if not closed:
        cells[-1, -1] = stop
    cells[0, 0], cells[1:, 0] = begin - 1, ends[:-1] - 1
    # With the right number in all, every row has its own if its first and last lie within it.
    astray = (cells[:, 1] <= cells[:, 0]) | (cells[:, -2] >= cells[:, -1])
    return None if astray.any() else cells


def _column(source: pa.Buffer, cells: NDArray[np.int32], place: int, evens: pa.Array) -> pa.Array:
    rows = len(cells)
    bounds = np.empty(2 * rows + 1, dtype=np.int32)
    bounds[0:-1:2] = cells[:, place] + 1  # behind the delimiter, or behind the row before
    bounds[1::2] = cells[:, place + 1]
    bounds[-1] = bounds[-2]
    filled = bounds[1::2] > bounds[0:-1:2]
    if not filled.any():
        return pa.nulls(rows, pa.string())
    # Over the bytes as they lie, the elements are cell, gap, cell, gap, ...
    lying = pa.StringArray.from_buffers(2 * rows, pa.py_buffer(bounds), source)
    taken = lying.take(evens)
    if filled.all():
        return taken
    _, offsets, values = taken.buffers()
    validity = pa.py_buffer(np.packbits(filled, bitorder="little"))
    return pa.StringArray.from_buffers(rows, offsets, values, validity, int(rows - filled.sum()), taken.offset)
