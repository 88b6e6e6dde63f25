"""Recognise Catalogue of Life data packages: NameUsage.tsv of ColDP (https://github.com/CatalogueOfLife/coldp).

`parentID` is the parent of an accepted usage and the accepted usage of a synonym, told apart by `status`.
"""

from __future__ import annotations

from pathlib import Path

from taxonomy.readers.columns import choose
from taxonomy.readers.delimited import Table
from taxonomy.readers.recognised import Recognised


def recognise(table: Table, path: Path) -> Recognised | None:
    """Return how to read the table, or None when it is no ColDP NameUsage table."""
    terms = table.terms()
    if not {"id", "parentid", "status", "scientificname", "rank"} <= terms.keys():
        return None
    return Recognised("ColDP", "col", table, choose(terms), one_parent=True)
