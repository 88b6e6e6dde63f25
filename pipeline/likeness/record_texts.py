"""The texts of records, read when something is written: batch by batch in order of id, or some ids by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.likeness.candidates import Rows, row_type

TEXT_COLUMNS = (
    *("record_id", "source", "image_id", "media_id", "name_id"),
    *("occurrence_key", "specimen_key", "media_key"),
)
"""What is written of a record beside its decision."""
BATCH_ROWS = 1 << 15


@dataclass(frozen=True, slots=True)
class RecordTexts:
    """TEXT_COLUMNS of n records.

    `by_id`: a table or Parquet file of these and `place`, the number of the record, sorted by record_id. `ids`: the
    record ids in order of preference, mapped or in memory. `order`: the numbers of the records in order of their ids.
    """

    by_id: pa.Table | Path
    ids: pa.ChunkedArray
    order: Rows

    @staticmethod
    def of(records: pa.Table) -> RecordTexts:
        """Take the texts of a table, whose rows are records in order of preference."""
        order = pc.sort_indices(records["record_id"])
        texts = records.select(TEXT_COLUMNS).append_column("place", pa.array(np.arange(records.num_rows)))
        rows = order.to_numpy(zero_copy_only=False).astype(row_type(records.num_rows))
        return RecordTexts(texts.take(order), records["record_id"], rows)

    def __len__(self) -> int:
        return len(self.order)

    def batches(self, columns: Sequence[str] = TEXT_COLUMNS) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
        """Yield the numbers and some texts of all records in order of their ids, BATCH_ROWS at a time."""
        wanted = ["place", *columns]
        if isinstance(self.by_id, Path):
            with pq.ParquetFile(self.by_id) as file:
                for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
                    yield batch.column("place").to_numpy(), batch
        else:
            for batch in self.by_id.select(wanted).combine_chunks().to_batches(BATCH_ROWS):
                yield batch.column("place").to_numpy(), batch

    def id_of(self, records: Rows) -> pa.Array:
        """Return the ids of some records, null where the number is below 0.

        >>> columns = {name: ["b", "a"] for name in TEXT_COLUMNS}
        >>> RecordTexts.of(pa.table(columns)).id_of(np.array([1, -1])).to_pylist()
        ['a', None]
        """
        taken = self.ids.take(pa.array(records, mask=records < 0))
        return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
