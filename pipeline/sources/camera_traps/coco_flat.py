"""COCO Camera Traps as native rows: images and annotations in one Parquet file each, categories as a side table.

The document is read as a stream, one element at a time, so that its size does not matter; only the categories and
licences, of which there are few, are held in memory. Source: the COCO Camera Traps format of
https://github.com/agentmorris/MegaDetector, an extension of COCO's (https://cocodataset.org/#format-data).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.errors import SourceError
from pipeline.model.records import RANK_COLUMNS
from pipeline.sources.mapping.json_cells import cell, number, raw
from pipeline.sources.mapping.json_stream import iterate_elements
from pipeline.sources.mapping.side_tables import save
from pipeline.sources.release.archive import Archive, Member
from pipeline.storage.files.atomic import atomic_path

IMAGE_COLUMNS = (
    *("image_id", "file_name", "url", "width", "height", "seq_id", "datetime", "corrupt", "license", "rights_holder"),
    *("latitude", "longitude", "location", "country", "malformed"),
)
ANNOTATION_COLUMNS = (
    *("image_id", "id", "category_id", "box_x", "box_y", "box_w", "box_h", "box_unit", "sequence_level_annotation"),
    *("individual", "sex", "life_stage", "malformed"),
)
"""`box_unit` is 'px' or 'relative' (shares of the image), 'bad' where a box is not four numbers, null without a box."""
CATEGORY_COLUMNS = ("category_id", "name", "scientific_name", "common_name", *RANK_COLUMNS)
COLUMNS = {"images": IMAGE_COLUMNS, "annotations": ANNOTATION_COLUMNS}
MAX_CATEGORIES = 1_000_000
_BATCH = 20_000

Row = dict[str, str | None]


def flatten(archive: Archive, member: Member, targets: dict[str, Path], categories: Path) -> None:
    """Write a document's images and annotations to their Parquet files, and its categories as a side table.

    Raises SourceError when the document has neither images nor annotations, or too many categories.
    """
    where = archive.origin(member)
    named: dict[str, Row] = {}
    licences: dict[str, str] = {}
    with archive.stream(member) as stream:
        for key, element in iterate_elements(stream, where):
            if key == "categories" and isinstance(element, dict):
                named[number(element.get("id"))] = _category(element)
            elif key == "licenses" and isinstance(element, dict):
                licences[number(element.get("id"))] = cell(element.get("url")) or cell(element.get("name")) or ""
            if len(named) + len(licences) > MAX_CATEGORIES:
                raise SourceError(
                    "the file has too many categories or licences", where=where, expected=f"at most {MAX_CATEGORIES}"
                )
    schema = pa.schema([pa.field(name, pa.string()) for name in CATEGORY_COLUMNS])
    save(pa.Table.from_pylist([named[key] for key in sorted(named)], schema=schema), categories)
    if not _write(_rows(archive, member, licences), targets):
        raise SourceError(
            "the file has neither images nor annotations",
            where=where,
            expected="an object with the lists images, annotations and categories",
            remedy="name a file in the format COCO Camera Traps as `path` of this source",
        )


def _write(rows: Iterator[tuple[str, Row]], targets: dict[str, Path]) -> int:
    written = 0
    with ExitStack() as stack:
        writers, waiting = {}, {}
        for name, path in targets.items():
            schema = pa.schema([pa.field(column, pa.string()) for column in COLUMNS[name]])
            writers[name] = stack.enter_context(pq.ParquetWriter(stack.enter_context(atomic_path(path)), schema))
            waiting[name] = list[Row]()
        for name, row in rows:
            waiting[name].append(row)
            written += 1
            if len(waiting[name]) == _BATCH:
                writers[name].write_table(pa.Table.from_pylist(waiting[name], schema=writers[name].schema))
                waiting[name].clear()
        for name, left in waiting.items():
            writers[name].write_table(pa.Table.from_pylist(left, schema=writers[name].schema))
    return written


def _rows(archive: Archive, member: Member, licences: dict[str, str]) -> Iterator[tuple[str, Row]]:
    makers = {"images": lambda item: _image(item, licences), "annotations": _annotation}
    with archive.stream(member) as stream:
        for key, element in iterate_elements(stream, archive.origin(member)):
            if key in makers:
                yield key, makers[key](element) if isinstance(element, dict) else {"malformed": raw(element)}


def _first(item: dict[str, Any], *names: str) -> str | None:
    return next((value for name in names if (value := cell(item.get(name)))), None)


def _category(item: dict[str, Any]) -> Row:
    ranks = {rank: _first(item, rank) for rank in RANK_COLUMNS}
    return {
        "category_id": number(item.get("id")) or None,
        "name": _first(item, "name"),
        "scientific_name": _first(item, "scientific_name", "scientificName", "latin_name"),
        "common_name": _first(item, "common_name", "common"),
        **ranks,
        "species": ranks["species"] or _first(item, "specific_epithet"),
    }


def _image(item: dict[str, Any], licences: dict[str, str]) -> Row:
    licence = number(item.get("license"))
    sequence = number(item.get("seq_id"))
    return {
        "image_id": number(item.get("id")) or None,
        "file_name": _first(item, "file_name"),
        "url": _first(item, "url", "coco_url", "flickr_url"),
        "seq_id": sequence or None,
        "location": number(item.get("location")) or number(item.get("location_id")) or None,
        "country": _first(item, "country_code", "country"),
        "datetime": _first(item, "datetime", "date_captured", "date"),
        "license": licences.get(licence) or None,
        **{n: _first(item, n) for n in ("width", "height", "corrupt", "rights_holder", "latitude", "longitude")},
    }


def _annotation(item: dict[str, Any]) -> Row:
    unit, sides = _box(item)
    return {
        "image_id": number(item.get("image_id")) or None,
        "id": number(item.get("id")) or None,
        "category_id": number(item.get("category_id")) or None,
        **dict(zip(("box_x", "box_y", "box_w", "box_h"), sides, strict=True)),
        "box_unit": unit,
        "sequence_level_annotation": _first(item, "sequence_level_annotation"),
        "individual": _individual(item),
        "sex": _first(item, "sex"),
        "life_stage": _first(item, "life_stage", "lifeStage", "age"),
    }


def _individual(item: dict[str, Any]) -> str | None:
    """Return the key of the one individual that an annotation names, alone or as a list of one."""
    for name in ("individual_id", "individualID", "individual_ids"):
        stated = item.get(name)
        if isinstance(stated, list):
            stated = stated[0] if len(stated) == 1 else None
        if key := number(stated):
            return key
    return None


def _box(item: dict[str, Any]) -> tuple[str | None, list[str | None]]:
    """Return a box's unit and sides; a `bbox` within the unit square is relative: in pixels it would be at most one."""
    stated = item.get("bbox")
    relative = item.get("bbox_relative")
    place = stated if stated is not None and stated != [] else relative
    if place is None or place == []:
        return None, [None] * 4
    if not isinstance(place, list) or len(place) != 4 or not all(_is_number(side) for side in place):
        return "bad", [None] * 4
    x, y, width, height = place
    within = 0 <= x <= 1 and 0 <= y <= 1 and 0 < width <= 1 and 0 < height <= 1
    return "relative" if place is relative or within else "px", [repr(side) for side in place]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
