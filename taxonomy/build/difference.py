"""Find what changed between two built taxonomies, usage by usage."""

from __future__ import annotations

from importlib.resources import files
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
    script = files("taxonomy.build").joinpath("difference.sql").read_text(encoding="utf-8")
    with duckdb.connect(config={"memory_limit": f"{memory_mb}MB", "threads": 2}) as con:
        con.read_parquet(str(before / "usages.parquet")).create_view("old_usages")
        con.read_parquet(str(after / "usages.parquet")).create_view("new_usages")
        return con.sql(script, params={"kinds": list(KINDS)}).to_arrow_table().cast(DIFFERENCE_SCHEMA)
