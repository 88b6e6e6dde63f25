"""Export in YOLO's layout: `images/SPLIT/KEY.jpg`, `labels/SPLIT/KEY.txt` and `data.yaml`.

Every label is a box of the source, in shares of the stored picture. A picture whose source states no box would be
background to a detector that reads this layout, so it stays out.
Source: Ultralytics, "Object Detection Datasets Overview", YOLO format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.export.boxes import BOX_COLUMNS, BOX_TABLES, PlacedBox, boxes_in, list_boxes, unboxed
from pipeline.export.bytes import ShardBytes
from pipeline.export.choice import Choice
from pipeline.export.classes import class_column, class_names
from pipeline.export.written import IMAGE_COLUMNS, put_image
from pipeline.storage.files.atomic import write_text

NO_BOX = "no_box"
"""Reason of samples whose source states no box."""


def boxed(choice: Choice, level: str) -> Choice:
    """Return the choice without the samples in which no box lies."""
    list_boxes(choice, level)
    return choice.left_out(NO_BOX, f"{class_column(level)} IS NOT NULL AND {unboxed()}")


def export_yolo(choice: Choice, out: Path, level: str) -> dict[str, int]:
    """Write images, labels and data.yaml; give images by split. Classes are numbered from 0, by name."""
    names = class_names(choice, level)
    number = {key: place for place, key in enumerate(names)}
    written: dict[str, int] = {}
    columns = f"{IMAGE_COLUMNS}, {BOX_COLUMNS}, {class_column(level)} AS class_id"
    with ShardBytes(choice.images / "shards") as source:
        for row in source.ahead(choice.rows(columns, tables=BOX_TABLES)):
            if row["class_id"] is None:
                continue
            split = row["split"]
            put_image(out / "images" / split / f"{row['key']}.jpg", source.jpeg(row))
            labels = "".join(_label(box, row, number) for box in boxes_in(row))
            put_image(out / "labels" / split / f"{row['key']}.txt", labels.encode())
            written[split] = written.get(split, 0) + 1
    # Quoted as JSON strings, which YAML reads as they are.
    lines = [f"{split}: images/{split}" for split in sorted(written)]
    lines += ["names:", *(f"  {number[key]}: {json.dumps(name, ensure_ascii=False)}" for key, name in names.items())]
    write_text(out / "data.yaml", "\n".join(["path: .", *lines]) + "\n")
    return written


def _label(box: PlacedBox, row: Mapping[str, Any], number: Mapping[str, int]) -> str:
    x, y = (box.x + box.w / 2) / row["width"], (box.y + box.h / 2) / row["height"]
    return f"{number[str(box.class_id)]} {x:.6g} {y:.6g} {box.w / row['width']:.6g} {box.h / row['height']:.6g}\n"
