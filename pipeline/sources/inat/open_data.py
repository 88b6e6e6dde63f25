"""iNaturalist open data: four tables as published every month, with photos joined to observations on observation_uuid.

The tables are tab separated without any quoting, whatever their name ends in (`photos.csv.gz`). Photos are addressed at
their original size (at most 2048 pixels a side) in the bucket `inaturalist-open-data`; with a local `media` store
they are looked up there at the bucket's own paths (`photos/ID/original.EXTENSION`). A photo_id is not unique: one photo
may illustrate several observations, which are several records of one medium. Licence codes have no version, which is
4.0 by iNaturalist's terms. Source: structure.sql of the repository inaturalist-open-data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from manifests.recipe import SourceSpec
from manifests.tables import Dialect, read_header
from pipeline.model.errors import SourceError
from pipeline.sources.inat import inat_map
from pipeline.sources.inat.inat_taxa import TAXON_COLUMNS, with_lineage
from pipeline.sources.mapping.side_tables import save, sorted_by_key
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile, cut_files, dialect_of, pack, unpack

BUCKET_BYTES = 32 << 20
"""Bytes of photos and observations that one bucket of the join may hold, on average."""
OBSERVER_COLUMNS = ("observer_id", "login", "name")
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "observations": inat_map.OBSERVATION_COLUMNS,
    "photos": inat_map.PHOTO_COLUMNS,
    "taxa": TAXON_COLUMNS,
    "observers": OBSERVER_COLUMNS,
}
_JOINED = ("observations", "photos")
_SIDES = ("taxa", "observers")
_REQUIRED = {"observations": ("observation_uuid", "taxon_id"), "photos": ("photo_id", "observation_uuid", "extension")}
_HEAD = 1 << 20


class InatOpenData:
    """Reader of iNaturalist's open data: a folder, tar or zip with observations, photos, taxa and observers."""

    kind = "inat-open-data"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the four tables; raises SourceError when one is missing, or lacks a column that the join needs."""
        archive = open_archive(Path(spec.path))
        files = [_table(archive, _member(archive, name), name) for name in _COLUMNS]
        paths = archive.files({file.member for file in files})
        name = Path(spec.path).resolve().name.split(".")[0]
        return Release(spec, spec.release or name, paths, facts={"files": pack(files)})

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Unpack and cut observations and photos; build the side tables of taxa and observers in `spool`."""
        archive = open_archive(Path(release.spec.path))
        files = unpack(release.facts["files"])
        for name in _SIDES:
            path = spool / f"{name}.arrow"
            if not path.exists():
                save(_side_table(archive, [file for file in files if file.table == name], spool, target_bytes), path)
        splits = cut_files(archive, [file for file in files if file.table in _JOINED], spool, target_bytes)
        total = sum(split.length for split in splits)
        return Plan(splits, join_key="observation_uuid", buckets=max(1, math.ceil(total / BUCKET_BYTES)))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of one table."""
        dialect = dialect_of(release.facts["files"], split.table)
        return delimited.parse(split, dialect, source=release.spec.name, wanted=_COLUMNS[split.table])

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Join photos to their observations, taxa and observers, and give one record per photo and observation."""
        return inat_map.map_bucket(tables, release)


def _member(archive: Archive, name: str) -> Member:
    found = [member for member in archive.members if member.base.lower().split(".")[0] == name]
    if len(found) != 1:
        raise SourceError(
            f"{len(found)} files could be the table {name}" if found else f"there is no table {name}",
            where=str(archive.path),
            expected="one file each of " + ", ".join(f"{table}.csv.gz" for table in _COLUMNS),
            remedy="name the folder, tar or zip with the four tables of one month as `path` of this source",
        )
    return found[0]


def _table(archive: Archive, member: Member, name: str) -> TextFile:
    dialect = Dialect("\t")
    header = read_header(archive.head(member, _HEAD), dialect)
    missing = [column for column in _REQUIRED.get(name, _COLUMNS[name]) if column not in header.columns]
    if missing:
        raise SourceError(
            f"the table {name} has no column {missing[0]}",
            where=archive.origin(member),
            expected=", ".join(_COLUMNS[name]) + ", separated by tabs",
            remedy="use the tables of iNaturalist's open data as they are published",
        )
    return TextFile(name, member.name, header.start, header.columns, dialect)


def _side_table(archive: Archive, files: list[TextFile], spool: Path, target_bytes: int) -> pa.Table:
    (file,) = files
    wanted = _COLUMNS[file.table]
    empty = pa.schema([pa.field(name, pa.string()) for name in wanted]).empty_table()
    parts = [
        delimited.parse(split, file.dialect, source="", wanted=wanted).table.select(list(wanted))
        for split in cut_files(archive, files, spool, target_bytes)
    ]
    table = pa.concat_tables([empty, *parts]).combine_chunks()
    return with_lineage(table) if file.table == "taxa" else sorted_by_key(table, "observer_id")
