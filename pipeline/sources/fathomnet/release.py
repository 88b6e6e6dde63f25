"""FathomNet: images with bounding boxes in pixels of the original, one record per box.

A box is kept only as far as it lies in the image: cut at the edges, and refused when less than half of it is left.
Boxes and images that FathomNet itself rejected end here, and so do images without any box, concepts that name no
organism, and boxes that state another box of the same concept again. Contributors' mail addresses are not carried over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.recipe import SourceSpec
from pipeline.model.errors import SourceError
from pipeline.model.ids import ended_id, record_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, LOCATOR_COLUMNS
from pipeline.sources.fathomnet.fathomnet_boxes import SAME_BOX, Boxes, same_boxes
from pipeline.sources.fathomnet.fathomnet_concepts import non_organism
from pipeline.sources.fathomnet.fathomnet_flat import FLAT_SCHEMA, NATIVE_COLUMNS, flatten
from pipeline.sources.fathomnet.fathomnet_tables import Tables, find_tables, flatten_tables
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping import vocabulary_columns as words
from pipeline.sources.mapping.event_dates import event_columns
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.release.base import LOCATOR_FIELDS, Mapped, Native, Plan, Release, Split
from pipeline.storage.files.atomic import atomic_path

LICENCE = "CC-BY-NC-ND-4.0"
"""The licence of FathomNet's images, by its terms of use."""
MIN_VISIBLE = 0.5
"""Share of a box's area that must lie in the image."""
_TABLE = "boxes"
_BYTES_PER_ROW = 512
_PAGE = "https://database.fathomnet.org/fathomnet/#/image/"
_BUCKET_ROWS = 65_536


class FathomNet:
    """Reader of FathomNet: the API's list of images or its pages, a COCO export, or the tables of a dump."""

    kind = "fathomnet"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the JSON files, or else the tables; raises SourceError when there are none."""
        archive = open_archive(Path(spec.path))
        members = _members(archive)
        tables = None if members else find_tables(archive)
        if tables:
            members = [tables.images, *tables.boxes]
        if not members:
            raise SourceError(
                "there is no JSON file",
                where=spec.path,
                expected="a list of images, pages of the API, a COCO export (.json or .json.gz), or a dump's tables",
                remedy="name the file or folder as `path` of this source",
            )
        files = archive.files({member.name for member in members})
        return Release(spec, spec.release or Path(spec.path).name.split(".")[0], files)

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Flatten every file into a Parquet file in `spool`, and cut it into row ranges.

        Rows are brought together by image, because boxes of one image are compared with each other.
        """
        archive = open_archive(Path(release.spec.path))
        per_split = max(1, target_bytes // _BYTES_PER_ROW)
        splits: list[Split] = []
        members = _members(archive)
        tables = None if members else find_tables(archive)
        flats = (
            _spool_tables(archive, tables, spool) if tables else [(m, _spool_json(archive, m, spool)) for m in members]
        )
        for member, flat in flats:
            total = pq.read_metadata(flat).num_rows
            for start in range(0, total, per_split):
                rows = min(per_split, total - start)
                origin = archive.origin(member)
                splits.append(Split(_TABLE, str(flat), origin, start, rows, start + 1, rows, NATIVE_COLUMNS))
        buckets = max(1, math.ceil(sum(split.rows for split in splits) / _BUCKET_ROWS))
        return Plan(tuple(splits), join_key="image_uuid", buckets=buckets)

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of rows; elements that were no objects end as malformed_row."""
        table = _read_range(split)
        counted = pa.array(np.arange(split.rows) + split.first_row, pa.int64())
        numbers = pc.coalesce(c.text(table, "source_row").cast(pa.int64()), counted)
        offsets = pa.repeat(pa.scalar(-1, pa.int64()), split.rows)  # JSON elements have no row offsets
        for field, values in zip(LOCATOR_FIELDS, (c.constant(split.origin, split.rows), numbers, offsets), strict=True):
            table = table.append_column(field, values)
        broken = pc.is_valid(table.column("malformed"))
        ended = _malformed(table.filter(broken), release.spec.name)
        return Native(table.filter(pc.invert(broken)).drop_columns(["malformed", "code", "source_row"]), ended)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Return one record per box, or say why there is none."""
        table = tables[_TABLE].combine_chunks()
        source = release.spec.name
        boxes = Boxes.of(table)
        ended = []
        left = np.ones(table.num_rows, dtype=bool)
        for outcome, mask, rule in _rules(table, boxes, local=bool(release.spec.media)):
            ends = left & mask
            left &= ~mask
            ended.append(_ended(table.filter(pa.array(ends)), boxes.filter(ends), source, outcome, rule))
        table, boxes = table.filter(pa.array(left)), boxes.filter(left)
        stays, merged = _merged(table, boxes, source)
        records = _records(table.filter(pa.array(stays)), boxes.filter(stays), release)
        return Mapped(records, pa.concat_tables([*ended, merged]), absorbed=0)


def _members(archive: Archive) -> list[Member]:
    if archive.kind in ("file", "gzip"):
        return list(archive.members)
    return [member for member in archive.members if member.base.lower().endswith((".json", ".json.gz"))]


def _spool_json(archive: Archive, member: Member, spool: Path) -> Path:
    flat = spool / f"{archive.identity(member)}.parquet"
    if not flat.exists():
        with atomic_path(flat) as temporary:
            flatten(archive, member, temporary)
    return flat


def _spool_tables(archive: Archive, tables: Tables, spool: Path) -> list[tuple[Member, Path]]:
    members = [*tables.boxes, tables.images]
    flats = [spool / f"{archive.identity(member)}.parquet" for member in members]
    if not all(flat.exists() for flat in flats):
        for (_, rows), flat in zip(flatten_tables(archive, tables, spool), flats, strict=True):
            with atomic_path(flat) as temporary, pq.ParquetWriter(temporary, FLAT_SCHEMA) as writer:
                for batch in rows:
                    writer.write_table(batch)
    return list(zip(members, flats, strict=True))


def _read_range(split: Split) -> pa.Table:
    with pq.ParquetFile(split.path) as file:
        ends = np.cumsum([file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)])
        first = int(np.searchsorted(ends, split.start, side="right"))
        last = int(np.searchsorted(ends, split.start + split.length, side="left"))
        before = int(ends[first - 1]) if first else 0
        return file.read_row_groups(list(range(first, last + 1))).slice(split.start - before, split.length)


