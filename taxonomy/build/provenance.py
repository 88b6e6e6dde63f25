"""Where a united usage comes from, and what its sources disagree about: recorded, never decided by overwriting."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.build.lineage import Rows
from taxonomy.build.pairs import Ints, Traits
from taxonomy.names.ranks import SEVEN

STATUS_TYPE = pa.list_(pa.struct([("usage_id", pa.string()), ("status", pa.string())]))
"""What each source says about a usage: the source's own id, and the status that it gives it there."""
CONFLICT_TYPE = pa.list_(
    pa.struct([("field", pa.string()), ("source", pa.string()), ("usage_id", pa.string()), ("value", pa.string())])
)
"""A value of a later source that differs from the united one; `field` is a rank, 'rank', 'name' or 'accepted_name'."""
_SCHEMA = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in ("field", "source", "usage_id", "value"))])


@dataclass
class Conflicts:
    """Disagreements, by row of the merge."""

    tables: list[pa.Table] = field(default_factory=list)

    def note(self, rows: Ints, what: str, by: pa.Table, values: pa.Array) -> None:
        """Note that the usages `by` (of one later source) give other values to some rows."""
        if len(rows):
            columns = [pa.array(rows, pa.int64()), pa.array([what] * len(rows)), by["source"], by["usage_id"], values]
            self.tables.append(pa.table(columns, schema=_SCHEMA))

    def note_twins(self, table: pa.Table, features: Traits, own: Ints, twin: Ints) -> None:
        """Note where taxa of a later source differ from the earlier taxa that they are, in name, rank or place."""
        by = table.take(pa.array(own))
        for what in ("name", "rank"):
            mine, theirs = by[what], table[what].take(pa.array(twin))
            differ = _mask(pc.and_(pc.not_equal(mine, theirs), pc.not_equal(mine, "unranked")))
            self.note(twin[differ], what, by.filter(pa.array(differ)), mine.filter(pa.array(differ)).combine_chunks())
        for slot, rank in enumerate(SEVEN[:-1]):
            one, other = features.classification[own, slot], features.classification[twin, slot]
            below = features.group[twin] > (slot + 1) * 10
            differ = (one >= 0) & (other >= 0) & (one != other) & below
            values = features.dictionary.take(pa.array(one[differ]))
            self.note(twin[differ], rank, by.filter(pa.array(differ)), values)

    def lists(self, place: Rows, count: int) -> pa.Array:
        """Return the conflicts of every usage (CONFLICT_TYPE), sorted; `place` gives the usage of a row of the merge."""
        table = pa.concat_tables([_SCHEMA.empty_table(), *self.tables])
        where = place[table["row"].to_numpy()]
        table = table.set_column(0, "row", pa.array(where)).filter(pa.array(where >= 0))
        table = table.take(pc.sort_indices(table, [(name, "ascending") for name in _SCHEMA.names])).combine_chunks()
        values = pa.StructArray.from_arrays(
            [table[name].combine_chunks() for name in _SCHEMA.names[1:]], fields=list(CONFLICT_TYPE.value_type)
        )
        return _lists(table["row"].to_numpy(), values, count)


def statuses(table: pa.Table, stands_for: Rows, count: int) -> pa.Array:
    """Return what every source says about each of `count` usages (STATUS_TYPE), sorted by id.

    `table` holds the rows of all sources (USAGE_SCHEMA), `stands_for` the usage that each became, or -1.
    """
    here = stands_for >= 0
    said = pa.table({"row": stands_for[here], **{n: table[n].filter(pa.array(here)) for n in ("usage_id", "status")}})
    said = said.take(pc.sort_indices(said, [("row", "ascending"), ("usage_id", "ascending")])).combine_chunks()
    values = pa.StructArray.from_arrays(
        [said[name].combine_chunks() for name in ("usage_id", "status")], fields=list(STATUS_TYPE.value_type)
    )
    return _lists(said["row"].to_numpy(), values, count)


def _mask(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(values, False).to_numpy().astype(bool)
    return found


def _lists(rows: npt.NDArray[np.int64], values: pa.StructArray, count: int) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)
