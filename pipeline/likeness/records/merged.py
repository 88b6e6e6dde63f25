"""Two streams of rows in order of one key, brought together as they pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.storage.parquet_files import parquet_file
from pipeline.storage.places import Place

_BATCH = 1 << 16


def stream(files: Sequence[Place], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield some columns of Parquet files, row for row in the order of the files."""
    for path in files:
        # What is read ahead would be kept to the end of the file.
        with parquet_file(path, pre_buffer=False) as file:
            yield from file.iter_batches(_BATCH, columns=list(columns))


def ascends(keys: Iterator[pa.RecordBatch]) -> bool:
    """Return whether the texts of the first column stand in order, each once.

    >>> one = pa.record_batch({"id": ["a", "b"]})
    >>> ascends(iter([one])), ascends(iter([one, one]))
    (True, False)
    """
    last = None
    for batch in keys:
        column = batch.column(0)
        if not len(column):
            continue
        inside = pc.all(pc.less(column.slice(0, len(column) - 1), column.slice(1)), min_count=0).as_py()
        if not inside or (last is not None and column[0].as_py() <= last):
            return False
        last = column[-1].as_py()
    return True


def merged(left: Iterator[pa.RecordBatch], right: Iterator[pa.RecordBatch], key: str) -> Iterator[pa.Table]:
    """Yield the rows of the left stream that have one in the right one, with the columns of both.

    Both stand in order of their key, which each names once. Memory: some batches.

    >>> left = [pa.record_batch({"id": ["a", "c"]}), pa.record_batch({"id": ["d"]})]
    >>> right = [pa.record_batch({"id": ["a", "b", "c"], "x": [1, 2, 3]})]
    >>> [row for table in merged(iter(left), iter(right), "id") for row in table.to_pylist()]
    [{'id': 'a', 'x': 1}, {'id': 'c', 'x': 3}]
    """
    window: pa.Table | None = None
    for batch in left:
        if not batch.num_rows:
            continue
        last = batch.column(key)[-1].as_py()
        while window is None or not window.num_rows or window[key][-1].as_py() < last:
            more = next(right, None)
            if more is None:
                break
            whole = pa.Table.from_batches([more])
            window = whole if window is None else pa.concat_tables([window, whole])
        if window is None:
            return
        keys = window[key].combine_chunks()
        at = pc.index_in(batch.column(key), value_set=keys)
        rows = pa.Table.from_batches([batch]).filter(at.is_valid())
        others = window.drop_columns([key]).take(at.drop_null())
        for name in others.column_names:
            rows = rows.append_column(name, others[name])
        yield rows
        behind = pc.index(pc.greater(keys, last), True).as_py()
        window = window.slice(behind if behind >= 0 else window.num_rows)
