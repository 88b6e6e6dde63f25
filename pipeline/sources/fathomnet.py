"""FathomNet: images with bounding boxes in pixels of the original, one record per box.

A box is kept only as far as it lies in the image: cut at the edges, and refused when less than half of it is left.
Boxes and images that FathomNet itself rejected end here, and so do images without any box. Contributors' mail
addresses are not carried over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from pipeline.atomic import atomic_path
from pipeline.errors import SourceError
from pipeline.ids import ended_id, record_id
from pipeline.outcomes import Outcome
from pipeline.records import LOCATOR_COLUMNS
from pipeline.sources import columns as c
from pipeline.sources.archive import Archive, Member, open_archive
from pipeline.sources.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.boxes import MIN_VISIBLE, Boxes, floats
from pipeline.sources.fathomnet_flat import NATIVE_COLUMNS, flatten
from pipeline.sources.parquet_rows import cut_rows, malformed, read_rows

LICENCE = "CC-BY-NC-ND-4.0"
"""The licence of FathomNet's images, by its terms of use."""
_TABLE = "boxes"
_BYTES_PER_ROW = 512
_PAGE = "https://database.fathomnet.org/fathomnet/#/image/"


class FathomNet:
    """Reader of FathomNet JSON: the API's list of images or its pages, or a COCO export; plain or gzipped."""

    kind = "fathomnet"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the JSON files; raises SourceError when there are none."""
        archive = open_archive(Path(spec.path))
        members = _members(archive)
        if not members:
            raise SourceError(
                "there is no JSON file",
                where=spec.path,
                expected="a list of images, pages of the API, or a COCO export (.json or .json.gz)",
                remedy="name the file or folder as `path` of this source",
            )
        files = archive.files()
        if archive.kind == "folder":
            files = tuple(sorted(str((archive.path / member.stored_as).resolve()) for member in members))
        return Release(spec, spec.release or Path(spec.path).name.split(".")[0], files)

    def plan(self, release: Release, spool: Path, target_bytes: int = 32 << 20) -> Plan:
        """Flatten every file into a Parquet file in `spool`, and cut it into row ranges."""
        archive = open_archive(Path(release.spec.path))
        splits: list[Split] = []
        for member in _members(archive):
            flat = spool / f"{archive.identity(member)}.parquet"
            if not flat.exists():
                with atomic_path(flat) as temporary:
                    flatten(archive, member, temporary)
            splits += cut_rows(
                flat,
                table=_TABLE,
                origin=archive.origin(member),
                columns=NATIVE_COLUMNS,
                target_bytes=target_bytes,
                row_bytes=_BYTES_PER_ROW,
            )
        return Plan(tuple(splits))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of rows; elements that were no objects end as malformed_row."""
        table = read_rows(split)
        broken = pc.is_valid(table.column("malformed"))
        rows = table.filter(broken)
        raw = rows.column("malformed").combine_chunks()
        ended = malformed(rows, release.spec.name, _TABLE, ["NOT_AN_OBJECT"] * rows.num_rows, raw)
        return Native(table.filter(pc.invert(broken)).drop_columns(["malformed"]), ended)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Give one record per box, or say why there is none."""
        table = tables[_TABLE].combine_chunks()
        source = release.spec.name
        boxes, present = _boxes(table)
        ended = []
        left = np.ones(table.num_rows, dtype=bool)
        for outcome, mask, rule in _rules(table, boxes, present, local=bool(release.spec.media)):
            ends = left & mask
            left &= ~mask
            stopped = table.filter(pa.array(ends)), boxes.filter(ends), present[ends]
            ended.append(_ended(*stopped, source, outcome, rule))
        kept = table.filter(pa.array(left)), boxes.filter(left), present[left]
        return Mapped(_records(*kept, release), pa.concat_tables(ended), absorbed=0)


def _members(archive: Archive) -> list[Member]:
    if archive.kind in ("file", "gzip"):
        return list(archive.members)
    return [member for member in archive.members if member.base.lower().endswith((".json", ".json.gz"))]


def _boxes(table: pa.Table) -> tuple[Boxes, c.Mask]:
    """Give the boxes of native rows, and which rows have one at all."""
    stated = np.stack([floats(table, f"box_{name}") for name in ("x", "y", "width", "height")], axis=1)
    present = ~c.is_null(c.text(table, "box_uuid")) | np.any(
        [~c.is_null(c.text(table, f"box_{name}")) for name in ("concept", "x", "y", "width", "height")], axis=0
    )
    return Boxes.of(stated, floats(table, "image_width"), floats(table, "image_height")), present


def _rules(table: pa.Table, boxes: Boxes, present: c.Mask, *, local: bool) -> list[tuple[Outcome, c.Mask, str]]:
    """Give the reasons for which a row ends, in the order in which they are tried."""
    unaddressed = c.is_null(c.text(table, "image_url"))
    if local:
        unaddressed &= c.is_null(c.text(table, "image_file_name"))
    rejected = c.equals(table, "box_rejected", "true") | c.equals(table, "box_reviewState", "rejected")
    return [
        (Outcome.ID_MISSING, c.is_null(c.text(table, "image_uuid")), "the row has no image"),
        (Outcome.REJECTED_LABEL, c.equals(table, "image_valid", "false"), "the image is not valid"),
        (Outcome.REJECTED_LABEL, rejected, "the box is rejected"),
        (Outcome.NO_BOX, ~present, "the image has no box"),
        (Outcome.BAD_BOX, boxes.visible() < MIN_VISIBLE, "less than half of the box lies in the image"),
        (Outcome.NO_URL, unaddressed, "the image has no URL"),
    ]


def _box_ids(table: pa.Table, boxes: Boxes, present: c.Mask) -> list[str]:
    """Give the boxes' own ids; a box without one is named by its place, an image without box by nothing."""
    places = [",".join(repr(side) for side in box) for box in boxes.stated.tolist()]
    given = c.text(table, "box_uuid").to_pylist()
    return [(own or place) if there else "" for own, place, there in zip(given, places, present.tolist(), strict=True)]


