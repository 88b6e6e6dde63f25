"""What both BIOSCAN releases share: one metadata table, found by its name, and one picture of every specimen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from manifests.tables import Dialect, read_header
from pipeline.model.errors import SourceError
from pipeline.model.records import LOCATOR_COLUMNS
from pipeline.sources.mapping import columns as c
from pipeline.sources.release.archive import open_archive
from pipeline.sources.release.base import Native, Plan, Release, Split
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile, cut_files, dialect_of, pack, unpack

HOLDER = "Centre for Biodiversity Genomics"
PAGE = "http://www.boldsystems.org/index.php/Public_RecordView?processid="
# What may be part of a path: a processid or split with any other character is no such thing.
SAFE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._\-]*$"
_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class MetadataLayout:
    """How a release writes its metadata."""

    dialect: Dialect
    suffixes: tuple[str, ...]
    columns: tuple[str, ...]
    required: tuple[str, ...]
    example: str
    """Name under which it is published."""
    remedy: str
    """What to do about a table that lacks a required column."""


class BioscanMetadata:
    """Reading of the metadata table that a release is: found by its name, cut, and parsed; mapping is the release's."""

    layout: ClassVar[MetadataLayout]
    wanted: ClassVar[tuple[str, ...]]
    """Columns that are read."""

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the table in a file, archive or folder; raises SourceError when there is none, or a column lacks."""
        archive = open_archive(Path(spec.path))
        single = archive.kind in ("file", "gzip")
        tables = [m for m in archive.members if single or m.base.lower().endswith(self.layout.suffixes)]
        tables = [m for m in tables if "metadata" in m.base.lower()] or tables
        kind = self.layout.suffixes[0].removeprefix(".").upper()
        if len(tables) != 1:
            raise SourceError(
                f"{len(tables)} tables could be the metadata" if tables else "there is no metadata table",
                where=spec.path,
                expected=f"one {kind}, such as {self.layout.example}",
                remedy=f"name the metadata {kind} itself as `path` of this source",
            )
        member = tables[0]
        header = read_header(archive.head(member, _HEAD), self.layout.dialect)
        missing = [name for name in self.layout.required if name not in header.columns]
        if missing:
            raise SourceError(
                f"the metadata has no column {missing[0]}",
                where=archive.origin(member),
                expected=", ".join(self.layout.columns),
                remedy=self.layout.remedy,
            )
        file = TextFile("metadata", member.name, header.start, header.columns, self.layout.dialect)
        name = spec.release or Path(member.base).name.split(".")[0]
        return Release(spec, name, archive.files({member.name}), facts={"files": pack([file])})

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Cut the metadata, unpacking it into `spool` where it is packed."""
        archive = open_archive(Path(release.spec.path))
        return Plan(cut_files(archive, unpack(release.facts["files"]), spool, target_bytes))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of the metadata."""
        dialect = dialect_of(release.facts["files"], split.table)
        return delimited.parse(split, dialect, source=release.spec.name, wanted=self.wanted)


def specimen_keys(processid: pa.Array) -> pa.Array:
    """Return the media key of a specimen's picture, which is the same in both releases."""
    return pc.binary_join_element_wise("bioscan", processid, ":")


def specimen_columns(table: pa.Table, processid: pa.Array, release: Release) -> dict[str, pa.Array]:
    """Return the columns of a record that both releases fill alike."""
    rows = table.num_rows
    return {
        "source": c.constant(release.spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": processid,
        "source_media_id": processid,
        "box_id": pa.repeat(pa.scalar(""), rows),
        "occurrence_key": processid,
        "media_url": pa.repeat(pa.scalar(""), rows),
        "media_key": specimen_keys(processid),
        "media_type": c.constant("StillImage", rows),
        "media_format": c.constant("image/jpeg", rows),
        "source_page": pc.binary_join_element_wise(PAGE, processid, ""),
        "kingdom": c.constant("Animalia", rows),
        "basis_of_record": c.constant("PRESERVED_SPECIMEN", rows),
        "image_category": c.constant("lab", rows),
        **{name: table.column(name).combine_chunks() for name in LOCATOR_COLUMNS},
    }


def named(table: pa.Table, column: str) -> pa.Array:
    """Return a column's values; `not_classified` is how the 1M release says that there is none."""
    values = c.text(table, column)
    return pc.if_else(pc.equal(values, "not_classified"), None, values)


def lowest_name(names: Mapping[str, pa.Array]) -> tuple[pa.Array, pa.Array]:
    """Return the first name that there is, and its rank; `names` are by rank, the lowest first."""
    rank = pa.nulls(len(next(iter(names.values()))), pa.string())
    for label, values in names.items():
        rank = pc.if_else(pc.and_(pc.is_null(rank), pc.is_valid(values)), label, rank)
    return c.first_of(*names.values()), rank


def bin_id(bin_uri: pa.Array) -> pa.Array:
    """Return the taxon id of a barcode index number, which is mostly written with its space already."""
    bare = pc.replace_substring_regex(bin_uri, r"^BOLD:", "")
    return pc.binary_join_element_wise("bold", bare, ":")
