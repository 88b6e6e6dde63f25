"""What every reader gives: usages and vernacular names as Arrow tables, and what was odd, counted.

A usage is one row of a published taxonomy: a name, and what that taxonomy says about it. Ids are strings that begin
with the prefix of their source (`gbif:2435099`), so that taxonomies can be united without a clash.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

USAGE_SCHEMA = pa.schema(
    [
        pa.field("usage_id", pa.string(), nullable=False),
        pa.field("other_id", pa.string()),  # a second key of the same usage, such as the EOL page
        pa.field("name", pa.string()),  # canonical name, or the string itself for OTUs and viruses
        pa.field("authorship", pa.string()),
        pa.field("rank", pa.string()),  # of the vocabulary in taxonomy.names.ranks; 'unranked' when none is stated
        pa.field("status", pa.string()),  # of the vocabulary in taxonomy.names.taxonomic_status
        pa.field("parent_id", pa.string()),
        pa.field("accepted_id", pa.string()),  # null for accepted usages
        pa.field("kingdom", pa.string()),
        pa.field("phylum", pa.string()),
        pa.field("class", pa.string()),
        pa.field("order", pa.string()),
        pa.field("family", pa.string()),
        pa.field("genus", pa.string()),
        pa.field("species", pa.string()),
        pa.field("source", pa.string()),  # prefix of the source
        pa.field("locator", pa.int64()),  # row of the source's file, from 1, headers not counted
        pa.field("file", pa.int16()),  # which of the source's files that is: a place in Checklist.files
    ]
)
"""One usage as its source gives it; the classification is as given, and null where the source links parents instead."""

VERNACULAR_SCHEMA = pa.schema(
    [
        pa.field("usage_id", pa.string(), nullable=False),
        pa.field("vernacular_name", pa.string(), nullable=False),
        pa.field("language", pa.string()),  # ISO 639-3, or as given
        pa.field("preferred", pa.bool_()),
        pa.field("source", pa.string()),
    ]
)

ALIAS_SCHEMA = pa.schema(
    [
        pa.field("usage_id", pa.string(), nullable=False),
        pa.field("alias", pa.string(), nullable=False),  # with the prefix of the source that gave it
        pa.field("kind", pa.string(), nullable=False),  # 'replaced': an older id; 'same': what another source calls it
    ]
)
"""Further ids of usages: those that a source replaced, and its statements about other sources' taxa."""


@dataclass
class Issues:
    """Oddities of a source, counted by kind, each with the smallest few examples: the same in any order of rows."""

    KEEP = 3
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, example: str, count: int = 1) -> None:
        """Count an oddity.

        >>> issues = Issues()
        >>> issues.add("cycle", "b"); issues.add("cycle", "a")
        >>> issues.counts, issues.examples
        ({'cycle': 2}, {'cycle': ['a', 'b']})
        """
        self.counts[kind] = self.counts.get(kind, 0) + count
        kept = self.examples.setdefault(kind, [])
        kept.append(example)
        kept.sort()
        del kept[self.KEEP :]

    def add_all(self, kind: str, examples: list[str]) -> None:
        """Count several oddities of one kind."""
        for example in examples:
            self.add(kind, example)


@dataclass(frozen=True)
class Checklist:
    """One source, read: USAGE_SCHEMA, VERNACULAR_SCHEMA, and what was odd about its rows."""

    source: str
    """Prefix of its ids."""
    usages: pa.Table
    vernacular: pa.Table
    issues: Issues
    files: tuple[str, ...] = ()
    """What errors call the files that `locator` counts rows of."""
    aliases: pa.Table = field(default_factory=ALIAS_SCHEMA.empty_table)
    """ALIAS_SCHEMA."""
