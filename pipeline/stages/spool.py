"""Native rows on disk between reading and mapping: one Arrow file a range of splits, sorted by bucket of the join key.

The tables of a source that joins some meet bucket by bucket, so that no step holds more of a release than one bucket.
"""

from __future__ import annotations

import struct
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.model.chunks import whole
from pipeline.model.errors import ConservationError
from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place, RemotePath
from pipeline.storage.stores import Span

_ALIGNED = 64  # Arrow's buffers begin at multiples of it
_END = struct.Struct("<qq8s")
"""The end of a spooled table: where the index begins, and how many buckets it lists."""
_MAGIC = b"spooled1"
_REMEDY = "run the same command again: it reads them anew"


def buckets_of(keys: pa.Array, buckets: int) -> NDArray[np.int64]:
    """Return the bucket of every join key; a null goes where an empty key goes.

    >>> buckets_of(pa.array(["7", "8", "7"]), 1).tolist()
    [0, 0, 0]
    """
    values = pc.fill_null(keys, "").to_numpy(zero_copy_only=False)
    return (pd.util.hash_array(values, categorize=False) % np.uint64(buckets)).astype(np.int64)


def spool_table(path: Place, table: pa.Table, join_key: str, buckets: int, width: int = 1) -> list[int]:
    """Write a native table with its rows in the order of their buckets, one batch each; give the buckets it has.

    With a `width` so many buckets that follow each other are kept as one, which has the number bucket // width. Columns
    of strings without a value are written as such, and take no room.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "split.arrow"
    >>> spool_table(path, pa.table({"id": ["7", "8", "7"], "row": [1, 2, 3]}), "id", 1)
    [0]
    >>> spooled_bucket(path, 0).column("row").to_pylist()
    [1, 2, 3]
    """
    bucket = buckets_of(whole(table.column(join_key)), buckets) // width
    order = np.argsort(bucket, kind="stable")
    present = np.unique(bucket)
    cuts = np.searchsorted(bucket[order], np.append(present, buckets))
    # Column by column, so that the table is never held three times.
    places = pa.array(order)
    arrays = [pa.nulls(len(column)) if _is_void(column) else whole(column).take(places) for column in table.columns]
    batch = pa.RecordBatch.from_arrays(arrays, table.column_names)
    # Read once and soon thrown away: packing it, or waiting until the disk has it, costs more than the bytes do. What a
    # power failure leaves has no end, is seen when it is opened, and is made again.
    with atomic_path(path, durable=False) as temporary, pa.OSFile(str(temporary), "wb") as file:
        places = []
        for first, last in pairwise(cuts.tolist()):
            places.append(_append(file, batch.slice(first, last - first).serialize()))
        schema = _append(file, batch.schema.serialize())
        index = np.array([*zip(present.tolist(), *zip(*places, strict=True), strict=True)], np.int64)
        at, _ = _append(file, pa.py_buffer(np.array(schema, np.int64).tobytes() + index.T.tobytes()))
        file.write(_END.pack(at, len(present), _MAGIC))
    return [int(value) for value in present]


def _append(file: pa.NativeFile, data: pa.Buffer) -> tuple[int, int]:
    """Write bytes at the next aligned place; give the place and their number."""
    file.write(bytes(-file.tell() % _ALIGNED))
    at = file.tell()
    file.write(data)
    return at, data.size


def _is_void(column: pa.ChunkedArray) -> bool:
    return bool(column.type == pa.string() and column.null_count == len(column))


@dataclass(frozen=True, slots=True)
class _Index:
    """What stands at the end of a spooled table. Arrow's own file format finds a batch in a time that grows with their
    number, and every bucket is looked for in every table.
    """

    buckets: NDArray[np.int64]
    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    schema: tuple[int, int]


def _index(file: pa.NativeFile) -> _Index | None:
    """Read the index of an open file; None when the file has no end."""
    size = file.size()
    if size < _END.size:
        return None
    file.seek(size - _END.size)
    at, count, magic = _END.unpack(file.read(_END.size))
    if magic != _MAGIC:
        return None
    file.seek(at)
    numbers = np.frombuffer(file.read_buffer(size - _END.size - at), np.int64)
    buckets, places, sizes = numbers[2:].reshape(3, count)
    return _Index(buckets, places, sizes, (int(numbers[0]), int(numbers[1])))


def spooled_buckets(path: Place) -> list[int] | None:
    """Return the buckets of a spooled table; None when it is not there, or not whole."""
    try:
        if not isinstance(path, Path):
            index = _remote_index(path)
        else:
            with pa.memory_map(str(path)) as file:
                index = _index(file)
    except (FileNotFoundError, pa.ArrowInvalid):  # an empty file cannot be mapped
        return None
    return None if index is None else index.buckets.tolist()


def spooled_bucket(path: Place, bucket: int) -> pa.Table | None:
    """Return the rows that `spool_table` wrote for one bucket, mapped and not read; None when it has none there.

    At an address the bucket alone is read, and the index once a process. Raises ConservationError when the table is not
    whole.
    """
    with ExitStack() as stack:
        if not isinstance(path, Path):
            index, piece = _remote_index(path), partial(_remote_piece, path)
        else:
            file = stack.enter_context(pa.memory_map(str(path)))
            index, piece = _index(file), partial(_piece, file)
        if index is None:
            raise ConservationError("spooled rows are not whole", where=str(path), remedy=_REMEDY)
        at = int(np.searchsorted(index.buckets, bucket))
        if at == len(index.buckets) or index.buckets[at] != bucket:
            return None
        schema = pa.ipc.read_schema(piece(*index.schema))
        batch = pa.ipc.read_record_batch(piece(int(index.places[at]), int(index.sizes[at])), schema)
    columns = [
        pa.nulls(batch.num_rows, pa.string()) if pa.types.is_null(column.type) else column for column in batch.columns
    ]
    return pa.Table.from_arrays(columns, batch.schema.names)


def _piece(file: pa.NativeFile, at: int, size: int) -> pa.Buffer:
    file.seek(at)
    return file.read_buffer(size)


@lru_cache(maxsize=1 << 14)
def _remote_index(path: RemotePath) -> _Index | None:
    with path.open() as file:
        return _index(pa.PythonFile(file, "r"))


def _remote_piece(path: RemotePath, at: int, size: int) -> pa.Buffer:
    (data,) = path.store.spans([Span(path.key, at, at + size)])
    return pa.py_buffer(data)
