"""Camtrap DP: media, observations and deployments of a data package; one record per observation of a medium.

Media and observations are joined within their deployment. An observation of a medium is a record. An observation of a
whole event labels those media of the event that have no observation of their own, one record per medium, and says so;
where an event's observations disagree, its media stay without a name. Boxes are shares of the image there; they become
pixels where the medium's EXIF data state its size, else the record is of the whole image. Files that lie in the package
itself are read when the package is named as `media` of the source too. Source: https://camtrap-dp.tdwg.org (1.0), and
its predecessor 0.1, in which sequences took the place of events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from manifests.recipe import SourceSpec
from pipeline.sources.camera_traps import camtrap_map
from pipeline.sources.camera_traps.camtrap_package import (
    MAX_WORDS,
    TAXON_COLUMNS,
    contributor,
    descriptor_of,
    media_licence,
    tables_of,
    taxa_of,
)
from pipeline.sources.mapping.json_cells import cell
from pipeline.sources.mapping.side_tables import save
from pipeline.sources.release.archive import Archive, open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile, cut_files, dialect_of, pack, unpack

BUCKET_BYTES = 32 << 20
"""Bytes of media and observations that one bucket of the join may hold, on average; a deployment is never parted."""
_JOINED = ("media", "observations")
_COLUMNS = {"media": camtrap_map.MEDIA_COLUMNS, "observations": camtrap_map.OBSERVATION_COLUMNS}


class CamtrapDp:
    """Reader of Camtrap DP packages: a folder or zip with datapackage.json."""

    kind = "camtrap-dp"

    def inspect(self, spec: SourceSpec) -> Release:
        """Read the descriptor; raises SourceError when it, a table, or a column for the join is missing."""
        archive = open_archive(Path(spec.path))
        member, package = descriptor_of(archive)
        files = tables_of(archive, member, package)
        paths = archive.files({member.name, *(file.member for file in files)})
        identifier = cell(package.get("id")) or cell(package.get("name")) or Path(spec.path).resolve().stem
        identifier, version = identifier[:MAX_WORDS], (cell(package.get("version")) or "")[:MAX_WORDS]
        return Release(
            spec,
            spec.release or (f"{identifier} {version}" if version else identifier),
            paths,
            license=media_licence(package),
            facts={
                "files": pack(files),
                "package": identifier,
                "holder": contributor(package, "rightsHolder"),
                "publisher": contributor(package, "publisher"),
            },
        )

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Unpack and cut media and observations; write deployments and the list of taxa as side tables to `spool`."""
        archive = open_archive(Path(release.spec.path))
        files = unpack(release.facts["files"])
        _, package = descriptor_of(archive)
        taxa = pa.schema([pa.field(name, pa.string()) for name in TAXON_COLUMNS])
        save(pa.Table.from_pylist(taxa_of(package), schema=taxa), spool / camtrap_map.TAXA)
        deployments = [file for file in files if file.table == "deployments"]
        save(_deployments(archive, deployments, spool, target_bytes), spool / camtrap_map.DEPLOYMENTS)
        splits = cut_files(archive, [file for file in files if file.table in _JOINED], spool, target_bytes)
        total = sum(split.length for split in splits)
        return Plan(splits, join_key="deploymentID", buckets=max(1, math.ceil(total / BUCKET_BYTES)))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of one table."""
        dialect = dialect_of(release.facts["files"], split.table)
        return delimited.parse(split, dialect, source=release.spec.name, wanted=_COLUMNS[split.table])

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Join observations to media, and give one record per observation of a medium."""
        return camtrap_map.map_bucket(tables, release)


def _deployments(archive: Archive, files: list[TextFile], spool: Path, target_bytes: int) -> pa.Table:
    wanted = camtrap_map.DEPLOYMENT_COLUMNS
    empty = pa.schema([pa.field(name, pa.string()) for name in wanted]).empty_table()
    parts = [
        delimited.parse(split, files[0].dialect, source="", wanted=wanted).table.select(list(wanted))
        for split in cut_files(archive, files, spool, target_bytes)
    ]
    return pa.concat_tables([empty, *parts]).sort_by([(name, "ascending") for name in wanted]).combine_chunks()
