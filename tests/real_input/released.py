"""The release files that are used in place, and their rows counted without the pipeline's readers."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "../shared/data"
"""Where the real files lie, if they do."""
ARCHIVE = "sources/gbif/dwca/0022697-200613084148143.zip"
OPEN_ARCHIVE = "sources/gbif/dwca/subset-cc0-ccby-0022697-200613084148143.zip"
LABELLED = "sources/fathomnet/fgvc2023_val_split.json.gz"
UNLABELLED = "sources/fathomnet/fgvc2025_dataset_test.json"


def archive_rows(archive: Path, member: str) -> Iterator[dict[str, str]]:
    """Read a table of a GBIF archive: tabs, no quotes, rows end at line feeds alone."""
    with zipfile.ZipFile(archive) as opened, opened.open(member) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
        header = text.readline().rstrip("\n").split("\t")
        for line in text:
            yield dict(zip(header, line.rstrip("\n").split("\t"), strict=True))


def coco_export(path: Path) -> Any:
    """Read a COCO export, plain or gzipped."""
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def gbif_rows(archive: Path) -> int:
    """Count media, and records without any."""
    media = [row["gbifID"] for row in archive_rows(archive, "multimedia.txt")]
    records = {row["gbifID"] for row in archive_rows(archive, "occurrence.txt")}
    return len(media) + len(records - set(media))


def coco_rows(path: Path) -> int:
    """Count boxes, and images without any."""
    export = coco_export(path)
    boxed = {box["image_id"] for box in export["annotations"]}
    return len(export["annotations"]) + sum(image["id"] not in boxed for image in export["images"])
