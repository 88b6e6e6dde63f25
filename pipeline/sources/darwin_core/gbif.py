"""GBIF downloads in Darwin Core Archive format: occurrence.txt and multimedia.txt, joined on gbifID.

Only this format of GBIF carries media URLs. Text is tab separated without any quoting, columns are read by name, and
keys are never read as numbers, because column order and key types have changed over the years.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.recipe import SourceSpec
from manifests.tables import Dialect, read_header, unique_names
from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core import gbif_map
from pipeline.sources.darwin_core.dwca_meta import TableMeta, local_name, read_meta
from pipeline.sources.darwin_core.eml import EML_BYTES, release_name, rights
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.release.release_note import RELEASE_NOTE, read_release_note
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile, cut_files, dialect_of, pack, unpack
from pipeline.storage.files.atomic import atomic_path

BUCKET_BYTES = 32 << 20
"""Bytes of both tables that one bucket of the join may hold, on average."""
_HEAD = 4 << 20
_META_BYTES = 16 << 20
_DEFAULTS = {"occurrence": ("Occurrence", "occurrence.txt"), "multimedia": ("Multimedia", "multimedia.txt")}


class GbifDwca:
    """Reader of GBIF's DWCA downloads: a zip, or the folder it was unpacked to."""

    kind = "gbif-dwca"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the tables and their columns, the download's name and its licence.

        Raises SourceError when the archive is damaged, holds no occurrence or no multimedia table, or lacks a gbifID.
        """
        archive = open_archive(Path(spec.path))
        meta_member = _find(archive, "meta.xml")
        folder = PurePosixPath(meta_member.name).parent if meta_member else None
        described: dict[str, TableMeta] = {}
        if meta_member:
            data = archive.head(meta_member, _META_BYTES)
            for table in read_meta(data, f"{spec.path}!{meta_member.name}").tables:
                for name, (row_type, _) in _DEFAULTS.items():
                    if table.row_type == row_type and table.locations and _is_interpreted(name, table):
                        described.setdefault(name, table)
        files: list[TextFile] = []
        for name, (_, default) in _DEFAULTS.items():
            meta = described.get(name)
            for location in meta.locations if meta else (default,):
                member = _find(archive, location, folder)
                if member is None:
                    raise _missing(name, location, spec)
                files.append(_layout(archive, member, name, meta))
        eml = _find(archive, "metadata.xml")
        head = archive.head(eml, EML_BYTES) if eml else b""
        note = read_release_note(Path(spec.path))
        noted = (str(Path(spec.path).resolve().parent / RELEASE_NOTE),) if note and archive.kind != "folder" else ()
        return Release(
            spec=spec,
            release=spec.release or (note.name if note else "") or release_name(head, Path(spec.path)),
            files=(*input_files(archive, files, meta_member, eml), *noted),
            license=rights(head),
            facts={"files": pack(files), "checklist": note.checklist if note else ""},
        )

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Unpack the tables into `spool` where they lie in a zip, and cut them; note the datasets' licences."""
        archive = open_archive(Path(release.spec.path))
        splits = cut_files(archive, unpack(release.facts["files"]), spool, target_bytes)
        _write_dataset_licences(archive, spool / gbif_map.DATASETS)
        total = sum(split.length for split in splits)
        return Plan(splits, join_key="gbifID", buckets=max(1, math.ceil(total / BUCKET_BYTES)))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of one table; only the columns that the mapping needs are converted."""
        dialect = dialect_of(release.facts["files"], split.table)
        wanted = gbif_map.OCCURRENCE_COLUMNS if split.table == "occurrence" else gbif_map.MULTIMEDIA_COLUMNS
        return delimited.parse(split, dialect, source=release.spec.name, wanted=wanted)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Join media to their occurrences, and give one record per medium."""
        return gbif_map.map_bucket(tables, release)


def _is_interpreted(name: str, table: TableMeta) -> bool:
    # verbatim.txt has the row type Occurrence too; the interpreted table is named occurrence.
    return name != "occurrence" or not any("verbatim" in location.lower() for location in table.locations)


def _find(archive: Archive, name: str, folder: PurePosixPath | None = None) -> Member | None:
    """Find a member by path, else by its last part, whatever the case and folder; the shallowest one wins."""
    wanted = PurePosixPath(name.replace("\\", "/"))
    if folder is not None:
        exact = str(folder / wanted)
        for member in archive.members:
            if member.name == exact:
                return member
    found = [member for member in archive.members if member.base.lower() == wanted.name.lower()]
    return min(found, key=lambda member: (member.name.count("/"), member.name), default=None)


def _missing(name: str, location: str, spec: SourceSpec) -> SourceError:
    remedies = {
        "multimedia": "ask GBIF for the download in the format DWCA: no other format carries media URLs",
        "occurrence": "check that this is a GBIF download in the format DWCA, and whole",
    }
    return SourceError(
        f"the archive has no {name} table",
        where=spec.path,
        expected=f"{location}, as meta.xml or GBIF's layout names it",
        remedy=remedies[name],
    )


def _layout(archive: Archive, member: Member, table: str, meta: TableMeta | None) -> TextFile:
    head = archive.head(member, _HEAD)
    dialect = Dialect()
    if meta:
        with delimited.as_source_error():
            dialect = Dialect(meta.delimiter, meta.quoted, meta.encoding, meta.newline, meta.quote)
    newline = "\r" if b"\n" not in head and b"\r" in head else "\n"
    dialect = Dialect(dialect.delimiter, dialect.quoted, dialect.encoding, newline, dialect.quote)
    lines = meta.header_lines if meta else 1
    header = read_header(head, dialect, lines)
    named = meta.columns() if meta else ()
    names = [local_name(name) for name in header.columns] if lines else list(named)
    if "gbifID" not in names and meta and 0 <= meta.id_index < len(names):
        names[meta.id_index] = "gbifID"
    if "gbifID" not in names:
        raise SourceError(
            f"the {table} table has no column gbifID",
            where=archive.origin(member),
            expected="a header with gbifID, or a meta.xml that names the columns",
            remedy="use a GBIF download in the format DWCA",
        )
    return TextFile(table, member.name, header.start, unique_names(names), dialect)


def _write_dataset_licences(archive: Archive, path: Path) -> None:
    found = [m for m in archive.members if PurePosixPath(m.name).parent.name == "dataset" and m.base.endswith(".xml")]
    rows = []
    for member, head in zip(found, archive.heads(found, EML_BYTES), strict=True):
        if licence := rights(head):
            rows.append({"dataset_key": PurePosixPath(member.name).stem.lower(), "license": licence})
    rows.sort(key=lambda row: (row["dataset_key"], row["license"]))
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=gbif_map.DATASET_SCHEMA), temporary)


def input_files(archive: Archive, files: Sequence[TextFile], *others: Member | None) -> tuple[str, ...]:
    """Return the absolute paths of what a release is read from: the archive, or its tables and documents."""
    names = {file.member for file in files} | {member.name for member in others if member}
    names |= {member.name for member in archive.members if PurePosixPath(member.name).parent.name == "dataset"}
    return archive.files(names)
