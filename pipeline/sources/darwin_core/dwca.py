"""Any Darwin Core Archive with media: iDigBio's and other publishers', whatever their core, headers and packing.

The core and its media extensions (Simple Multimedia, Audubon Core, EOL Document) are read into the columns of GBIF's
interpreted tables and mapped as those are; a term that a publisher spells otherwise is found by its last part, in the
descriptor or in a prefixed header.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from manifests.recipe import SourceSpec
from manifests.tables import Dialect
from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core import dwca_terms, gbif_map
from pipeline.sources.darwin_core.dwca_encoding import choose_encoding
from pipeline.sources.darwin_core.dwca_layout import DwcaLayout, DwcaTable, read_layout
from pipeline.sources.darwin_core.eml import EML_BYTES, release_name, rights
from pipeline.sources.darwin_core.gbif import BUCKET_BYTES, input_files
from pipeline.sources.release.archive import open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile, pack, unpack
from pipeline.storage.files.atomic import atomic_path

ENCODINGS = "encodings.json"
"""File in the spool: the encoding that every file was found to be in, by origin."""


class Dwca:
    """Reader of Darwin Core Archives with a media extension."""

    kind = "dwca"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the core and the tables of media, the release's name and its licence.

        Raises SourceError when the archive is damaged, or no table of it holds media that belong to its core.
        """
        layout = read_layout(Path(spec.path))
        files: list[TextFile] = []
        keys: dict[str, dict[str, object]] = {}
        for name, table in _roles(layout, spec):
            members = {member.name: member for member in layout.archive.members}
            for file in table.files:
                files.append(TextFile(name, file.member, file.start, file.columns, file.dialect))
                origin = layout.archive.origin(members[file.member])
                keys[origin] = {"id": table.id_column, "defaults": dict(table.defaults)}
        head = layout.archive.head(layout.metadata, EML_BYTES) if layout.metadata else b""
        return Release(
            spec=spec,
            release=spec.release or release_name(head, Path(spec.path)),
            files=input_files(layout.archive, files, *layout.described_by),
            license=rights(head),
            facts={
                "files": pack(files),
                "keys": json.dumps(keys, sort_keys=True),
                "id_name": "core id",
            },
        )

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Unpack and cut the tables, and note in `spool` which encoding each file is really in."""
        archive = open_archive(Path(release.spec.path))
        members = {member.name: member for member in archive.members}
        splits: list[Split] = []
        encodings: dict[str, str] = {}
        for file in unpack(release.facts["files"]):
            path, origin = archive.readable(members[file.member], spool), archive.origin(members[file.member])
            dialect = choose_encoding(path, file.dialect)
            encodings[origin] = dialect.encoding
            splits += delimited.cut(
                path,
                dialect,
                table=file.table,
                origin=origin,
                columns=file.columns,
                start=file.start,
                target_bytes=target_bytes,
            )
        with atomic_path(spool / ENCODINGS) as temporary:
            temporary.write_text(json.dumps(encodings, sort_keys=True), encoding="utf-8")
        total = sum(split.length for split in splits)
        return Plan(tuple(splits), join_key="gbifID", buckets=max(1, math.ceil(total / BUCKET_BYTES)))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of one table, its terms brought under the names that the mapping knows."""
        key = json.loads(release.facts["keys"])[split.origin]
        terms = dwca_terms.OCCURRENCE if split.table == "occurrence" else dwca_terms.MEDIA
        wanted = [key["id"], *dwca_terms.columns_for(terms, split.columns)]
        native = delimited.parse(split, _dialect(split, release), source=release.spec.name, wanted=wanted)
        return Native(dwca_terms.unified(native.table, key["id"], key["defaults"], terms), native.ended)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Join media to the core, and give one record per medium."""
        return gbif_map.map_bucket(tables, release)


def _roles(layout: DwcaLayout, spec: SourceSpec) -> list[tuple[str, DwcaTable]]:
    """Return the core as 'occurrence' and every table of media as 'multimedia'; each has a column of the core's id."""
    media = [table for table in layout.tables if table.holds_media and not table.core and table.files]
    if not media:
        found = ", ".join(table.row_type for table in layout.tables if not table.core) or "no extension"
        raise SourceError(
            "the archive has no table of media",
            where=spec.path,
            expected=f"an extension with accessURI or identifier, such as Multimedia; found {found}",
            remedy="ask the publisher for an archive with the Simple Multimedia or Audubon Core extension",
        )
    roles = [("occurrence", layout.core), *(("multimedia", table) for table in media)]
    for _, table in roles:
        if not table.id_column:
            raise SourceError(
                f"the {table.row_type} table has no column with the core's id",
                where=spec.path,
                expected="<id> in the core and <coreid> in the extension, with the index of a column that is there",
                remedy="correct meta.xml, or ask the publisher for a whole archive",
            )
    return roles


def _dialect(split: Split, release: Release) -> Dialect:
    archive = Path(release.spec.path).name
    stated = next(f for f in unpack(release.facts["files"]) if split.origin in (f.member, f"{archive}!{f.member}"))
    dialect = stated.dialect
    spool = release.facts.get("spool")
    if spool is None or not (Path(spool) / ENCODINGS).exists():
        return dialect
    encoding = _encodings(str(Path(spool) / ENCODINGS), (Path(spool) / ENCODINGS).stat().st_mtime_ns)[split.origin]
    return Dialect(dialect.delimiter, dialect.quoted, encoding, dialect.newline, dialect.quote)


@lru_cache(maxsize=4)
def _encodings(path: str, changed: int) -> dict[str, str]:
    found: dict[str, str] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found
