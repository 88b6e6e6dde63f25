"""Export into class folders: `train/Puma concolor/KEY.jpg`, as torchvision's ImageFolder and Keras read them."""

from __future__ import annotations

from pathlib import Path

from pipeline.export.bytes import ShardBytes
from pipeline.export.choice import Choice
from pipeline.export.classes import class_column, class_names
from pipeline.export.files import IMAGE_COLUMNS, put_image, write_rows


def export_folders(choice: Choice, out: Path, level: str) -> dict[str, int]:
    """Write one folder per split and class, and classes.csv; give images by split."""
    names = class_names(choice, level)
    written: dict[str, int] = {}
    columns = f"{IMAGE_COLUMNS}, {class_column(level)} AS class_id"
    with ShardBytes(choice.root / "shards") as source:
        for row in choice.rows(columns):
            if row["class_id"] is None:
                continue
            put_image(out / row["split"] / names[row["class_id"]] / f"{row['key']}.jpg", source.jpeg(row))
            written[row["split"]] = written.get(row["split"], 0) + 1
    write_rows(out / "classes.csv", ("folder", "class_id"), ((name, key) for key, name in names.items()))
    return written
