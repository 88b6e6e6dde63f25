"""A table whose layout is known: which column means what, and the rules that hold for its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from taxonomy.readers.delimited import Table
from taxonomy.readers.layout import Member
from taxonomy.readers.taxon_schema import Checklist

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
    core: Member | None = None
    """The file of the table."""
    parts: tuple[Member, ...] = ()
    """Further tables that this layout needs, the core not among them."""
    ranks: Mapping[str, str] = field(default_factory=dict)
    """Ranks in the layout's own words (lower case) -> ranks of the vocabulary."""
    read: Callable[[Recognised], Checklist] | None = None
    """Reads layouts of several tables; None: the table alone is read as its columns say."""

    @property
    def files(self) -> tuple[Member, ...]:
        """The files that are read, the table's own first."""
        return ((self.core,) if self.core else ()) + self.parts
