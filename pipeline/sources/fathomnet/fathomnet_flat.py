"""FathomNet's nested images to flat native rows: one per bounding box, and one per image without boxes.

Reads the API's images (a list, or pages with `content`) and COCO exports, whose category ids may be floats or null and
whose real URLs stand in `coco_url`. Names of members are compared without case and underscores, because table dumps of
the same objects write them in several ways; of members that come twice the first that is filled counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.sources.mapping.json_cells import cell, number, raw
from pipeline.sources.mapping.json_stream import iterate_elements
from pipeline.sources.release.archive import Archive, Member

IMAGE_FIELDS = (
    *("uuid", "url", "file_name", "width", "height", "valid", "mediaType", "timestamp", "latitude", "longitude"),
    "sha256",
)
BOX_FIELDS = (
    *("uuid", "concept", "x", "y", "width", "height", "groupOf", "occluded", "truncated", "rejected", "verified"),
    "reviewState",
)
NATIVE_COLUMNS = (
    *(f"image_{name}" for name in IMAGE_FIELDS),
    *(f"box_{name}" for name in BOX_FIELDS),
    *("category_null", "malformed", "code", "source_row"),
)
"""All strings; `malformed` holds the raw text of what is no image or box, with the `code` of what is wrong, and its
other columns are null. `source_row` is the row of a table dump; null in JSON, whose elements are counted instead."""
FLAT_SCHEMA = pa.schema([pa.field(name, pa.string()) for name in NATIVE_COLUMNS])
_BATCH = 20_000
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Row = dict[str, str | None]


def flatten(archive: Archive, member: Member, target: Any) -> int:
    """Write a JSON file's native rows to a Parquet file; gives their number.

    Rows stand in the order of the file: boxes of an image in its order, COCO's annotations before its bare images.
    Memory: one image at a time for the API's layout; one table of images for COCO.
    """
    rows = 0
    with pq.ParquetWriter(target, FLAT_SCHEMA) as writer:
        batch: list[Row] = []
        for row in _rows(archive, member):
            batch.append(row)
            if len(batch) == _BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema=FLAT_SCHEMA))
                batch.clear()
                rows += _BATCH
        writer.write_table(pa.Table.from_pylist(batch, schema=FLAT_SCHEMA))
        return rows + len(batch)


def _rows(archive: Archive, member: Member) -> Iterator[Row]:
    with archive.stream(member) as stream:
        coco = _is_coco(stream, archive.origin(member))
    if coco:
        yield from _coco_rows(archive, member)
        return
    with archive.stream(member) as stream:
        for key, element in iterate_elements(stream, archive.origin(member)):
            if key in ("", "content", "images"):
                yield from _image_rows(element)


def _is_coco(stream: BinaryIO, where: str) -> bool:
    return any(key == "annotations" for key, _ in iterate_elements(stream, where))


def _image_rows(element: Any) -> Iterator[Row]:
    image = _folded(element)
    if image is None:
        yield {"malformed": raw(element)}
        return
    cells = {f"image_{name}": cell(image.get(fold(name))) for name in IMAGE_FIELDS}
    boxes = image.get("boundingboxes")
    if not isinstance(boxes, list) or not boxes:
        yield cells if not boxes else {"malformed": raw(element)}
        return
    for item in boxes:
        box = _folded(item)
        if box is None:
            yield {"malformed": raw(item)}
            continue
        yield {**cells, **{f"box_{name}": cell(box.get(fold(name))) for name in BOX_FIELDS}}


def _coco_rows(archive: Archive, member: Member) -> Iterator[Row]:
    where = archive.origin(member)
    categories: dict[str, str] = {}
    images: list[Row] = []
    malformed: list[Row] = []
    with archive.stream(member) as stream:
        for key, element in iterate_elements(stream, where):
            item = _folded(element)
            if key == "categories" and item is not None:
                categories[number(item.get("id"))] = cell(item.get("name")) or ""
            elif key == "images":
                if item is None:
                    malformed.append({"malformed": raw(element)})
                else:
                    images.append({"id": number(item.get("id")), **_coco_image(item)})
    schema = pa.schema([pa.field(name, pa.string()) for name in ("id", *FLAT_SCHEMA.names)])
    table = pa.Table.from_pylist(images, schema=schema)
    del images
    yield from malformed
    position = {identifier: row for row, identifier in enumerate(table.column("id").to_pylist())}
    table = table.drop_columns(["id"])
    boxed: set[int] = set()
    waiting: list[tuple[int | None, Row]] = []
    with archive.stream(member) as stream:
        for key, element in iterate_elements(stream, where):
            if key == "annotations":
                item = _folded(element)
                row = None if item is None else position.get(number(item.get("imageid")))
                boxed |= set() if row is None else {row}
                waiting.append((row, {"malformed": raw(element)} if item is None else _coco_box(item, categories)))
            if len(waiting) == _BATCH:
                yield from _with_images(waiting, table)
                waiting.clear()
    yield from _with_images(waiting, table)
    bare = [row for row in range(table.num_rows) if row not in boxed]
    for batch in table.take(pa.array(bare, pa.int64())).to_batches(_BATCH):
        yield from batch.to_pylist()


def _with_images(boxes: list[tuple[int | None, Row]], images: pa.Table) -> Iterator[Row]:
    """Join boxes to their images; one whose image is not in the file has no image columns, and ends for that."""
    found = images.take(pa.array([row for row, _ in boxes], pa.int64())).to_pylist()
    for image, (_, box) in zip(found, boxes, strict=True):
        yield {**image, **box}


def _coco_image(item: dict[str, Any]) -> Row:
    name = cell(item.get("filename")) or ""
    stem = PurePosixPath(name).stem
    return {
        "image_uuid": stem.lower() if _UUID.fullmatch(stem) else number(item.get("id")),
        "image_url": cell(item.get("cocourl")) or cell(item.get("flickrurl")) or cell(item.get("url")),
        "image_file_name": name or None,
        "image_width": cell(item.get("width")),
        "image_height": cell(item.get("height")),
        "image_timestamp": cell(item.get("datecaptured")),
    }


def _coco_box(item: dict[str, Any], categories: dict[str, str]) -> Row:
    place = item.get("bbox")
    sides = place if isinstance(place, list) and len(place) == 4 else [None] * 4
    category = number(item.get("categoryid"))
    return {
        "box_uuid": number(item.get("id")),
        "box_concept": categories.get(category) or None,
        **{f"box_{name}": cell(value) for name, value in zip(("x", "y", "width", "height"), sides, strict=True)},
        "box_groupOf": cell(item.get("iscrowd")) if item.get("iscrowd") else None,
        "category_null": None if category else "true",
    }


def fold(name: str) -> str:
    """Return a member's or column's name as it is compared: without case and underscores."""
    return name.replace("_", "").lower()


def _folded(element: Any) -> dict[str, Any] | None:
    """Return an object with folded member names; None when it is no object."""
    if not isinstance(element, dict):
        return None
    found: dict[str, Any] = {}
    for name, value in element.items():
        if found.get(fold(name)) in (None, "", []):
            found[fold(name)] = value
    return found
