"""Export in COCO's layout: `images/SPLIT/KEY.jpg` and `annotations/SPLIT.json`.

Every box is one that the source states, in pixels of the stored picture (`pipeline.export.boxes`). A picture whose
source states none has one annotation without a bbox, which says what is in it and not where, as COCO Camera Traps does:
a whole-frame box would be an invention. The rest of a sample's labels and rights lies in the image's entry. JSON is
written as it comes, so that memory does not grow.
Source: https://cocodataset.org/#format-data; https://lila.science/coco-camera-traps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, groupby
from pathlib import Path
from typing import Any

from pipeline.export.boxes import BOX_COLUMNS, BOX_TABLES, boxes_in, list_boxes
from pipeline.export.bytes import ShardBytes
from pipeline.export.choice import Choice
from pipeline.export.classes import class_column, class_names
from pipeline.export.written import IMAGE_COLUMNS, put_image
from pipeline.storage.files.atomic import atomic_path

_LABELS = "accepted_name, license_id, license_family, rights_holder, creator, source_page, media_url"


def export_coco(choice: Choice, out: Path, level: str) -> dict[str, int]:
    """Write images and one annotation file per split; give images by split. Numbers follow the order of the keys."""
    list_boxes(choice, level)
    names = class_names(choice, level)
    number = {key: place for place, key in enumerate(names, start=1)}
    licences = [
        str(name)
        for (name,) in choice.con.execute(
            "SELECT DISTINCT coalesce(license_id, 'unknown') FROM samples JOIN leaving USING (key) ORDER BY 1"
        ).fetchall()
    ]
    written: dict[str, int] = {}
    columns = f"{IMAGE_COLUMNS}, {_LABELS}, {BOX_COLUMNS}, {class_column(level)} AS class_id"
    with ShardBytes(choice.images / "shards") as source:
        rows = (row for row in choice.rows(columns, tables=BOX_TABLES) if row["class_id"] is not None)
        for split, group in groupby(rows, key=lambda row: str(row["split"])):
            images = out / "annotations" / f".{split}.images"
            notes = out / "annotations" / f".{split}.annotations"
            images.parent.mkdir(parents=True, exist_ok=True)
            with images.open("w", encoding="utf-8") as to_images, notes.open("w", encoding="utf-8") as to_notes:
                ids = count(1)
                for place, row in enumerate(source.ahead(group), start=1):
                    put_image(out / "images" / split / f"{row['key']}.jpg", source.jpeg(row))
                    to_images.write(_line(_image(place, row, licences)))
                    for note in _annotations(place, row, number):
                        to_notes.write(_line({"id": next(ids), **note}))
                    written[split] = place
            head = {
                "info": {"description": choice.recipe.description, "version": choice.recipe.name},
                "licenses": [{"id": place, "name": name} for place, name in enumerate(licences, start=1)],
                "categories": [
                    {"id": number[key], "name": name, "supercategory": "organism"} for key, name in names.items()
                ],
            }
            with atomic_path(out / "annotations" / f"{split}.json") as path, path.open("w", encoding="utf-8") as handle:
                handle.writelines(_document(head, {"images": images, "annotations": notes}))
            images.unlink()
            notes.unlink()
    return written


def _image(place: int, row: dict[str, Any], licences: list[str]) -> dict[str, Any]:
    return {
        "id": place,
        "file_name": f"{row['key']}.jpg",
        "width": row["width"],
        "height": row["height"],
        "license": licences.index(row["license_id"] or "unknown") + 1,
        "coco_url": row["media_url"] or "",
        "key": row["key"],
        "accepted_name": row["accepted_name"],
        "rights_holder": row["rights_holder"],
        "creator": row["creator"],
        "source_page": row["source_page"],
    }


def _annotations(image: int, row: dict[str, Any], number: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Yield one annotation per box in the picture; of a picture without any, one that says what is in it."""
    boxes = boxes_in(row)
    for box in boxes:
        yield {
            "image_id": image,
            "category_id": number[str(box.class_id)],
            "bbox": [box.x, box.y, box.w, box.h],
            "area": round(box.w * box.h, 2),
            "iscrowd": 0,
            "key": box.key,
            "source_bbox": list(box.stated),
        }
    if not boxes:
        # With an area, which readers filter by: the picture is what the label speaks of.
        yield {
            "image_id": image,
            "category_id": number[row["class_id"]],
            "area": row["width"] * row["height"],
            "iscrowd": 0,
            "key": row["key"],
        }


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n"


def _document(head: dict[str, Any], lists: dict[str, Path]) -> Iterator[str]:
    yield "{\n"
    for name, value in head.items():
        yield f"{json.dumps(name)}: {json.dumps(value, sort_keys=True, ensure_ascii=False)},\n"
    for place, (name, path) in enumerate(lists.items()):
        yield (",\n" if place else "") + f"{json.dumps(name)}: [\n"
        with path.open(encoding="utf-8") as lines:
            yield from _joined(lines)
        yield "]"
    yield "\n}\n"


def _joined(lines: Iterable[str]) -> Iterator[str]:
    before = ""
    for line in lines:
        yield before + line.rstrip("\n")
        before = ",\n"
    yield "\n"