def _malformed(table: pa.Table, source: str) -> pa.Table:
    ids = [ended_id(source, _TABLE, raw) for raw in table.column("malformed").to_pylist()]
    codes = pc.fill_null(c.text(table, "code"), "NOT_AN_OBJECT").to_pylist()
    evidence = [{"code": code, "expected_fields": None, "fields": None} for code in codes]
    ended = c.ended_rows(table, source, Outcome.MALFORMED_ROW, ids, evidence)
    at = ENDED_SCHEMA.get_field_index("raw")
    return ended.set_column(at, ENDED_SCHEMA.field(at), table.column("malformed"))


def _rules(table: pa.Table, boxes: Boxes, *, local: bool) -> list[tuple[Outcome, c.Mask, str]]:
    """Return the reasons for which a row ends, in the order in which they are tried."""
    unaddressed = c.is_null(c.text(table, "image_url"))
    if local:
        unaddressed &= c.is_null(c.text(table, "image_file_name"))
    rejected = c.equals(table, "box_rejected", "true") | c.equals(table, "box_reviewState", "rejected")
    return [
        (Outcome.ID_MISSING, c.is_null(c.text(table, "image_uuid")), "the row has no image"),
        (Outcome.REJECTED_LABEL, c.equals(table, "image_valid", "false"), "the image is not valid"),
        (Outcome.REJECTED_LABEL, rejected, "the box is rejected"),
        (Outcome.NO_BOX, ~boxes.present, "the image has no box"),
        (Outcome.NON_ORGANISM, _things(table), "the concept names no organism"),
        (Outcome.BAD_BOX, boxes.visible() < MIN_VISIBLE, "less than half of the box lies in the image"),
        (Outcome.NO_URL, unaddressed, "the image has no URL"),
    ]


def _things(table: pa.Table) -> c.Mask:
    why, index = c.per_distinct(non_organism, c.text(table, "box_concept"))
    return np.asarray(pa.array([bool(reason) for reason in why], pa.bool_()).take(index), dtype=bool)


def _merged(table: pa.Table, boxes: Boxes, source: str) -> tuple[c.Mask, pa.Table]:
    """Return the rows that stay, and the ledger of the boxes that state another one again.

    A box that was verified stays before one that was not, then the smaller id. Rows with one id are the same record
    stated twice, which a later stage says.
    """
    images, concepts = c.text(table, "image_uuid").to_pylist(), c.text(table, "box_concept").to_pylist()
    ids = _box_ids(table, boxes)
    verified = c.equals(table, "box_verified", "true") | c.equals(table, "box_reviewState", "verified")
    order = list(zip((~verified).tolist(), ids, c.row_texts(table), strict=True))
    same = same_boxes(boxes.clipped, list(zip(images, concepts, strict=True)), order)
    same = {row: found for row, found in sorted(same.items()) if ids[row] != ids[found[0]]}
    goes = np.zeros(table.num_rows, dtype=bool)
    goes[list(same)] = True
    keys = [record_id(source, image, image, box) for image, box in zip(images, ids, strict=True)]
    evidence = [
        {"rule": "same box and concept", "value": ids[kept], "iou": round(share, 4), "threshold": SAME_BOX}
        for kept, share in same.values()
    ]
    others = [keys[kept] for kept, _ in same.values()]
    gone = table.filter(pa.array(goes))
    return ~goes, c.ended_rows(gone, source, Outcome.MERGED_BOX, [keys[row] for row in same], evidence, others)


