"""Read one table of taxa with a known meaning of its columns: what all layouts share."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from taxonomy.readers.columns import OWN_PREFIX, canonical, qualify, same_as, to_usages, vernaculars
from taxonomy.readers.delimited import read_batches
from taxonomy.readers.layout import Member
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxon_schema import ALIAS_SCHEMA, USAGE_SCHEMA, VERNACULAR_SCHEMA, Checklist, Issues
from taxonomy.readers.vernacular import read_vernacular


def read_taxa(found: Recognised, side: Sequence[Member]) -> Checklist:
    """Read a recognised table, and the tables of vernacular names beside it."""
    issues = Issues()
    usages, names, aliases = [], [], [ALIAS_SCHEMA.empty_table()]
    numbered = "id" not in found.columns
    for batch, rows in read_batches(found.table, found.columns, issues):
        if numbered:
            # A species table without keys: its names are its keys.
            batch = batch.append_column("id", batch.column("name"))
        usages.append(to_usages(batch, rows, found, issues))
        if "original" in found.columns:
            usages.append(_originals(batch, rows, found.prefix))
        if "vernacular" in found.columns:
            names.append(vernaculars(batch, found.prefix))
        if "same" in found.columns:
            aliases.append(same_as(batch, found.prefix))
    names += [read_vernacular(member, found.prefix, issues) for member in side]
    return Checklist(
        found.prefix,
        pa.concat_tables(usages) if usages else USAGE_SCHEMA.empty_table(),
        pa.concat_tables(names) if names else VERNACULAR_SCHEMA.empty_table(),
        issues,
        (found.table.origin,),
        pa.concat_tables(aliases),
    )


def _originals(batch: pa.Table, rows: pa.Array, prefix: str) -> pa.Table:
    """Return the original combinations that differ from the current names, as synonyms."""
    found: list[dict[str, object]] = []
    columns = (batch.column(name).to_pylist() for name in ("id", "name", "original"))
    for key, name, original, row in zip(*columns, rows.to_pylist(), strict=True):
        if not key or not name or not original or OWN_PREFIX.match(original):
            continue
        text, author = canonical(original, "", "", "species")
        if " " in text and text != canonical(name.replace("_", " "), "", "", "species")[0]:
            accepted = qualify(prefix, key)
            found.append(
                {
                    "usage_id": f"{accepted}-original", "name": text, "authorship": author or None, "rank": "species",
                    "status": "synonym", "accepted_id": accepted, "source": prefix, "locator": row, "file": 0,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(found, schema=USAGE_SCHEMA)
