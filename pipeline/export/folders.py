"""Export into class folders: `train/00012_Puma concolor/KEY.jpg`, as torchvision's ImageFolder and Keras read them.

Both number the folders of every split by themselves, in the order of their names. So that a class has one number in
every split, its place stands before its name: first the classes that all splits have, then those that training alone
has. The folders of validation are then the first ones of training. A class that only validation has could have no such
number, nor could a model know it, and stays out. With empty folders, every split has every class.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.export.bytes import ShardBytes
from pipeline.export.choice import Choice
from pipeline.export.classes import class_column, class_names
from pipeline.export.written import IMAGE_COLUMNS, put_image, write_rows
from pipeline.storage.files.atomic import storage_error
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
ONLY_VALIDATED = "class_not_in_train"
"""Reason of samples whose class has no image in the training split."""


def without_train(choice: Choice, level: str) -> Choice:
    """Return the choice without the classes that the training split lacks, where there are several splits."""
    column = class_column(level)
    trained = f"SELECT {column} FROM samples JOIN leaving USING (key) WHERE split = 'train' AND {column} IS NOT NULL"
    several = "(SELECT count(DISTINCT split) FROM samples JOIN leaving USING (key)) > 1"
    return choice.left_out(ONLY_VALIDATED, f"{several} AND {column} IS NOT NULL AND {column} NOT IN ({trained})")


def export_folders(choice: Choice, out: Path, level: str, empty: bool = False) -> dict[str, int]:
    """Write one folder per split and class, and classes.csv; give images by split.

    `empty`: folders of classes that a split lacks, too.
    """
    column = class_column(level)
    counted: dict[str, dict[str, int]] = {}
    for key, split, images in choice.con.execute(_SQL("counted", column=column)).fetchall():
        counted.setdefault(key, {})[split] = images
    splits = sorted({split for each in counted.values() for split in each})
    names = class_names(choice, level)
    order = sorted(names, key=lambda key: (len(splits) - len(counted[key]), names[key]))
    folder = {key: f"{number:05d}_{names[key]}" for number, key in enumerate(order)}
    if empty:
        try:
            for split in splits:
                for name in folder.values():
                    (out / split / name).mkdir(parents=True)
        except OSError as error:
            raise storage_error(error, out) from error
    written: dict[str, int] = {}
    with ShardBytes(choice.images / "shards") as source:
        for row in source.ahead(choice.rows(f"{IMAGE_COLUMNS}, {column} AS class_id")):
            if row["class_id"] is None:
                continue
            put_image(out / row["split"] / folder[row["class_id"]] / f"{row['key']}.jpg", source.jpeg(row))
            written[row["split"]] = written.get(row["split"], 0) + 1
    rows = (
        (number, folder[key], key, *(counted[key].get(split, 0) for split in splits))
        for number, key in enumerate(order)
    )
    write_rows(out / "classes.csv", ("number", "folder", "class_id", *splits), rows)
    return written
