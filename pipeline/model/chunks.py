"""Columns in one piece, without copying those that are in one piece already."""

from __future__ import annotations

import pyarrow as pa


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; only one of several chunks is copied, which `combine_chunks` does with any.

    >>> whole(pa.chunked_array([["a"], ["b"]])).to_pylist()
    ['a', 'b']
    >>> part = pa.array(["a"])
    >>> whole(pa.chunked_array([part])).buffers()[2].address == part.buffers()[2].address
    True
    """
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
