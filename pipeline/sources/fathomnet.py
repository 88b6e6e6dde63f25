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
import pyarrow.parquet as pq
from numpy.typing import NDArray

from manifests.recipe import SourceSpec
from pipeline.atomic import atomic_path
from pipeline.errors import SourceError
from pipeline.ids import ended_id, record_id
from pipeline.outcomes import Outcome
from pipeline.records import ENDED_SCHEMA, LOCATOR_COLUMNS
from pipeline.sources import columns as c
from pipeline.sources.archive import Archive, Member, open_archive
from pipeline.sources.base import LOCATOR_FIELDS, Mapped, Native, Plan, Release, Split
from pipeline.sources.fathomnet_flat import NATIVE_COLUMNS, flatten

LICENCE = "CC-BY-NC-ND-4.0"
"""The licence of FathomNet's images, by its terms of use."""
MIN_VISIBLE = 0.5
"""Share of a box's area that must lie in the image."""
_TABLE = "boxes"
_BYTES_PER_ROW = 512
_PAGE = "https://database.fathomnet.org/fathomnet/#/image/"

Floats = NDArray[np.float64]


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
        per_split = max(1, target_bytes // _BYTES_PER_ROW)
        splits = []
        for member in _members(archive):
            flat = spool / f"{archive.identity(member)}.parquet"
            if not flat.exists():
                with atomic_path(flat) as temporary:
                    flatten(archive, member, temporary)
            total = pq.read_metadata(flat).num_rows
            for start in range(0, total, per_split):
                rows = min(per_split, total - start)
                origin = archive.origin(member)
                splits.append(Split(_TABLE, str(flat), origin, start, rows, start + 1, rows, NATIVE_COLUMNS))
        return Plan(tuple(splits))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of rows; elements that were no objects end as malformed_row."""
        table = _read_range(split)
        numbers = pa.array(np.arange(split.rows) + split.first_row, pa.int64())
        offsets = pa.repeat(pa.scalar(-1, pa.int64()), split.rows)  # JSON elements have no row offsets
        for field, values in zip(LOCATOR_FIELDS, (c.constant(split.origin, split.rows), numbers, offsets), strict=True):
            table = table.append_column(field, values)
        broken = pc.is_valid(table.column("malformed"))
        ended = _malformed(table.filter(broken), release.spec.name)
        return Native(table.filter(pc.invert(broken)).drop_columns(["malformed"]), ended)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Give one record per box, or say why there is none."""
        table = tables[_TABLE].combine_chunks()
        source = release.spec.name
        boxes = _Boxes.of(table)
        ended = []
        left = np.ones(table.num_rows, dtype=bool)
        for outcome, mask, rule in _rules(table, boxes, local=bool(release.spec.media)):
            ends = left & mask
            left &= ~mask
            ended.append(_ended(table.filter(pa.array(ends)), boxes.filter(ends), source, outcome, rule))
        return Mapped(
            _records(table.filter(pa.array(left)), boxes.filter(left), release), pa.concat_tables(ended), absorbed=0
        )


def _members(archive: Archive) -> list[Member]:
    if archive.kind in ("file", "gzip"):
        return list(archive.members)
    return [member for member in archive.members if member.base.lower().endswith((".json", ".json.gz"))]


def _read_range(split: Split) -> pa.Table:
    with pq.ParquetFile(split.path) as file:
        ends = np.cumsum([file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)])
        first = int(np.searchsorted(ends, split.start, side="right"))
        last = int(np.searchsorted(ends, split.start + split.length, side="left"))
        before = int(ends[first - 1]) if first else 0
        return file.read_row_groups(list(range(first, last + 1))).slice(split.start - before, split.length)


def _malformed(table: pa.Table, source: str) -> pa.Table:
    ids = [ended_id(source, _TABLE, raw) for raw in table.column("malformed").to_pylist()]
    evidence = [{"code": "NOT_AN_OBJECT", "expected_fields": None, "fields": None}] * table.num_rows
    ended = c.ended_rows(table, source, Outcome.MALFORMED_ROW, ids, evidence)
    at = ENDED_SCHEMA.get_field_index("raw")
    return ended.set_column(at, ENDED_SCHEMA.field(at), table.column("malformed"))


