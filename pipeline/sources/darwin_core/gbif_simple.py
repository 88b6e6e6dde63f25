"""GBIF tables without media: SIMPLE_CSV, SIMPLE_PARQUET and the monthly snapshot, counted to plan what to ask for.

They say that a record has images, but not where, so no record can be made of them. What they are good for is to count
before asking, and to name the very records for which a download in the format DWCA, which has the media, is wanted.
Source: GBIF's download formats; the snapshot writes column names in lower case and lists as lists.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from manifests.tables import Dialect, read_header, unique_names
from pipeline.model.errors import ConservationError, SourceError
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.parquet_rows import opened
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.text import delimited

COLUMNS = ("gbifID", "datasetKey", "basisOfRecord", "license", "mediaType", "kingdom", "occurrenceStatus")
COUNTED = ("basisOfRecord", "license", "mediaType", "kingdom")
MAX_WANTED = 2_000_000
"""Most records that are named one by one: twenty downloads of 100,000."""
_HEAD = 4 << 20
_BATCH = 65_536
_MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are worth asking for; an empty tuple allows every value."""

    media_type: str = "StillImage"
    licences: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    kingdoms: tuple[str, ...] = ()


@dataclass(slots=True)
class SimpleCounts:
    """What is in the tables: rows by value of each counted column, and the records that are wanted."""

    rows: int = 0
    """Rows as counted in the bytes or in the Parquet footers."""
    malformed: int = 0
    """Rows that could not be read; `rows` = read + malformed."""
    wanted: int = 0
    by: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})
    """A row of several media types counts for each of them; '' stands for no value."""
    wanted_by: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})
    datasets: Counter[str] = field(default_factory=Counter)
    """Wanted rows by datasetKey."""
    ids: set[str] = field(default_factory=set)
    """gbifIDs of wanted rows; empty when there are more than MAX_WANTED."""
    ids_complete: bool = True


def count_simple(path: Path, want: Wanted | None = None) -> SimpleCounts:
    """Count the tables of a SIMPLE_CSV or SIMPLE_PARQUET download or a snapshot: a zip, a folder or a single file.

    Memory: one batch of rows, and the gbifIDs of at most MAX_WANTED wanted rows. A zip's members are unpacked to a
    temporary folder one at a time. Raises SourceError when there is no table, or when one lacks a column.
    """
    want, counts = want or Wanted(), SimpleCounts()
    archive = open_archive(path)
    tables = 0
    with tempfile.TemporaryDirectory(prefix="biomill-") as spool:
        for member in archive.members:
            parquet = archive.head(member, len(_MAGIC)) == _MAGIC
            if not parquet and PurePosixPath(member.base.lower().removesuffix(".gz")).suffix not in (".csv", ".txt"):
                continue
            file = archive.readable(member, Path(spool))
            read = _parquet(file, archive.origin(member), counts) if parquet else _text(archive, member, file, counts)
            for table in read:
                _count(table, want, counts)
            tables += 1
            if file.is_relative_to(spool):
                file.unlink()
    if not tables:
        raise SourceError(
            "there is no table",
            where=str(path),
            expected="a GBIF download of format SIMPLE_CSV or SIMPLE_PARQUET, or a snapshot's occurrence.parquet",
        )
    read_rows = counts.by["basisOfRecord"].total()
    if read_rows + counts.malformed != counts.rows:
        raise ConservationError(
            f"{counts.rows:,} rows in, {read_rows:,} counted, {counts.malformed:,} malformed", where=str(path)
        )
    return counts


def _text(archive: Archive, member: Member, file: Path, counts: SimpleCounts) -> Iterator[pa.Table]:
    origin, dialect = archive.origin(member), Dialect()
    header = read_header(archive.head(member, _HEAD), dialect)
    names = unique_names(header.columns)
    _require(list(names), origin)
    for split in delimited.cut(
        file, dialect, table="simple", origin=origin, columns=names, start=header.start, target_bytes=32 << 20
    ):
        native = delimited.parse(split, dialect, source="gbif", wanted=COLUMNS)
        counts.rows += split.rows
        counts.malformed += native.ended.num_rows
        yield native.table


def _parquet(file: Path, origin: str, counts: SimpleCounts) -> Iterator[pa.Table]:
    with opened(file, origin) as parquet:
        present = _require(parquet.schema_arrow.names, origin)
        counts.rows += parquet.metadata.num_rows
        for batch in parquet.iter_batches(_BATCH, columns=[present[name] for name in COLUMNS], use_threads=False):
            yield pa.table({name: _as_text(batch.column(present[name])) for name in COLUMNS})


def _require(names: list[str], origin: str) -> dict[str, str]:
    """Return the file's own spelling of every column; raises SourceError when one is missing."""
    spelled = {name.lower(): name for name in reversed(names)}
    missing = [name for name in COLUMNS if name.lower() not in spelled]
    if missing:
        remedy = "name a SIMPLE_CSV or SIMPLE_PARQUET download, or a snapshot"
        raise SourceError(f"the table has no {', '.join(missing)}", where=origin, remedy=remedy)
    return {name: spelled[name.lower()] for name in COLUMNS}


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        if pa.types.is_struct(values.type.value_type):
            # Some writers wrap each element in a record of one field.
            inner = pc.struct_field(values.flatten(), [0])
            lengths = pc.fill_null(pc.list_value_length(values), 0).to_pylist()
            texts = iter(inner.cast(pa.string()).to_pylist())
            return pa.array([";".join(next(texts) or "" for _ in range(n)) for n in lengths], pa.string())
        return pc.binary_join(values.cast(pa.list_(pa.string())), ";")
    return values.cast(pa.string())


def _count(table: pa.Table, want: Wanted, counts: SimpleCounts) -> None:
    cells = {name: c.text(table, name) for name in COLUMNS}
    media = pc.fill_null(cells["mediaType"], "")
    keep = pc.match_substring_regex(media, f"(^|;){re.escape(want.media_type)}(;|$)")
    # A record that states no status is a presence: GBIF fills the column for all others.
    keep = pc.and_(keep, pc.not_equal(pc.fill_null(pc.utf8_upper(cells["occurrenceStatus"]), "PRESENT"), "ABSENT"))
    for name, allowed in (("license", want.licences), ("basisOfRecord", want.bases), ("kingdom", want.kingdoms)):
        if allowed:
            keep = pc.and_(keep, pc.is_in(cells[name], value_set=pa.array(allowed, pa.string())))
    for name in COUNTED:
        values = pc.fill_null(cells[name], "")
        _add(counts.by[name], values, several=name == "mediaType")
        _add(counts.wanted_by[name], values.filter(keep), several=name == "mediaType")
    _add(counts.datasets, pc.fill_null(cells["datasetKey"], "").filter(keep), several=False)
    ids = cells["gbifID"].filter(keep)
    counts.wanted += len(ids)
    if counts.ids_complete:
        counts.ids.update(ids.drop_null().to_pylist())
        if len(counts.ids) > MAX_WANTED:
            counts.ids.clear()
            counts.ids_complete = False


def _add(counter: Counter[str], values: pa.Array, *, several: bool) -> None:
    for row in pc.value_counts(values).to_pylist():
        for value in sorted(set(row["values"].split(";"))) if several else [row["values"]]:
            counter[value] += row["counts"]
