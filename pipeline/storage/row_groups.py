"""Parquet whose row groups are cut by rows, whatever the pieces are in which the rows come."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.storage.files.atomic import table_writer
from pipeline.storage.places import Place, local

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 1 << 16
"""Rows of a row group: the footer of 200 million rows has some thousand, and one that is decoded some MB."""
_HELD = 2  # row groups that a reader keeps decoded
_READERS = 4  # files that a process keeps open


@contextmanager
def row_group_writer(
    path: Place, schema: pa.Schema, rows: int = GROUP_ROWS, empty_group: bool = False
) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that writes tables one behind the other; the file appears when the block ends well.

    Every row group but the last has `rows` rows, so that the bytes depend on the rows alone. `empty_group`: whether a
    file without rows has a row group, as one has that is written whole.
    """
    import pyarrow as pa

    waiting: list[pa.Table] = []
    held, written = 0, False
    with table_writer(path, schema) as writer:

        def write(table: pa.Table) -> None:
            nonlocal held, written
            waiting.append(table)
            held += table.num_rows
            if held < rows:
                return
            whole = pa.concat_tables(waiting)
            written = True
            for first in range(0, held - rows + 1, rows):
                writer.write_table(whole.slice(first, rows).combine_chunks())
            waiting[:] = [whole.slice(held - held % rows)]
            held %= rows

        yield write
        rest = pa.concat_tables([schema.empty_table(), *waiting])
        if rest.num_rows or (empty_group and not written):
            writer.write_table(rest.combine_chunks())


class RowReader:
    """Reads rows of a Parquet file by their numbers; threads may share it.

    Decoded are the row groups that were read last, so rows that are asked for in order cost one decoding a group.
    """

    def __init__(self, path: Place, dictionaries: Sequence[str] = ()) -> None:
        """`dictionaries`: columns of many equal texts, which are held once each."""
        from pipeline.storage.parquet_files import parquet_file

        self._file = parquet_file(path, dictionaries)
        footer = self._file.metadata
        self._starts = [0, *accumulate(footer.row_group(place).num_rows for place in range(footer.num_row_groups))]
        self._held: OrderedDict[int, pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    def groups(self, first: int, rows: int) -> Iterator[pa.Table]:
        """Yield the rows from `first` on as slices of row groups."""
        from bisect import bisect_right

        last = min(first + rows, self._starts[-1])
        while first < last:
            place = bisect_right(self._starts, first) - 1
            end = min(last, self._starts[place + 1])
            yield self._group(place).slice(first - self._starts[place], end - first)
            first = end

    def rows(self, first: int, rows: int) -> list[dict[str, Any]]:
        """Return the rows from `first` on."""
        return [row for group in self.groups(first, rows) for row in group.to_pylist()]

    def equal(self, column: str, value: str) -> list[dict[str, Any]]:
        """Return the rows with a value in a column by which the file is sorted."""
        import pyarrow.compute as pc  # 8 MB that few processes need hold

        footer = self._file.metadata
        at = footer.schema.names.index(column)
        found: list[dict[str, Any]] = []
        for place in range(footer.num_row_groups):
            range_ = footer.row_group(place).column(at).statistics
            if range_.min <= value <= range_.max:
                group = self._group(place)
                found += group.filter(pc.equal(group[column], value)).to_pylist()
        return found

    def _group(self, place: int) -> pa.Table:
        with self._lock:
            found = self._held.pop(place, None)
            if found is None:
                while len(self._held) >= _HELD:
                    self._held.popitem(last=False)
                found = self._file.read_row_group(place, use_threads=False)
            self._held[place] = found
            return found


def row_reader(path: Place, dictionaries: tuple[str, ...] = ()) -> RowReader:
    """Return the reader of a file, which this process keeps for the next one who asks; at an address of a copy."""
    path = local(path)
    stat = path.stat()
    return _reader(path, dictionaries, stat.st_ino, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=_READERS)
def _reader(path: Path, dictionaries: tuple[str, ...], *_: int) -> RowReader:
    return RowReader(path, dictionaries)
