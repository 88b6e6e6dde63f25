"""Single rows of large mapped tables: `pyarrow.Table.take` would copy whole columns first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.likeness.records.candidates import Rows


class MappedRows:
    """Gives rows of a table by number, and reads only the batches that hold them."""

    def __init__(self, table: pa.Table) -> None:
        self._batches = table.to_batches()
        self._schema = table.schema
        self._starts: npt.NDArray[np.int64] = np.cumsum([0, *(batch.num_rows for batch in self._batches)])

    def take(self, rows: Rows) -> pa.Table:
        """Return the rows of these numbers, in their order.

        >>> table = pa.table({"a": pa.chunked_array([["x", "y"], ["z"]])})
        >>> MappedRows(table).take(np.array([2, 0, 2]))["a"].to_pylist()
        ['z', 'x', 'z']
        """
        if not len(rows):
            return self._schema.empty_table()
        wanted, back = np.unique(rows, return_inverse=True)
        cuts = np.searchsorted(wanted, self._starts)
        found = [
            self._batches[number].take(pa.array(wanted[cuts[number] : cuts[number + 1]] - self._starts[number]))
            for number in np.flatnonzero(np.diff(cuts)).tolist()
        ]
        return pa.Table.from_batches(found).combine_chunks().take(pa.array(back.reshape(-1)))
