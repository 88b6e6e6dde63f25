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

from pipeline.likeness.records.candidates import Rows, row_type
from pipeline.likeness.records.mapped import MappedRows

TEXT_COLUMNS = (
    *("record_id", "source", "image_id", "media_id", "name_id"),
    *("occurrence_key", "specimen_key", "media_key"),
)
"""What is written of a record beside its decision."""
BATCH_ROWS = 1 << 15


@dataclass(frozen=True, slots=True)
class RecordTexts:
    """TEXT_COLUMNS of n records, which stand in order of their ids, and are numbered in order of preference.

    `by_id`: a table or Parquet file of these, sorted by record_id. `ids`: its column of record ids. `order`:
    of every record, by number, its row there. `places`: of every row the number of its record, -1: of none.
    """

    by_id: pa.Table | Path
    ids: MappedRows
    order: Rows
    places: Rows

    @staticmethod
    def of(records: pa.Table) -> RecordTexts:
        """Take the texts of a table, whose rows are records in order of preference."""
        texts = records.select(TEXT_COLUMNS).take(pc.sort_indices(records["record_id"]))
        places = pc.sort_indices(records["record_id"]).to_numpy(zero_copy_only=False)
        order = np.empty(len(places), row_type(len(places)))
        order[places] = np.arange(len(places))
        return RecordTexts(texts, MappedRows(texts.select(["record_id"])), order, places.astype(order.dtype))

    def __len__(self) -> int:
        return len(self.order)

    def by_name(self) -> Rows:
        """Return the numbers of the records in order of their ids."""
        return self.places[self.places >= 0]

    def batches(self, columns: Sequence[str] = TEXT_COLUMNS) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
        """Yield the numbers and some texts of all records in order of their ids, BATCH_ROWS at a time."""
        start = 0
        for batch in self._batches(columns):
            places = np.asarray(self.places[start : start + batch.num_rows], np.int64)
            start += batch.num_rows
            known = np.flatnonzero(places >= 0)
            yield places[known], batch if len(known) == len(places) else batch.take(pa.array(known))

    def _batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if isinstance(self.by_id, Path):
            with pq.ParquetFile(self.by_id, pre_buffer=False) as file:
                yield from file.iter_batches(BATCH_ROWS, columns=list(columns))
        else:
            yield from self.by_id.select(columns).combine_chunks().to_batches(BATCH_ROWS)

    def id_of(self, records: Rows) -> pa.Array:
        """Return the ids of some records, null where the number is below 0.

        >>> columns = {name: ["b", "a"] for name in TEXT_COLUMNS}
        >>> RecordTexts.of(pa.table(columns)).id_of(np.array([1, -1])).to_pylist()
        ['a', None]
        """
        known = np.flatnonzero(records >= 0)
        found = self.ids.take(self.order[records[known]])["record_id"].combine_chunks()
        at = np.zeros(len(records), np.int64)
        at[known] = np.arange(len(known))
        return found.take(pa.array(at, mask=records < 0))
