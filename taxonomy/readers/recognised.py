"""A table whose layout is known: which column means what, and the rules that hold for its rows."""

from __future__ import annotations

from dataclasses import dataclass

from taxonomy.readers.delimited import Table

Meanings = dict[str, str]
"""Meaning of a column (a key of columns.TERMS) -> its name in the file."""


@dataclass(frozen=True)
class Recognised:
    """A table of taxa, and how to read it."""

    layout: str
    prefix: str
    table: Table
    columns: Meanings
    rank: str = "unranked"
    """Rank of rows that state none."""
    one_parent: bool = False
    """ColDP: the parent column holds the accepted usage of synonyms."""
