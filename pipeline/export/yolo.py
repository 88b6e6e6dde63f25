"""Export in YOLO's layout: `images/SPLIT/KEY.jpg`, `labels/SPLIT/KEY.txt` and `data.yaml`.

A stored image is the crop of one organism, or a whole picture of it: its box is the whole frame, `CLASS 0.5 0.5 1 1`.
Source: Ultralytics, "Object Detection Datasets Overview", YOLO format.
"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.atomic import write_text
from pipeline.export.bytes import ShardBytes
from pipeline.export.choice import Choice
from pipeline.export.classes import class_column, class_names
from pipeline.export.files import IMAGE_COLUMNS, put_image


def export_yolo(choice: Choice, out: Path, level: str) -> dict[str, int]:
    """Write images, labels and data.yaml; give images by split. Classes are numbered from 0, by name."""
    names = class_names(choice, level)
    number = {key: place for place, key in enumerate(names)}
    written: dict[str, int] = {}
    columns = f"{IMAGE_COLUMNS}, {class_column(level)} AS class_id"
    with ShardBytes(choice.root / "shards") as source:
        for row in choice.rows(columns):
            if row["class_id"] is None:
                continue
            split = row["split"]
            put_image(out / "images" / split / f"{row['key']}.jpg", source.jpeg(row))
            put_image(out / "labels" / split / f"{row['key']}.txt", f"{number[row['class_id']]} 0.5 0.5 1 1\n".encode())
            written[split] = written.get(split, 0) + 1
    # Quoted as JSON strings, which YAML reads as they are.
    lines = [f"{split}: images/{split}" for split in sorted(written)]
    lines += ["names:", *(f"  {number[key]}: {json.dumps(name, ensure_ascii=False)}" for key, name in names.items())]
    write_text(out / "data.yaml", "\n".join(["path: .", *lines]) + "\n")
    return written
