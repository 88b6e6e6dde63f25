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

from manifests.tables.dialect import Dialect
from manifests.tables.faults import is_utf8
from manifests.tables.row_ends import Offsets

_BLOCK = 1 << 20


def parse_plain(
    data: bytes, ends: Offsets, dialect: Dialect, columns: Sequence[str], wanted: Sequence[str]
) -> pa.Table | None:
    """Return the wanted columns as strings, empty cells null; None when some row needs a closer look.

    `ends` are the offsets behind each row. Regular means: no quotes that enclose fields, UTF-8, rows ended by line
    feeds, as many cells in every row as there are columns, and no control characters that rows are refused for.

    >>> parse_plain(b"1\\ta\\n2\\t\\n", np.array([4, 7]), Dialect(), ("id", "x"), ["x"]).column("x").to_pylist()
    ['a', None]
    """
    if dialect.encoding != "utf-8" or dialect.newline != "\n" or len(columns) < 2 or len(ends) == 0:
        return None
    if dialect.has_quotes(data):
        return None
    if b"\x00" in data or b"\x1f" in data or not is_utf8(data, np.array([0, len(data)], dtype=np.int64)):
        return None
    # Cells are taken in the order of the file, whatever the order in which they are wanted.
    held = sorted((columns.index(name), name) for name in set(wanted) if name in columns)
    places = np.array([place for place, _ in held], dtype=np.int64)
    chunks: dict[str, list[pa.Array]] = {name: [] for name in wanted}
    buffer = np.frombuffer(data, dtype=np.uint8)
    stops = ends - (buffer[ends - 1] == 10)
    if b"\r" in data:
        paired = (stops < ends) & (stops > 0) & (buffer[stops - 1] == 13)
        if np.count_nonzero(buffer == 13) != np.count_nonzero(paired):
            return None
        stops = stops - paired
    starts, source = np.append(0, ends[:-1]), pa.py_buffer(data)
    row = 0
    while row < len(ends):
        last = max(row + 1, int(np.searchsorted(ends, starts[row] + _BLOCK)))
        cells = _cells(buffer, starts[row:last], stops[row:last], dialect.delimiter, len(columns), places)
        if cells is None:
            return None
        for (_, name), values in zip(held, _columns(source, cells), strict=True):
            chunks[name].append(values)
        row = last
    schema = pa.schema([pa.field(name, pa.string()) for name in wanted])
    empty = pa.nulls(len(ends), pa.string())
    return pa.Table.from_arrays(
        [pa.chunked_array(chunks[name] or [empty], pa.string()) for name in wanted], schema=schema
    )


def _cells(
    buffer: NDArray[np.uint8],
    starts: Offsets,
    stops: Offsets,
    delimiter: str,
    columns: int,
    places: NDArray[np.int64],
) -> NDArray[np.int32] | None:
    """Return where the cells in these places begin and end: rows x 2 * places; None when a row has other cells."""
    rows, begin = len(starts), int(starts[0])
    found = np.flatnonzero(buffer[begin : int(stops[-1])] == ord(delimiter))
    if len(found) != rows * (columns - 1):
        return None
    marks = found.reshape(rows, columns - 1)
    # With the right number in all, every row has its own if its first and last lie within it.
    if ((marks[:, 0] + begin < starts) | (marks[:, -1] + begin >= stops)).any():
        return None
    # A cell begins behind the delimiter before it and ends at its own.
    beside = np.stack((places - 1, places), axis=1).clip(0, columns - 2)
    behind = np.tile([begin + 1, begin], len(places))
    cells: NDArray[np.int32] = (marks.take(beside.ravel(), axis=1) + behind).astype(np.int32)
    if len(places) and places[0] == 0:
        cells[:, 0] = starts
    if len(places) and places[-1] == columns - 1:
        cells[:, -1] = stops
    return cells


def _columns(source: pa.Buffer, cells: NDArray[np.int32]) -> list[pa.Array]:
    """Return the cells, column by column; one call takes them all, so that narrow blocks of wide tables cost little."""
    rows, width = len(cells), cells.shape[1] // 2
    filled = np.ascontiguousarray((cells[:, 1::2] > cells[:, 0::2]).T)
    some = np.any(filled, axis=1)
    if not some.any():
        return [pa.nulls(rows, pa.string())] * width
    if not some.all():
        cells, filled = cells[:, np.repeat(some, 2)], filled[some]
    # Over the bytes as they lie, the elements of a row are cell, gap, cell, gap, ...
    bounds = np.append(cells.ravel(), cells[-1, -1:])
    lying = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), source)
    order = np.arange(0, len(bounds) - 1, 2, dtype=np.int32).reshape(rows, -1).T
    taken = lying.take(pa.array(order.ravel()))
    if not filled.all():
        _, offsets, values = taken.buffers()
        validity = pa.py_buffer(np.packbits(filled, bitorder="little"))
        taken = pa.StringArray.from_buffers(len(taken), offsets, values, validity)
    parts = iter(range(0, len(taken), rows))
    return [taken.slice(next(parts), rows) if some[place] else pa.nulls(rows, pa.string()) for place in range(width)]
