"""COCO Camera Traps: images, annotations and categories of one JSON document; one record per annotation.

An image without annotations becomes a record without a name, an annotation is a record of its own, in a box where it
has one. Boxes are in pixels or shares of the image; shares are turned into pixels where the document states the image's
size, else the record is of the whole image and says so. Images have no address of their own unless a member `url` or an
absolute `file_name` gives one: name the downloaded images as `media` of the source. A category's name is taken for a
scientific name when it has two words or more; a lone word such as 'agouti' is a vernacular name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from pipeline.model.errors import SourceError
from pipeline.sources.camera_traps import coco_map
from pipeline.sources.camera_traps.coco_flat import COLUMNS, flatten
from pipeline.sources.mapping.parquet_rows import cut_rows, malformed, read_rows
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split

BUCKET_BYTES = 32 << 20
"""Bytes of images and annotations that one bucket of the join may hold, on average."""
_ROW_BYTES = 256


class CocoCameraTraps:
    """Reader of one JSON document in the format COCO Camera Traps, plain, gzipped or in a zip."""

    kind = "coco-camera-traps"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the document; raises SourceError when there is none, or there are several."""
        archive = open_archive(Path(spec.path))
        member = _member(archive, spec)
        paths = archive.files({member.name})
        return Release(spec, spec.release or Path(member.base).name.split(".")[0], paths)

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Flatten the document into Parquet files in `spool`, and cut them into row ranges."""
        archive = open_archive(Path(release.spec.path))
        member = _member(archive, release.spec)
        targets = {name: spool / f"{archive.identity(member)}-{name}.parquet" for name in COLUMNS}
        categories = spool / coco_map.CATEGORIES
        if not all(path.exists() for path in (*targets.values(), categories)):
            flatten(archive, member, targets, categories)
        splits: list[Split] = []
        for name, path in targets.items():
            splits += cut_rows(
                path,
                table=name,
                origin=f"{archive.origin(member)}#{name}",
                columns=COLUMNS[name],
                target_bytes=target_bytes,
                row_bytes=_ROW_BYTES,
            )
        total = sum(split.rows for split in splits) * _ROW_BYTES
        return Plan(tuple(splits), join_key="image_id", buckets=max(1, math.ceil(total / BUCKET_BYTES)))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of rows; elements that were no objects end as malformed_row."""
        table = read_rows(split)
        broken = pc.is_valid(table.column("malformed"))
        rows = table.filter(broken)
        raw = rows.column("malformed").combine_chunks()
        ended = malformed(rows, release.spec.name, split.table, ["NOT_AN_OBJECT"] * rows.num_rows, raw)
        return Native(table.filter(pc.invert(broken)).drop_columns(["malformed"]), ended)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Join annotations to their images, and give one record per annotation or bare image."""
        return coco_map.map_bucket(tables, release)


def _member(archive: Archive, spec: SourceSpec) -> Member:
    found = [
        m for m in archive.members if archive.kind in ("file", "gzip") or m.base.lower().endswith((".json", ".json.gz"))
    ]
    if len(found) != 1:
        raise SourceError(
            f"{len(found)} JSON files could be the data set" if found else "there is no JSON file",
            where=spec.path,
            expected="one document in the format COCO Camera Traps",
            remedy="name the JSON file itself as `path` of this source",
        )
    return found[0]
