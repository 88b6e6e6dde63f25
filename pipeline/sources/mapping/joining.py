"""What sources that join several tables on a key have in common: rows without the key, and rows that repeat it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.chunks import whole
from pipeline.model.ids import ended_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.sources.mapping import columns as c
from pipeline.sources.release.base import LOCATOR_FIELDS


def table_of(tables: Mapping[str, pa.Table], name: str, columns: tuple[str, ...]) -> pa.Table:
    """Return a bucket's table in one piece; a bucket that has no row of it gives an empty table.

    >>> table_of({}, "media", ("id",)).column_names
    ['id', 'locator_file', 'locator_row', 'locator_offset']
    """
    found = tables.get(name)
    if found is not None:
        return found.combine_chunks()
    schema = pa.schema([*(pa.field(column, pa.string()) for column in columns), *LOCATOR_FIELDS])
    empty: pa.Table = schema.empty_table()
    return empty


def without_key(table: pa.Table, key: str, source: str, name: str, shown: str = "") -> tuple[pa.Table, pa.Table]:
    """Split a table into the rows that have the key, and the others as rows that end as id_missing.

    `shown` is the key's name in the release, where that is another than ours.
    """
    missing = pa.array(c.is_null(c.blank_to_null(c.verbatim(table, key))))
    if not missing.true_count:
        return table, ENDED_SCHEMA.empty_table()
    without = table.filter(missing)
    ids = [ended_id(source, name, text) for text in c.row_texts(without)]
    evidence = [{"rule": f"the row has no {shown or key}", "value": name}] * without.num_rows
    return table.filter(pc.invert(missing)), c.ended_rows(without, source, Outcome.ID_MISSING, ids, evidence)


def unique_by(table: pa.Table, key: str) -> tuple[pa.Table, pa.Array]:
    """Return one row per key, and the keys that were repeated; the choice is by content, not by order."""
    keys = whole(table.column(key))
    counts = pc.value_counts(keys)
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(repeated) == 0:
        return table, repeated
    among = np.asarray(pc.is_in(keys, value_set=repeated))
    rows = np.flatnonzero(among).tolist()
    subset = table.take(pa.array(rows, pa.int64()))
    smallest: dict[str, tuple[str, int]] = {}
    for value, content, row in zip(subset.column(key).to_pylist(), c.row_texts(subset), rows, strict=True):
        smallest[value] = min(smallest.get(value, (content, row)), (content, row))
    keep = ~among
    keep[[row for _, row in smallest.values()]] = True
    return table.filter(pa.array(keep)), repeated