def _ended(table: pa.Table, boxes: Boxes, present: c.Mask, source: str, outcome: Outcome, rule: str) -> pa.Table:
    images = c.text(table, "image_uuid").to_pylist()
    ids = []
    for image, box, content in zip(images, _box_ids(table, boxes, present), c.row_texts(table), strict=True):
        ids.append(record_id(source, image, image, box) if image else ended_id(source, _TABLE, content))
    sizes = zip(c.text(table, "image_width").to_pylist(), c.text(table, "image_height").to_pylist(), strict=True)
    evidence: list[dict[str, object]] = [{"rule": rule, "value": image or ""} for image in images]
    if outcome is Outcome.BAD_BOX:
        evidence = [
            {
                "rule": rule,
                "value": json.dumps(box).replace("NaN", "null"),
                "image": list(size),
                "threshold": MIN_VISIBLE,
            }
            for box, size in zip(boxes.stated.tolist(), sizes, strict=True)
        ]
    return c.ended_rows(table, source, outcome, ids, evidence)


def _records(table: pa.Table, boxes: Boxes, present: c.Mask, release: Release) -> pa.Table:
    rows, spec = table.num_rows, release.spec
    uuid, url = c.text(table, "image_uuid"), c.text(table, "image_url")
    keys = pc.binary_join_element_wise("fathomnet", uuid, ":")
    kinds, masks, _ = c.media_columns(_media_type(table), pa.nulls(rows, pa.string()), url)
    licence, licence_masks = c.licence_columns([("default", c.constant(spec.license or LICENCE, rows))], keys)
    lat, lon, position_masks = c.coordinates(c.text(table, "image_latitude"), c.text(table, "image_longitude"))
    concept = c.text(table, "box_concept")
    masks = {
        **masks,
        **licence_masks,
        **position_masks,
        "CATEGORY_NULL": c.is_null(concept),
        "BOX_CLIPPED": boxes.was_cut(),
        "GROUP_OF": ~c.is_null(c.text(table, "box_groupOf")) & ~c.equals(table, "box_groupOf", "false"),
        "OCCLUDED": c.equals(table, "box_occluded", "true"),
        "TRUNCATED": c.equals(table, "box_truncated", "true"),
    }
    path = _store_paths(table) if spec.media else pa.repeat(pa.scalar(""), rows)
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": uuid,
        "source_media_id": uuid,
        "box_id": pa.array(_box_ids(table, boxes, present), pa.string()),
        "occurrence_key": uuid,
        "media_url": pa.repeat(pa.scalar(""), rows) if spec.media else url,
        "media_path": path,
        "media_key": keys,
        **kinds,
        "media_width": c.pixels(table, "image_width"),
        "media_height": c.pixels(table, "image_height"),
        **boxes.columns(),
        **licence,
        "source_page": pc.binary_join_element_wise(_PAGE, uuid, ""),
        "scientific_name": concept,
        "basis_of_record": c.constant("MACHINE_OBSERVATION", rows),
        "image_category": c.constant("field", rows),
        "event_date": c.text(table, "image_timestamp"),
        "lat": lat,
        "lon": lon,
        "label_status": c.first_of(c.text(table, "box_reviewState"), _verified(table)),
        "issues": c.issue_lists(masks, rows),
        **{n: table.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)


def _media_type(table: pa.Table) -> pa.Array:
    return c.first_of(c.text(table, "image_mediaType"), c.constant("StillImage", table.num_rows))


def _verified(table: pa.Table) -> pa.Array:
    stated = c.text(table, "box_verified")
    return pc.if_else(pc.equal(stated, "true"), "VERIFIED", pc.if_else(pc.equal(stated, "false"), "UNVERIFIED", None))


def _store_paths(table: pa.Table) -> pa.Array:
    """Give the file of each image in a local store: its COCO file name, else its uuid and the URL's extension."""
    names = []
    for name, uuid, url in zip(
        *(c.text(table, f"image_{n}").to_pylist() for n in ("file_name", "uuid", "url")), strict=True
    ):
        suffix = PurePosixPath((url or "").split("?")[0]).suffix
        names.append(name or f"{uuid}{suffix or '.png'}")
    return pa.array(names, pa.string())
