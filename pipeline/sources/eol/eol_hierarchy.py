"""EOL's Dynamic Hierarchy as a side table: for every page its name, authorship, rank and classification.

Both published layouts are read by column name: taxon.tab (2022, authorship inside scientificName) and taxon.tsv (2.x).
The parent walk is one numpy gather per level for all taxa together.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from manifests.tables import Dialect, read_header
from pipeline.model.errors import SourceError
from pipeline.model.records import RANK_COLUMNS
from pipeline.sources.mapping import columns as c
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.text import delimited
from pipeline.storage.files.atomic import atomic_path

PAGE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("page_id", "scientific_name", "name_authorship", "rank_verbatim", *RANK_COLUMNS)]
)
MAX_DEPTH = 250
"""Levels that the parent walk goes up: deeper than any hierarchy, so that a circle of parents ends too."""
MAX_MALFORMED_SHARE = 0.01
_COLUMNS = (
    *("taxonID", "acceptedNameUsageID", "parentNameUsageID", "scientificName", "canonicalName"),
    *("scientificNameAuthorship", "taxonRank", "eolID"),
)
REQUIRED = ("taxonID", "parentNameUsageID", "taxonRank", "eolID")
"""Columns without which a table of taxa is no hierarchy."""
_TABS = Dialect()
_HEAD = 1 << 20
_ROW_GROUP = 100_000

Index = NDArray[np.int64]


def find_taxa(path: Path) -> tuple[Archive, Member]:
    """Find the taxon table of a hierarchy: a zip, a folder or the table itself; raises SourceError when absent."""
    archive = open_archive(path)
    if archive.kind in ("file", "gzip"):
        return archive, archive.members[0]
    names = ("taxon.tab", "taxon.tsv", "taxa.tsv", "taxa.txt", "taxon.txt")
    found = [member for member in archive.members if member.base.lower() in names]
    if not found:
        raise SourceError(
            "the Dynamic Hierarchy has no taxon table",
            where=str(path),
            expected="taxon.tab or taxon.tsv",
            remedy="name the hierarchy's zip, folder or table as `hierarchy` of this source",
        )
    return archive, min(found, key=lambda member: (member.name.count("/"), member.name))


def build_pages(path: Path, spool: Path, target: Path) -> None:
    """Write the side table, sorted by page id, one row per page; raises SourceError when columns are missing."""
    archive, member = find_taxa(path)
    header = read_header(archive.head(member, _HEAD), _TABS)
    missing = [name for name in REQUIRED if name not in header.columns]
    if missing:
        raise SourceError(
            f"the taxon table has no column {missing[0]}",
            where=archive.origin(member),
            expected=", ".join(_COLUMNS),
            remedy="use EOL's published Dynamic Hierarchy, version 2022-04 or later",
        )
    splits = delimited.cut(
        archive.readable(member, spool),
        _TABS,
        table="taxon",
        origin=archive.origin(member),
        columns=header.columns,
        start=header.start,
        target_bytes=32 << 20,
    )
    natives = [delimited.parse(split, _TABS, source="hierarchy", wanted=_COLUMNS) for split in splits]
    malformed = sum(native.ended.num_rows for native in natives)
    if malformed > MAX_MALFORMED_SHARE * max(1, sum(split.rows for split in splits)):
        raise SourceError(
            f"{malformed} rows of the taxon table are malformed",
            where=archive.origin(member),
            expected=f"at most {MAX_MALFORMED_SHARE:.0%}",
            remedy="fetch the hierarchy again",
        )
    schema = pa.schema([pa.field(name, pa.string()) for name in _COLUMNS])
    tables = [native.table.select(list(_COLUMNS)) for native in natives]
    pages = pages_of(pa.concat_tables(tables) if tables else schema.empty_table())
    with atomic_path(target) as temporary:
        pq.write_table(pages, temporary, row_group_size=_ROW_GROUP)


def pages_of(taxa: pa.Table) -> pa.Table:
    """Return one row per page of a taxon table.

    A synonym that has a page keeps its own name and takes its accepted taxon's classification. Where several rows have
    the same page, the accepted one with the smallest taxonID stands for it. Of a rank that occurs twice in a lineage,
    the taxon nearest to the page is taken.

    >>> taxa = pa.table({"taxonID": ["1", "2"], "parentNameUsageID": [None, "1"], "taxonRank": ["genus", "species"],
    ...                  "canonicalName": ["Puma", "Puma concolor"], "eolID": [None, "7"]})
    >>> pages_of(taxa).select(["page_id", "scientific_name", "genus"]).to_pylist()
    [{'page_id': '7', 'scientific_name': 'Puma concolor', 'genus': 'Puma'}]
    """
    ids = c.text(taxa, "taxonID")
    accepted = _index(c.text(taxa, "acceptedNameUsageID"), ids)
    parent = _index(c.text(taxa, "parentNameUsageID"), ids)
    rows = np.arange(taxa.num_rows)
    synonym = (accepted >= 0) & (accepted != rows)
    scientific = c.text(taxa, "scientificName")
    name = c.first_of(c.text(taxa, "canonicalName"), scientific)
    authorship = c.first_of(c.text(taxa, "scientificNameAuthorship"), _authorship(scientific, name))
    rank = c.text(taxa, "taxonRank")

    page_id = c.text(taxa, "eolID")
    with_page = np.flatnonzero(~c.is_null(page_id))
    order = pa.table({"page": page_id, "synonym": pa.array(synonym), "id": ids}).take(pa.array(with_page))
    chosen = with_page[np.asarray(pc.sort_indices(order, [(key, "ascending") for key in ("page", "synonym", "id")]))]
    pages = np.asarray(page_id.take(pa.array(chosen)).to_pylist(), dtype=object)
    first = np.ones(len(pages), dtype=bool)
    first[1:] = pages[1:] != pages[:-1]
    chosen = chosen[first]

    lineage = _walk(np.where(synonym[chosen], accepted[chosen], chosen), parent, rank)
    take = pa.array(chosen, pa.int64())
    columns = [page_id.take(take), name.take(take), authorship.take(take), rank.take(take)]
    for ancestors in lineage:
        columns.append(name.take(pa.array(ancestors, pa.int64(), mask=ancestors < 0)))
    return pa.Table.from_arrays(columns, schema=PAGE_SCHEMA)


def look_up(path: Path, page_ids: pa.Array) -> pa.Table:
    """Return the side table's rows for page ids, in their order; all null where a page is unknown.

    Reads the side table batch by batch, so that memory depends on the page ids asked for and not on the hierarchy.
    """
    wanted = pc.unique(page_ids.drop_null())
    found = [PAGE_SCHEMA.empty_table()]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROW_GROUP):
            kept = batch.filter(pc.is_in(batch.column("page_id"), value_set=wanted))
            if kept.num_rows:
                found.append(pa.Table.from_batches([kept]).cast(PAGE_SCHEMA))
    known = pa.concat_tables(found).combine_chunks()
    return known.take(pc.index_in(page_ids, value_set=known.column("page_id").combine_chunks()))


def _index(values: pa.Array, ids: pa.Array) -> Index:
    return np.asarray(pc.fill_null(pc.index_in(values, value_set=ids, skip_nulls=True), -1)).astype(np.int64)


def _authorship(scientific: pa.Array, name: pa.Array) -> pa.Array:
    """Return what follows the canonical name in a scientific name that begins with it."""
    authors = [
        full[len(short) :].strip() if full and short and full.startswith(f"{short} ") else None
        for full, short in zip(scientific.to_pylist(), name.to_pylist(), strict=True)
    ]
    return pa.array(authors, pa.string())


def _walk(start: Index, parent: Index, rank: pa.Array) -> list[Index]:
    """Return, for each rank, the row of the nearest ancestor (or the taxon itself) of that rank; -1 where none."""
    ranks = pc.index_in(pc.utf8_lower(rank), value_set=pa.array(RANK_COLUMNS))
    code = np.append(np.asarray(pc.fill_null(ranks, -1)).astype(np.int64), -1)
    up = np.append(parent, -1)  # row -1, above the roots, is its own parent
    found = [np.full(len(start), -1, dtype=np.int64) for _ in RANK_COLUMNS]
    current = start.astype(np.int64)
    for _ in range(MAX_DEPTH):
        if not (current >= 0).any():
            break
        for number, ancestors in enumerate(found):
            here = (code[current] == number) & (ancestors < 0)
            ancestors[here] = current[here]
        current = up[current]
    return found
