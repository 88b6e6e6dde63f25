"""Recognise species tables: one row per species, with the higher ranks as columns and no links between rows.

Such as the category list of iNat21, the Mammal Diversity Database (whose original combinations become synonyms), or the
label list of a data set. The higher taxa are made from the columns when the taxonomy is built.
"""

from __future__ import annotations

from pathlib import Path

from taxonomy.names.ranks import SEVEN
from taxonomy.readers.columns import choose
from taxonomy.readers.delimited import Table
from taxonomy.readers.layout import slug
from taxonomy.readers.recognised import Recognised


def recognise(table: Table, path: Path) -> Recognised | None:
    """Return how to read the table, or None when it is no species table."""
    columns = choose(table.terms())
    higher = columns.keys() & set(SEVEN[:-1])
    if "name" not in columns or len(higher) < 2 or columns.keys() & {"parent", "accepted"}:
        return None
    if columns.get("species") == columns["name"]:
        del columns["species"]
    return Recognised("species table", slug(path), table, columns, rank="species")