class _Boxes:
    """The boxes of native rows, as stated and as far as they lie in their image; NaN where there is no number."""

    def __init__(self, stated: Floats, clipped: Floats, present: c.Mask) -> None:
        self.stated, self.clipped, self.present = stated, clipped, present

    @classmethod
    def of(cls, table: pa.Table) -> _Boxes:
        def floats(name: str) -> Floats:
            return np.asarray(pc.fill_null(c.numbers(c.text(table, name)), np.nan), dtype=np.float64)

        x, y, width, height = (floats(f"box_{name}") for name in ("x", "y", "width", "height"))
        # An image of unknown size has no right or lower edge to cut at.
        right = np.nan_to_num(floats("image_width"), nan=np.inf)
        bottom = np.nan_to_num(floats("image_height"), nan=np.inf)
        # A box that lies inside keeps its numbers to the bit; only a cut side is computed.
        left, top = np.maximum(x, 0), np.maximum(y, 0)
        inside_x, inside_y = (x >= 0) & (x + width <= right), (y >= 0) & (y + height <= bottom)
        visible_width = np.where(inside_x, width, np.minimum(x + width, right) - left)
        visible_height = np.where(inside_y, height, np.minimum(y + height, bottom) - top)
        clipped = np.stack([left, top, visible_width, visible_height], axis=1)
        present = ~c.is_null(c.text(table, "box_uuid")) | np.any(
            [~c.is_null(c.text(table, f"box_{name}")) for name in ("concept", "x", "y", "width", "height")], axis=0
        )
        return cls(np.stack([x, y, width, height], axis=1), clipped, present)

    def filter(self, mask: c.Mask) -> _Boxes:
        return _Boxes(self.stated[mask], self.clipped[mask], self.present[mask])

    def visible(self) -> Floats:
        """Share of each box's area that lies in the image; 0 for a box without area or with a missing number."""
        area = self.stated[:, 2] * self.stated[:, 3]
        inside = self.clipped[:, 2] * self.clipped[:, 3]
        good = (self.stated[:, 2:] > 0).all(axis=1) & (self.clipped[:, 2:] > 0).all(axis=1)
        share: Floats = np.divide(inside, area, out=np.zeros(len(area)), where=good)
        return share


def _is(table: pa.Table, name: str, value: str) -> c.Mask:
    return np.asarray(pc.fill_null(pc.equal(pc.utf8_lower(c.text(table, name)), value), False))


def _rules(table: pa.Table, boxes: _Boxes, *, local: bool) -> list[tuple[Outcome, c.Mask, str]]:
    """Give the reasons for which a row ends, in the order in which they are tried."""
    unaddressed = c.is_null(c.text(table, "image_url"))
    if local:
        unaddressed &= c.is_null(c.text(table, "image_file_name"))
    rejected = _is(table, "box_rejected", "true") | _is(table, "box_reviewState", "rejected")
    return [
        (Outcome.ID_MISSING, c.is_null(c.text(table, "image_uuid")), "the row has no image"),
        (Outcome.REJECTED_LABEL, _is(table, "image_valid", "false"), "the image is not valid"),
        (Outcome.REJECTED_LABEL, rejected, "the box is rejected"),
        (Outcome.NO_BOX, ~boxes.present, "the image has no box"),
        (Outcome.BAD_BOX, boxes.visible() < MIN_VISIBLE, "less than half of the box lies in the image"),
        (Outcome.NO_URL, unaddressed, "the image has no URL"),
    ]


def _box_ids(table: pa.Table, boxes: _Boxes) -> list[str]:
    """Give the boxes' own ids; a box without one is named by its place, an image without box by nothing."""
    places = [",".join(repr(side) for side in box) for box in boxes.stated.tolist()]
    given = c.text(table, "box_uuid").to_pylist()
    return [
        (own or place) if there else "" for own, place, there in zip(given, places, boxes.present.tolist(), strict=True)
    ]


def _ended(table: pa.Table, boxes: _Boxes, source: str, outcome: Outcome, rule: str) -> pa.Table:
    images = c.text(table, "image_uuid").to_pylist()
    ids = []
    for image, box, content in zip(images, _box_ids(table, boxes), c.row_texts(table), strict=True):
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


def _records(table: pa.Table, boxes: _Boxes, release: Release) -> pa.Table:
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
        "BOX_CLIPPED": (boxes.stated != boxes.clipped).any(axis=1),
        "GROUP_OF": ~c.is_null(c.text(table, "box_groupOf")) & ~_is(table, "box_groupOf", "false"),
        "OCCLUDED": _is(table, "box_occluded", "true"),
        "TRUNCATED": _is(table, "box_truncated", "true"),
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


def _pixels(table: pa.Table, name: str) -> pa.Array:
    values = c.numbers(c.text(table, name))
    sane = pc.and_(pc.greater(values, 0.0), pc.less(values, 2.0**31))
    return pc.floor(pc.if_else(sane, values, None)).cast(pa.int32())


def _store_paths(table: pa.Table) -> pa.Array:
    """Give the file of each image in a local store: its COCO file name, else its uuid and the URL's extension."""
    names = []
    for name, uuid, url in zip(
        *(c.text(table, f"image_{n}").to_pylist() for n in ("file_name", "uuid", "url")), strict=True
    ):
        suffix = PurePosixPath((url or "").split("?")[0]).suffix
        names.append(name or f"{uuid}{suffix or '.png'}")
    return pa.array(names, pa.string())
