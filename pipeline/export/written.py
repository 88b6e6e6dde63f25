"""Files of an export: images as they are stored, and small tables beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.storage.files.atomic import storage_error, write_text

IMAGE_COLUMNS = "key, split, shard, jpg_offset, jpg_length, jpeg_sha256"
"""What `ShardBytes.jpeg` needs of a row, and where the image goes."""


def put_image(path: Path, data: bytes) -> None:
    """Write an image; raises StorageError. Not atomic: the whole export is renamed when it is complete."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise storage_error(error, path) from error


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a small CSV file with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, buffer.getvalue())
