"""Read a table of taxa in Parquet: the same columns as in text, and the same rules.

ITIS and others are passed on as Parquet in Darwin Core terms, with one row per taxon and vernacular name: rows that say
the same about a taxon in several languages are one usage and several vernacular names.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from taxonomy.errors import TaxonomyError
from taxonomy.readers.columns import choose, to_usages, vernaculars
from taxonomy.readers.delimited import NULLS, Table
from taxonomy.readers.layout import Layout, Member, slug
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxon_schema import USAGE_SCHEMA, VERNACULAR_SCHEMA, Checklist, Issues
from taxonomy.readers.vernacular import normalise_language

_BATCH = 50_000


def recognise(layout: Layout) -> Recognised | None:
    """Return how to read the first Parquet file with Darwin Core's columns of a taxon, or None when there is none."""
    for member in layout.others:
        if not member.name.casefold().endswith(".parquet"):
            continue
        table = Table(member.origin, member.open, header=tuple(_opened(member).schema_arrow.names))
        terms = table.terms()
        if {"taxonid", "scientificname"} <= terms.keys():
            columns = choose(terms)
            if "language" in terms:
                columns["language"] = terms["language"]
            return Recognised("Parquet", slug(layout.path), table, columns, core=member, read=_read)
    return None


def _opened(member: Member) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(member.open())
    except pa.ArrowInvalid as error:
        raise TaxonomyError(f"this is no Parquet file: {error}", member.origin, remedy="download it again") from error


def _batches(found: Recognised) -> Iterator[tuple[pa.Table, pa.Array]]:
    assert found.core is not None
    given = sorted(set(found.columns.values()))
    done = 0
    try:
        for batch in _opened(found.core).iter_batches(_BATCH, columns=given):
            table = pa.Table.from_batches([batch])
            columns = {}
            for meaning, name in found.columns.items():
                texts = (None if cell is None else str(cell).strip() for cell in table[name].to_pylist())
                columns[meaning] = pa.array([None if text in NULLS else text for text in texts], pa.string())
            yield pa.table(columns), pa.array(range(done + 1, done + batch.num_rows + 1), pa.int64())
            done += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise TaxonomyError(
            f"the file cannot be read on: {error}", f"{found.table.origin}, after row {done}"
        ) from error


def _read(found: Recognised) -> Checklist:
    issues = Issues()
    usages, names = [USAGE_SCHEMA.empty_table()], [VERNACULAR_SCHEMA.empty_table()]
    for batch, rows in _batches(found):
        usages.append(to_usages(batch, rows, found, issues))
        if "vernacular" in batch.column_names:
            names.append(_spoken(batch, found.prefix))
    table = pa.concat_tables(usages).combine_chunks()
    return Checklist(found.prefix, _once(table), pa.concat_tables(names), issues, (found.table.origin,))


def _spoken(batch: pa.Table, prefix: str) -> pa.Table:
    if "language" not in batch.column_names:
        return vernaculars(batch, prefix)
    parts = []
    for language in sorted({each or "" for each in batch["language"].to_pylist()}):
        mask = pa.array([(each or "") == language for each in batch["language"].to_pylist()])
        named = vernaculars(batch.filter(mask), prefix)
        code = pa.array([normalise_language(language or None)] * named.num_rows, pa.string())
        named = named.set_column(named.column_names.index("language"), VERNACULAR_SCHEMA.field("language"), code)
        parts.append(named)
    return pa.concat_tables(parts)


def _once(usages: pa.Table) -> pa.Table:
    """Leave out rows that repeat another one in everything but their place."""
    said = [name for name in USAGE_SCHEMA.names if name not in ("locator", "file")]
    grouped = usages.group_by(said, use_threads=False).aggregate([("locator", "min"), ("file", "min")])
    grouped = grouped.rename_columns([*grouped.column_names[: len(said)], "locator", "file"])
    return grouped.select(USAGE_SCHEMA.names).cast(USAGE_SCHEMA)
