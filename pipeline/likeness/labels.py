"""Lowered labels: the resolved name of a record whose label gave way to the lowest taxon that several labels share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline.model.ids import make_id
from pipeline.model.records import RANK_COLUMNS
from taxonomy import RESOLVED_SCHEMA

LOWERED = "LOWERED_TO_SHARED_TAXON"
"""The issue that a lowered name carries."""


def lowered_name(name: Mapping[str, Any], rank: int) -> dict[str, Any]:
    """Return the RESOLVED_SCHEMA row of a name cut at the rank of that place in RANK_COLUMNS, under a name_id of its
    own.

    >>> name = {"name_id": "n", "genus": "Puma", "genus_id": "bm:Puma", "species": "Puma concolor", "issues": None}
    >>> cut = lowered_name(name, RANK_COLUMNS.index("genus"))
    >>> cut["accepted_name"], cut["accepted_rank"], cut["species"], cut["issues"]
    ('Puma', 'genus', None, ['LOWERED_TO_SHARED_TAXON'])
    """
    column = RANK_COLUMNS[rank]
    below: dict[str, None] = {}
    for lower in RANK_COLUMNS[rank + 1 :]:
        below |= {lower: None, f"{lower}_id": None}
    return {
        **name,
        **below,
        "name_id": lowered_id(str(name["name_id"]), str(name[f"{column}_id"])),
        "accepted_id": name[f"{column}_id"],
        "accepted_name": name[column],
        "accepted_rank": column,
        "vernacular_name": None,
        "vernacular_language": None,
        "issues": sorted({*(name["issues"] or ()), LOWERED}),
    }


def lowered_id(name_id: str, taxon: str) -> str:
    """Return the name_id of a name that is cut at the rank of a taxon above it."""
    return make_id("lowered", name_id, taxon)


def lowered_names(names: pa.Table, wanted: Mapping[str, set[int]]) -> pa.Table:
    """Return the lowered rows of some names, sorted by name_id: `wanted` maps name_id to the ranks it is cut at."""
    rows = [lowered_name(row, rank) for row in names.to_pylist() for rank in sorted(wanted.get(row["name_id"], ()))]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["name_id"])), RESOLVED_SCHEMA)
