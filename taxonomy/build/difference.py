"""Find what changed between two built taxonomies, usage by usage."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from taxonomy.build.index import read_manifest

KINDS = ("added", "removed", "new_id", "renamed", "rank", "status", "accepted", "moved")
"""Kinds of change. 'new_id': a name and rank that one usage of a kingdom bears in both, under another id."""
DIFFERENCE_SCHEMA = pa.schema(
    [
        pa.field("change", pa.string(), nullable=False),
        pa.field("usage_id", pa.string(), nullable=False),
        pa.field("name", pa.string()),  # after the change, or before it when the usage was removed
        pa.field("before", pa.string()),
        pa.field("after", pa.string()),
    ]
)
"""`before` and `after`: status for added and removed ones, the id, name, rank, status, accepted or parent name."""

_SIDE = """
CREATE TEMP TABLE {side} AS
SELECT u.usage_id, u.canonical_name AS name, u.rank, u.status, coalesce(u.kingdom, '') AS kingdom,
       a.canonical_name AS accepted_name, p.canonical_name AS parent_name
FROM read_parquet($path) u
LEFT JOIN read_parquet($path) a ON a.usage_id = u.accepted_id
LEFT JOIN read_parquet($path) p ON p.usage_id = u.parent_id
"""
_LOST = """
CREATE TEMP TABLE gone AS SELECT * FROM old ANTI JOIN new USING (usage_id);
CREATE TEMP TABLE come AS SELECT * FROM new ANTI JOIN old USING (usage_id);
CREATE TEMP TABLE passed_on AS
SELECT min(g.usage_id) AS old_id, min(c.usage_id) AS new_id, g.name, count(*) AS pairs
FROM gone g JOIN come c USING (name, rank, kingdom) GROUP BY g.name, g.rank, g.kingdom HAVING pairs = 1;
"""
_CHANGES = """
SELECT 'added' AS change, usage_id, name, NULL AS before, status AS after FROM come
WHERE usage_id NOT IN (SELECT new_id FROM passed_on)
UNION ALL SELECT 'removed', usage_id, name, status, NULL FROM gone
WHERE usage_id NOT IN (SELECT old_id FROM passed_on)
UNION ALL SELECT 'new_id', new_id, name, old_id, new_id FROM passed_on
"""
_COMPARED = {
    "renamed": "name", "rank": "rank", "status": "status", "accepted": "accepted_name", "moved": "parent_name"
}  # fmt: skip


def diff_taxonomies(before: Path, after: Path, memory_mb: int = 1024) -> pa.Table:
    """Return every difference between two built taxonomies (DIFFERENCE_SCHEMA), by kind and id.

    `memory_mb`: what the comparison may use before it spills to disk. Raises TaxonomyError when a folder is no index.

    >>> import tempfile
    >>> from taxonomy import build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> diff_taxonomies(folder, folder).num_rows
    0
    """
    for folder in (before, after):
        read_manifest(folder)
    compared = [
        f"UNION ALL SELECT '{kind}', usage_id, n.name, o.{column}, n.{column} FROM old o JOIN new n USING (usage_id) "
        f"WHERE o.{column} IS DISTINCT FROM n.{column}"
        for kind, column in _COMPARED.items()
    ]
    order = " ".join(f"WHEN '{kind}' THEN {place}" for place, kind in enumerate(KINDS))
    with duckdb.connect(config={"memory_limit": f"{memory_mb}MB", "threads": 2}) as con:
        con.execute(_SIDE.format(side="old"), {"path": str(before / "usages.parquet")})
        con.execute(_SIDE.format(side="new"), {"path": str(after / "usages.parquet")})
        con.execute(_LOST)
        query = f"SELECT * FROM ({_CHANGES} {' '.join(compared)}) ORDER BY CASE change {order} END, usage_id"
        return con.sql(query).to_arrow_table().cast(DIFFERENCE_SCHEMA)