def _box_ids(table: pa.Table, boxes: Boxes) -> list[str]:
    """Return the boxes' own ids; a box without one is named by its place, an image without box by nothing."""
    places = [",".join(repr(side) for side in box) for box in boxes.stated.tolist()]
    given = c.text(table, "box_uuid").to_pylist()
    return [
        (own or place) if there else "" for own, place, there in zip(given, places, boxes.present.tolist(), strict=True)
    ]


def _ended(table: pa.Table, boxes: Boxes, source: str, outcome: Outcome, rule: str) -> pa.Table:
    images = c.text(table, "image_uuid").to_pylist()
    ids = []
    for image, box, content in zip(images, _box_ids(table, boxes), c.row_texts(table), strict=True):
        ids.append(record_id(source, image, image, box) if image else ended_id(source, _TABLE, content))
    sizes = zip(c.text(table, "image_width").to_pylist(), c.text(table, "image_height").to_pylist(), strict=True)
    evidence: list[dict[str, object]] = [{"rule": rule, "value": image or ""} for image in images]
    if outcome is Outcome.NON_ORGANISM:
        concepts = c.text(table, "box_concept").to_pylist()
        evidence = [{"rule": f"{rule}: {non_organism(name)}", "value": name} for name in concepts]
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


def _records(table: pa.Table, boxes: Boxes, release: Release) -> pa.Table:
    rows, spec = table.num_rows, release.spec
    uuid, url = c.text(table, "image_uuid"), c.text(table, "image_url")
    keys = pc.binary_join_element_wise("fathomnet", uuid, ":")
    kinds, masks, _ = c.media_columns(_media_type(table), pa.nulls(rows, pa.string()), url)
    licence, licence_masks = c.licence_columns([("default", c.constant(spec.license or LICENCE, rows))], keys)
    lat, lon, position_masks = c.coordinates(c.text(table, "image_latitude"), c.text(table, "image_longitude"))
    concept = c.text(table, "box_concept")
    event, event_masks = event_columns(c.text(table, "image_timestamp"))
    reviewed = c.first_of(c.text(table, "box_reviewState"), _verified(table))
    masks = {
        **masks,
        **licence_masks,
        **position_masks,
        **event_masks,
        "CATEGORY_NULL": c.is_null(concept),
        "BOX_CLIPPED": (boxes.stated != boxes.clipped).any(axis=1),
        "GROUP_OF": ~c.is_null(c.text(table, "box_groupOf")) & ~c.equals(table, "box_groupOf", "false"),
        "OCCLUDED": c.equals(table, "box_occluded", "true"),
        "TRUNCATED": c.equals(table, "box_truncated", "true"),
    }
    sides = {f"box_{n}": pa.array(boxes.clipped[:, i], pa.float64()) for i, n in enumerate(("x", "y", "w", "h"))}
    path = _store_paths(table) if spec.media else pa.repeat(pa.scalar(""), rows)
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": uuid,
        "source_media_id": uuid,
        "box_id": pa.array(_box_ids(table, boxes), pa.string()),
        "occurrence_key": uuid,
        "media_url": pa.repeat(pa.scalar(""), rows) if spec.media else url,
        "media_path": path,
        "media_key": keys,
        **kinds,
        "media_width": _pixels(table, "image_width"),
        "media_height": _pixels(table, "image_height"),
        **sides,
        **licence,
        "source_page": pc.binary_join_element_wise(_PAGE, uuid, ""),
        "scientific_name": concept,
        "basis_of_record": c.constant("MACHINE_OBSERVATION", rows),
        "image_category": c.constant("field", rows),
        **event,
        "quality_grade": words.quality_grades(reviewed),
        "lat": lat,
        "lon": lon,
        "label_status": reviewed,
        "issues": c.issue_lists(masks, rows),
        **{n: table.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)


def _media_type(table: pa.Table) -> pa.Array:
    return c.first_of(c.text(table, "image_mediaType"), c.constant("StillImage", table.num_rows))


def _verified(table: pa.Table) -> pa.Array:
    stated = c.text(table, "box_verified")
    return pc.if_else(pc.equal(stated, "true"), "VERIFIED", pc.if_else(pc.equal(stated, "false"), "UNVERIFIED", None))


def _pixels(table: pa.Table, name: str) -> pa.Array:
    values = c.numbers(c.text(table, name))
    sane = pc.and_(pc.greater(values, 0.0), pc.less(values, 2.0**31))
    return pc.floor(pc.if_else(sane, values, None)).cast(pa.int32())


def _store_paths(table: pa.Table) -> pa.Array:
    """Return the file of each image in a local store: its COCO file name, else its uuid and the URL's extension."""
    names = []
    for name, uuid, url in zip(
        *(c.text(table, f"image_{n}").to_pylist() for n in ("file_name", "uuid", "url")), strict=True
    ):
        suffix = PurePosixPath((url or "").split("?")[0]).suffix
        names.append(name or f"{uuid}{suffix or '.png'}")
    return pa.array(names, pa.string())
