"""Native rows on disk between reading and mapping: one Arrow file a split, sorted by bucket of the join key.

The tables of a source that joins some meet bucket by bucket, so that no step holds more of a release than one bucket.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.model.chunks import whole
from pipeline.storage.atomic import atomic_path

BUCKETS = b"buckets"
"""Metadata key of a spooled split: the buckets that it has rows in, in the order of its batches."""


def buckets_of(keys: pa.Array, buckets: int) -> NDArray[np.int64]:
    """Return the bucket of every join key; a null goes where an empty key goes.

    >>> buckets_of(pa.array(["7", "8", "7"]), 1).tolist()
    [0, 0, 0]
    """
    values = pc.fill_null(keys, "").to_numpy(zero_copy_only=False)
    return (pd.util.hash_array(values, categorize=False) % np.uint64(buckets)).astype(np.int64)


def spool_table(path: Path, table: pa.Table, join_key: str, buckets: int) -> list[int]:
    """Write a native table with its rows in the order of their buckets, one batch each; give the buckets it has.

    Columns of strings without a value are written as such, and take no room.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "split.arrow"
    >>> spool_table(path, pa.table({"id": ["7", "8", "7"], "row": [1, 2, 3]}), "id", 1)
    [0]
    >>> spooled_bucket(path, 0).column("row").to_pylist()
    [1, 2, 3]
    """
    bucket = buckets_of(whole(table.column(join_key)), buckets)
    order = np.argsort(bucket, kind="stable")
    present = np.unique(bucket)
    cuts = np.searchsorted(bucket[order], np.append(present, buckets))
    # Column by column, so that the split is never held three times.
    places = pa.array(order)
    arrays = [pa.nulls(len(column)) if _is_void(column) else whole(column).take(places) for column in table.columns]
    metadata = {BUCKETS: ",".join(str(value) for value in present)}
    batch = pa.RecordBatch.from_arrays(arrays, table.column_names).replace_schema_metadata(metadata)
    # Read once and soon thrown away: packing it, or waiting until the disk has it, costs more than the bytes do. What a
    # power failure leaves has no footer, is seen when it is opened, and is made again.
    with atomic_path(path, durable=False) as temporary, pa.ipc.new_file(temporary, batch.schema) as writer:
        for first, last in pairwise(cuts.tolist()):
            writer.write_batch(batch.slice(first, last - first))
    return [int(value) for value in present]


def _is_void(column: pa.ChunkedArray) -> bool:
    return bool(column.type == pa.string() and column.null_count == len(column))


def spooled_buckets(path: Path) -> list[int] | None:
    """Return the buckets of a spooled split; None when it is not there, or not whole."""
    try:
        with pa.memory_map(str(path)) as file:
            return _buckets(pa.ipc.open_file(file))
    except (FileNotFoundError, pa.ArrowInvalid):
        return None


def spooled_bucket(path: Path, bucket: int) -> pa.Table:
    """Return the rows that `spool_table` wrote for one bucket."""
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        batch = reader.get_batch(_buckets(reader).index(bucket))
    columns = [
        pa.nulls(batch.num_rows, pa.string()) if pa.types.is_null(column.type) else column for column in batch.columns
    ]
    return pa.Table.from_arrays(columns, batch.schema.names)


def _buckets(reader: pa.ipc.RecordBatchFileReader) -> list[int]:
    return [int(value) for value in reader.schema.metadata[BUCKETS].decode().split(",") if value]
