"""Choose one vernacular name per taxon, the same one every time.

Languages come in the order that was asked for, then in alphabetical order. Within a language the first is a name that
is marked as preferred, then one of the source of the highest priority, then the one that most rows state, then the
alphabet. Names stay as they were published: nothing is put into capitals, which would make 'McGillivray's' into
'Mcgillivray'S'.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.lineage import Rows
from taxonomy.build.links import find_rows

INDEX_SCHEMA = pa.schema(
    [
        pa.field("usage_id", pa.string(), nullable=False),
        pa.field("vernacular_name", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("preferred", pa.bool_()),
        pa.field("source", pa.string()),
    ]
)
"""`vernacular.parquet` of an index: names of accepted usages, in the order of preference for each usage."""


def unite_vernacular(
    tables: list[pa.Table], merged_ids: pa.ChunkedArray, stands_for: Rows, accepted: Rows, languages: Sequence[str]
) -> tuple[pa.Table, Rows]:
    """Return all vernacular names in order of usage and preference, with the row of the accepted usage of each.

    `merged_ids` are the ids of all usages of all sources (an id belongs to one source), `stands_for` their rows in the
    united taxonomy, `languages` the ISO 639-3 codes that come first.
    """
    parts = [
        table.append_column("priority", pa.array(np.full(table.num_rows, priority, dtype=np.int32)))
        for priority, table in enumerate(tables)
    ]
    names = pa.concat_tables(parts).combine_chunks()
    row = find_rows(merged_ids, names["usage_id"])
    row = np.where(row >= 0, stands_for[row], -1)
    row = np.where(row >= 0, accepted[row], -1).astype(np.int32)
    names = names.append_column("row", pa.array(row))
    names = names.filter(pc.greater_equal(names["row"], 0))
    language = pc.fill_null(names["language"], "~")  # after every code
    wanted = pc.index_in(language, value_set=pa.array(list(languages), pa.string()))
    names = names.append_column("place", pc.fill_null(wanted, len(languages)))
    names = names.append_column("tongue", language)
    names = names.append_column("rarity", _rarity(names))
    names = names.append_column("other", pc.cast(pc.invert(pc.fill_null(names["preferred"], False)), pa.int8()))
    keys = ("row", "place", "tongue", "other", "priority", "rarity", "vernacular_name", "usage_id")
    names = names.take(pc.sort_indices(names, [(key, "ascending") for key in keys])).combine_chunks()
    return names.select(INDEX_SCHEMA.names), names["row"].to_numpy().astype(np.int32)


def _rarity(names: pa.Table) -> pa.Array:
    """Return, for every row, the negated number of rows that state its name, in any case, for its taxon and language."""
    keys = pa.table({"row": names["row"], "tongue": names["tongue"], "name": pc.utf8_lower(names["vernacular_name"])})
    order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy()
    keys = keys.take(pa.array(order))
    first = np.ones(len(order), dtype=bool)
    for_all = np.ones(max(0, len(order) - 1), dtype=bool)
    for column in keys.columns:
        values = column.combine_chunks()
        for_all &= pc.equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False).astype(bool)
    first[1:] = ~for_all
    group = np.cumsum(first) - 1
    found = np.empty(len(order), dtype=np.int64)
    found[order] = -np.bincount(group, minlength=1)[group] if len(order) else 0
    return pa.array(found)


def first_names(names: pa.Table, rows: Rows, count: int) -> tuple[pa.Array, pa.Array]:
    """Return the first name and its language for each of `count` usages; null where there is none.

    >>> table = pa.table({"vernacular_name": ["lion", "Löwe"], "language": ["eng", "deu"]})
    >>> first_names(table, np.array([1, 1], dtype=np.int32), 2)[0].to_pylist()
    [None, 'lion']
    """
    first = np.full(count, -1, dtype=np.int32)
    # Written backwards, so that the first one of each row stays.
    first[rows[::-1]] = np.arange(len(rows), dtype=np.int32)[::-1]
    at = pa.array(first, mask=first < 0)
    name, language = (names[column].take(at).combine_chunks() for column in ("vernacular_name", "language"))
    return name, language
