"""BioTrove (Arboretum): Parquet files of iNaturalist photos with their names; one record per row.

The files state no licence and no observation: the licence is the recipe's (`license` of the source) or unknown, and
every photo stands for itself. The column `species` holds the epithet alone. Source: Yang et al. 2024, BioTrove.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome
from pipeline.model.records import LOCATOR_COLUMNS, NAME_COLUMNS, RANK_COLUMNS
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.endings import Ending, Keys, end_rows
from pipeline.sources.mapping.parquet_rows import cut_rows, opened, read_rows, readable, sound_rows
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split

COLUMNS = ("photo_id", "scientificName", *RANK_COLUMNS, "common_name", "photo_url")
_TABLE = "photos"
_ROW_BYTES = 256
_PHOTO_ID = r"^[1-9][0-9]{0,17}$"
_PHOTO_PAGE = "https://www.inaturalist.org/photos/"


class BioTrove:
    """Reader of BioTrove's metadata: one Parquet file, or a folder or archive of them."""

    kind = "biotrove"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the files; raises SourceError when there are none, or one lacks a column or is no Parquet file."""
        archive = open_archive(Path(spec.path))
        members = _members(archive)
        if not members:
            raise SourceError(
                "there is no Parquet file",
                where=spec.path,
                expected="the metadata of BioTrove: one or more .parquet files",
                remedy="name the file or folder as `path` of this source",
            )
        if archive.kind in ("folder", "file"):
            for member in members:
                _check(archive.readable(member, Path(spec.path)), archive.origin(member))
        paths = archive.files({member.name for member in members})
        return Release(spec, spec.release or Path(spec.path).name.split(".")[0], paths)

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Cut every file into row ranges, unpacking into `spool` what lies in an archive."""
        archive = open_archive(Path(release.spec.path))
        splits: list[Split] = []
        for member in _members(archive):
            path, origin = archive.readable(member, spool), archive.origin(member)
            _check(path, origin)
            splits += cut_rows(
                path, table=_TABLE, origin=origin, columns=COLUMNS, target_bytes=target_bytes, row_bytes=_ROW_BYTES
            )
        return Plan(tuple(splits))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of rows as text."""
        return sound_rows(read_rows(split), release.spec.name, _TABLE)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Return one record per photo; rows without a photo number or an address end here."""
        table = tables[_TABLE].combine_chunks()
        photo_id = c.text(table, "photo_id")
        numbered = c.contains(photo_id, _PHOTO_ID)
        endings = [
            Ending(Outcome.ID_MISSING, ~numbered, "the row has no photo number", photo_id),
            Ending(Outcome.NO_URL, c.is_null(c.text(table, "photo_url")), "the row has no address", photo_id),
        ]
        key = pc.if_else(pa.array(numbered), photo_id, None)
        left, ended = end_rows(table, endings, Keys(key, key), release.spec.name, _TABLE)
        return Mapped(_records(table.filter(pa.array(left)), release), ended, absorbed=0)


def _members(archive: Archive) -> list[Member]:
    if archive.kind == "file":
        return list(archive.members)
    return [member for member in archive.members if member.base.lower().endswith(".parquet")]


def _check(path: Path, where: str) -> None:
    with opened(path, where) as file:
        schema = file.schema_arrow
    missing = [name for name in COLUMNS if name not in schema.names]
    if missing or not all(readable(schema.field(name).type) for name in COLUMNS):
        raise SourceError(
            f"the file has no column {missing[0]}" if missing else "a column holds neither text nor numbers",
            where=where,
            expected=", ".join(COLUMNS),
            remedy="use the metadata of BioTrove as it is published",
        )


def _records(table: pa.Table, release: Release) -> pa.Table:
    rows, spec = table.num_rows, release.spec
    photo_id, url = c.text(table, "photo_id"), c.text(table, "photo_url")
    keys = pc.binary_join_element_wise("inat", photo_id, ":")
    name = c.text(table, "scientificName")
    kinds, masks, _ = c.media_columns(c.constant("StillImage", rows), pa.nulls(rows, pa.string()), url)
    licence, licence_masks = c.licence_columns([("default", c.constant(spec.license, rows))], keys)
    empty = pa.repeat(pa.scalar(""), rows)
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": photo_id,
        "source_media_id": photo_id,
        "box_id": empty,
        "occurrence_key": photo_id,
        "publisher": c.constant("iNaturalist", rows),
        "media_url": url,
        "media_path": empty,
        "media_key": keys,
        **kinds,
        **licence,
        "source_page": pc.binary_join_element_wise(_PHOTO_PAGE, photo_id, ""),
        "scientific_name": name,
        **{rank: c.text(table, rank) for rank in NAME_COLUMNS if rank in RANK_COLUMNS},
        "species": c.binomials(c.text(table, "genus"), c.text(table, "species")),
        "vernacular_name": c.text(table, "common_name"),
        "basis_of_record": c.constant("HUMAN_OBSERVATION", rows),
        "image_category": c.constant("citizen", rows),
        "issues": c.issue_lists({**masks, **licence_masks, "NAME_EMPTY": c.is_null(name)}, rows),
        **{n: table.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)
