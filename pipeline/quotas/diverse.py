"""Which images of a taxon above its quota are picked because they differ: on columns, or by their hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import Recipe
from manifests.sections.select_rules import BY_HASH
from pipeline.quotas.entropy import Column, pick_diverse
from pipeline.quotas.farthest import pick_farthest
from pipeline.storage import database as sql
from pipeline.storage.statements import Statements, identifier

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
_POOL, _FEWEST = 20, 5_000
"""Images that are looked at for each that is wanted, and at least: the first in the seeded order, so that the work for
a taxon of millions is bounded."""


def note_diverse(con: duckdb.DuckDBPyConnection, recipe: Recipe, kept: str, records: str, media: str) -> None:
    """Make the table `quota_picked` (record_id, picked) of what is picked, one taxon in memory at a time.

    `kept`, `records`, `media`: FROM clauses. Asks the tables `quota_rows` and `quota_taxa` of the connection.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE quota_picked (record_id VARCHAR, picked BIGINT)")
    columns = recipe.select.diverse or ()
    by_hash = columns == (BY_HASH,)
    values = ["m.pdq"] if by_hash else [f"r.{identifier(column)}::VARCHAR" for column in columns]
    joins = f"JOIN {kept} k USING (record_id) LEFT JOIN {media} m ON m.image_id = k.image_id"
    joins = joins if by_hash else f"LEFT JOIN {records} r USING (record_id)"
    listed = "".join(f", {value} AS value_{place}" for place, value in enumerate(values))
    con.execute(_SQL("pool", pool=_POOL, fewest=_FEWEST, values=listed, joins=joins))
    for taxon, quota in con.execute("SELECT taxon, quota FROM quota_taxa ORDER BY taxon").fetchall():
        rows = sql.table(con, _SQL("of_taxon", taxon=taxon))
        picked = _by_hash(rows, quota) if by_hash else _by_values(rows, quota)
        table = pa.table({"record_id": rows["record_id"].take(pa.array(picked)), "picked": np.arange(len(picked))})
        with sql.registered(con, "quota_chosen", table):
            con.execute("INSERT INTO quota_picked SELECT * FROM quota_chosen")


def _by_values(rows: pa.Table, quota: int) -> npt.NDArray[np.int64]:
    items = np.arange(rows.num_rows)
    columns = []
    for name in rows.column_names[1:]:
        values = rows[name].combine_chunks().dictionary_encode("encode").indices.to_numpy().astype(np.int64)
        columns.append(Column(items, values, rows.num_rows))
    return pick_diverse(columns, quota)[0]


def _by_hash(rows: pa.Table, quota: int) -> npt.NDArray[np.int64]:
    """Pick by the hashes; a picture without one, of which there may be none, is as far as one that is all zeros."""
    known = [each or bytes(32) for each in rows["value_0"].to_pylist()]
    return pick_farthest(np.frombuffer(b"".join(known), np.uint8).reshape(len(known), 32), quota)
