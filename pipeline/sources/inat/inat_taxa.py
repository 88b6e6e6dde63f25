"""iNaturalist's taxa with their lineage: the ancestry of ids becomes names at the ranks that a record has.

An ancestry is the ids from the root to the parent, separated by '/' in the published tables and by '\\\\' in their
documentation; both are read. The table of taxa is held in memory while it is built (about 1.6 million rows).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.records import RANK_COLUMNS
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.side_tables import keys_as_numbers, positions, sorted_by_key

TAXON_COLUMNS = ("taxon_id", "ancestry", "rank", "name", "active")
_BATCH = 200_000


def with_lineage(taxa: pa.Table) -> pa.Table:
    """Return taxon_id (int64, sorted), name, rank, active and one column for each of `records.RANK_COLUMNS`.

    Of ancestors at one rank the nearest counts. A taxon whose own rank is one of the columns stands in it itself.

    >>> rows = [("1", None, "kingdom", "Animalia", "t"), ("9", "48460/1", "genus", "Lynx", "t")]
    >>> table = with_lineage(pa.table(list(zip(*rows)), names=TAXON_COLUMNS))
    >>> table.select(["taxon_id", "kingdom", "genus"]).to_pylist()[1]
    {'taxon_id': 9, 'kingdom': 'Animalia', 'genus': 'Lynx'}
    """
    taxa = sorted_by_key(taxa.select(list(TAXON_COLUMNS)), "taxon_id")
    ids = np.asarray(taxa.column("taxon_id").combine_chunks())
    stated = pc.utf8_lower(c.text(taxa, "rank"))
    ranks = np.asarray(pc.fill_null(pc.index_in(stated, pa.array(RANK_COLUMNS)), -1))
    names = c.text(taxa, "name")
    holders = np.full((len(RANK_COLUMNS), len(ids)), -1, dtype=np.int64)
    for start in range(0, len(ids), _BATCH):
        paths = pc.split_pattern_regex(c.text(taxa.slice(start, _BATCH), "ancestry"), r"[/\\]")
        ancestors = positions(ids, keys_as_numbers(paths.flatten()))
        owners = np.asarray(pc.list_parent_indices(paths))[np.asarray(pc.is_valid(ancestors))] + start
        found = np.asarray(ancestors.drop_null())
        for place in range(len(RANK_COLUMNS)):
            mine = ranks[found] == place
            holders[place, owners[mine]] = found[mine]
    own = np.flatnonzero(ranks >= 0)
    holders[ranks[own], own] = own
    lineage = {
        rank: names.take(pa.array(holders[place], mask=holders[place] < 0)) for place, rank in enumerate(RANK_COLUMNS)
    }
    return pa.table(
        {
            "taxon_id": taxa.column("taxon_id"),
            "name": names,
            "rank": c.text(taxa, "rank"),
            "active": c.text(taxa, "active"),
            **lineage,
        }
    )
