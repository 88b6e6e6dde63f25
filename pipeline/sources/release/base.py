"""The contract of a source: inspect, plan, read, map.

    inspect(spec)                 -> Release   what is this release (files, columns, licence, version); no full read
    plan(release, spool)          -> Plan      splits cut from the input, never from the worker count
    read(split)                   -> Native    one split as a table of strings with locators, and the rows that broke
    map(tables, release)          -> Mapped    pure: native tables -> canonical records and ended rows

Everything here pickles, because a split travels to a worker. `map` gets all native rows of one bucket, by table name;
a source that joins no tables has one bucket per split. Every native table carries LOCATOR columns beside its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from manifests.recipe import SourceSpec

LOCATOR_FIELDS = (
    pa.field("locator_file", pa.string()),
    pa.field("locator_row", pa.int64()),
    pa.field("locator_offset", pa.int64()),
)


@dataclass(frozen=True, slots=True)
class Release:
    """What `inspect` found: enough to plan and to map, and small enough to travel."""

    spec: SourceSpec
    release: str
    """Name of the release, from the recipe or the files."""
    files: tuple[str, ...]
    """Every input file of the release (absolute paths), whose digests go into the run's manifest."""
    license: str = ""
    """Dataset-level licence, verbatim; used when neither the medium nor the record states one."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the source needs to remember between inspect, plan and map (such as the path of a side table)."""


@dataclass(frozen=True, slots=True)
class Split:
    """One unit of reading: a byte or row range of one table of one release."""

    table: str
    """Name of the native table ('occurrence', 'multimedia', 'manifest', ...)."""
    path: str
    """The readable file: the original, or a copy spooled from an archive."""
    origin: str
    """What locators call the file: its name in the release, with ! before a zip member."""
    start: int
    length: int
    """Byte range (text tables), cut at row ends; or row range (tables spooled as Parquet)."""
    first_row: int
    """Number of the first row of the range, from 1, headers not counted."""
    rows: int
    """Rows in the range, counted independently of the parser: the conservation law starts here."""
    columns: tuple[str, ...] = ()
    """Header of the text table, in file order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The work of one release."""

    splits: tuple[Split, ...]
    join_key: str = ""
    """Column by which the native tables are brought together; empty: each split is mapped by itself."""
    buckets: int = 1
    """Number of hash buckets of the join key; a function of the input's size."""


@dataclass(frozen=True, slots=True)
class Native:
    """One split, read: string columns plus LOCATOR_FIELDS; and the rows that could not be read (ENDED_SCHEMA)."""

    table: pa.Table
    ended: pa.Table


@dataclass(frozen=True, slots=True)
class Mapped:
    """One bucket, mapped. `rows in = records + ended + absorbed` holds for every bucket."""

    records: pa.Table
    """RECORD_SCHEMA; `name_id` may be left null, the ingest stage fills it."""
    ended: pa.Table
    """ENDED_SCHEMA: rows that end here, each with its outcome."""
    absorbed: int
    """Native rows that became part of other rows (an occurrence joined to its media)."""


class Source(Protocol):
    """A reader of one provider's published layout."""

    kind: str

    def inspect(self, spec: SourceSpec) -> Release:
        """Return what the release is; raise SourceError, with a remedy, when it cannot be read."""
        ...

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Cut the release into splits, spooling archive members to `spool` where they cannot be read in place."""
        ...

    def read(self, split: Split, release: Release) -> Native:
        """Read one split."""
        ...

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Turn the native rows of one bucket into records and ended rows; pure."""
        ...
