"""Read Open Tree taxonomies: taxonomy.tsv, synonyms.tsv and forwards.tsv, with tab, bar, tab between fields.

Source: https://github.com/OpenTreeOfLife/reference-taxonomy/wiki/Interim-taxonomy-file-format. `sourceinfo` says which
taxa of other sources a taxon is made of: these statements become aliases of the kind 'same'.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from taxonomy.readers.columns import qualify, same_as, to_usages
from taxonomy.readers.delimited import inspect, read_batches
from taxonomy.readers.layout import Layout, slug
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxon_schema import ALIAS_SCHEMA, VERNACULAR_SCHEMA, Checklist, Issues

_RANKS = {"no rank terminal": "unranked", "species group": "species aggregate", "species subgroup": "species aggregate"}
_COMMON = ("common name", "genbank common name")
_NO_NAMES = (*_COMMON, "blast name", "type material", "authority")
_RELEASE = re.compile(r"^(?:ott|open-?tree)[-0-9a-z]*$")


def recognise(layout: Layout) -> Recognised | None:
    """Return how to read the taxonomy, or None when there is no taxonomy.tsv in Open Tree's columns."""
    core = layout.member("taxonomy.tsv")
    if core is None:
        return None
    table = inspect(core.origin, core.open)
    if not {"uid", "parent_uid", "name", "rank"} <= set(table.header):
        return None
    columns = {"id": "uid", "parent": "parent_uid", "name": "name", "rank": "rank"}
    if "sourceinfo" in table.header:
        columns["same"] = "sourceinfo"
    parts = tuple(m for m in (layout.member("synonyms.tsv"), layout.member("forwards.tsv")) if m is not None)
    path = layout.path.parent if layout.path.name.casefold() == "taxonomy.tsv" else layout.path
    return Recognised("Open Tree", _prefix(path), table, columns, core=core, parts=parts, ranks=_RANKS, read=_read)


def _prefix(path: Path) -> str:
    name = slug(path)
    return "ott" if _RELEASE.match(name) else name


def _read(found: Recognised) -> Checklist:
    issues = Issues()
    files = (found.table.origin, *(part.origin for part in found.parts))
    usages, aliases = [], [ALIAS_SCHEMA.empty_table()]
    for batch, rows in read_batches(found.table, dict(found.columns), issues):
        usages.append(to_usages(batch, rows, found, issues))
        if "same" in batch.column_names:
            aliases.append(same_as(batch, found.prefix))
    vernacular = [VERNACULAR_SCHEMA.empty_table()]
    for place, part in enumerate(found.parts, start=1):
        table = inspect(part.origin, part.open)
        if part.name.casefold() == "forwards.tsv":
            aliases += [
                _replaced(batch, found.prefix)
                for batch, _ in read_batches(table, {"old": "id", "new": "replacement"}, issues)
            ]
            continue
        wanted: dict[str, str] = {name: name for name in ("name", "uid", "type") if name in table.header}
        for batch, rows in read_batches(table, wanted, issues):
            synonyms, common = _synonyms(batch, rows, found.prefix)
            vernacular.append(common)
            numbers = synonyms["row"].combine_chunks()
            usages.append(to_usages(synonyms, numbers, found, issues, file=place, origin=part.origin))
    return Checklist(
        found.prefix, pa.concat_tables(usages), pa.concat_tables(vernacular), issues, files, pa.concat_tables(aliases)
    )


def _replaced(batch: pa.Table, prefix: str) -> pa.Table:
    pairs = [(o, n) for o, n in zip(batch["old"].to_pylist(), batch["new"].to_pylist(), strict=True) if o and n]
    return pa.table(
        {
            "usage_id": [qualify(prefix, new) for _, new in pairs],
            "alias": [qualify(prefix, old) for old, _ in pairs],
            "kind": ["replaced"] * len(pairs),
        },
        schema=ALIAS_SCHEMA,
    )


def _synonyms(batch: pa.Table, rows: pa.Array, prefix: str) -> tuple[pa.Table, pa.Table]:
    """Return the synonyms (keyed by taxon and name, because the file has no keys) and the common names among them."""
    names, owners = batch["name"].to_pylist(), batch["uid"].to_pylist()
    types = batch["type"].to_pylist() if "type" in batch.column_names else [None] * len(names)
    every = [
        (name, owner, kind or "synonym", row)
        for name, owner, kind, row in zip(names, owners, types, rows.to_pylist(), strict=True)
        if name and owner
    ]
    kept = [each for each in every if each[2] not in _NO_NAMES]
    common = [each for each in every if each[2] in _COMMON]
    table = pa.table(
        {
            "id": pa.array([f"{owner}/{name}" for name, owner, _, _ in kept], pa.string()),
            "name": pa.array([each[0] for each in kept], pa.string()),
            "rank": pa.array(["unranked"] * len(kept), pa.string()),
            "status": pa.array([each[2] for each in kept], pa.string()),
            "accepted": pa.array([each[1] for each in kept], pa.string()),
            "row": pa.array([each[3] for each in kept], pa.int64()),
        }
    )
    spoken = pa.table(
        {
            "usage_id": [qualify(prefix, each[1]) for each in common],
            "vernacular_name": [each[0] for each in common],
            "language": ["eng"] * len(common),
            "preferred": [each[2] != "common name" for each in common],
            "source": [prefix] * len(common),
        },
        schema=VERNACULAR_SCHEMA,
    )
    return table, spoken
