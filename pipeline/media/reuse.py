"""Answers that need not be asked for again: of units that were cut otherwise, and of earlier runs.

An answer stays good when it was made by the same rules (`rules_digest`, kept in every folder's plan) and either brought
an image or says something that lasts. The rows that may be reused are written once, beside the plan, sorted by the
unit they go into; their images are copied from where they lie.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.media.journal import Image, image_file
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.outcomes import Outcome
from pipeline.storage.places import Place, place
from pipeline.storage.places.published import is_published
from pipeline.storage.places.published_folder import published_folder
from pipeline.storage.row_groups import row_reader

LASTING = frozenset(
    outcome.code
    for outcome in (
        *(Outcome.GONE, Outcome.TOO_LARGE, Outcome.EMPTY, Outcome.NOT_AN_IMAGE, Outcome.UNSUPPORTED_FORMAT),
        *(Outcome.TRUNCATED, Outcome.CORRUPT, Outcome.TOO_MANY_PIXELS, Outcome.TOO_SMALL, Outcome.BOX_OUTSIDE),
        *(Outcome.ROBOTS_DISALLOWED, Outcome.OPTED_OUT_NOAI, Outcome.OPTED_OUT_NOIMAGEAI, Outcome.OPTED_OUT_NOINDEX),
        *(Outcome.OPTED_OUT_NOML, Outcome.OPTED_OUT_TDM, Outcome.BLOCKED),
    )
)
"""Outcomes that asking again would not change, as long as the rules are the same."""

REUSE_SCHEMA = pa.schema([*MEDIA_SCHEMA, pa.field("into", pa.string()), pa.field("folder", pa.string())])


def reused(
    folder: Place,
    table: str,
    unit: str,
    rows: Sequence[Mapping[str, Any]],
    noted: Collection[str],
    files: Path | None = None,
) -> Iterator[list[Image]]:
    """Yield, per medium of a unit, its rows and images from earlier work.

    Only media of which every image is there, as it was encoded.
    `files`: the folder of the images, where they are files.
    """
    if not table:
        return
    by_image = {row["image_id"]: row for row in row_reader(folder / table, ("into",)).equal("into", unit)}
    by_media: dict[str, list[str]] = {}
    for row in rows:
        by_media.setdefault(row["media_id"], []).append(row["image_id"])
    for media_id, images in by_media.items():
        if media_id in noted or not all(image in by_image for image in images):
            continue
        copied = [found for image in images if (found := _copied(by_image[image], files))]
        if len(copied) == len(images):
            yield copied


def _copied(row: dict[str, Any], files: Path | None) -> Image | None:
    """Return a row and its image; None for an image that was damaged where it lies, which is asked for anew."""
    folder, blob_name = row.pop("folder"), f"{row['unit']}.bin"
    offset, length = row["offset"], row["length"]
    data = b""
    if files is not None and length:
        data = image_file(files, row["media_id"]).read_bytes()
    elif length:
        source: Place
        if is_published(folder):
            source = published_folder(folder).files[blob_name].copy()
        else:
            source = place(folder) / "blobs" / blob_name
        with source.open("rb") as blob:
            blob.seek(offset)
            data = blob.read(length)
    if length and hashlib.sha256(data).hexdigest() != row["stored_sha256"]:
        return None
    return {name: row[name] for name in MEDIA_SCHEMA.names if name not in ("unit", "offset", "length")}, data
