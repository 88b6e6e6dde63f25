"""One answer as rows and images: what is written of every medium, whichever way its bytes came."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from manifests import ImageRules
from pipeline.media.images.stored_image import Box, Processed, process
from pipeline.model.fetched import Fetched

PLAN_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("host", "media_id", "store", "address", "image_id", "unit")]
    + [(name, pa.float64()) for name in ("box_x", "box_y", "box_w", "box_h")]
)
"""One row per image that is wanted; a row group is a work unit."""

MEDIA_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("media_id", pa.string()),
        pa.field("host", pa.string()),
        pa.field("address", pa.string()),
        pa.field("outcome", pa.string()),  # null: the image is stored
        pa.field("detail", pa.string()),
        pa.field("status", pa.int32()),
        pa.field("attempts", pa.int32()),
        pa.field("final_url", pa.string()),
        pa.field("content_type", pa.string()),
        pa.field("bytes", pa.int64()),  # as fetched
        pa.field("sha256", pa.string()),  # of the bytes as fetched
        pa.field("format", pa.string()),
        pa.field("source_width", pa.int32()),  # native pixels after orientation, of the crop for boxes
        pa.field("source_height", pa.int32()),
        pa.field("width", pa.int32()),  # as stored
        pa.field("height", pa.int32()),
        pa.field("phash", pa.string()),  # 16 hex digits
        pa.field("pdq", pa.binary(32)),  # pdq-l64/2
        pa.field("quality", pa.int32()),
        pa.field("colours", pa.string()),  # colours/1: many, few or grey
        pa.field("pixel_sha256", pa.string()),
        pa.field("unit", pa.string()),  # blobs/UNIT.bin holds the encoded image
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
    ]
)
"""One row per image: how it was fetched, what was measured, and where its bytes lie."""


def stored_images(
    rows: Sequence[Mapping[str, Any]], fetched: Fetched, rules: ImageRules, max_pixels: int
) -> list[tuple[dict[str, Any], bytes]]:
    """Turn one answer into a MEDIA_SCHEMA row and JPEG bytes for every image that is wanted of the medium."""
    base = {
        "status": fetched.status,
        "attempts": fetched.attempts,
        "final_url": fetched.final_url,
        "content_type": fetched.content_type,
        "detail": fetched.detail,
    }
    if fetched.outcome is not None:
        failed = {**base, "outcome": fetched.outcome.code}
        return [({**_identity(row), **failed}, b"") for row in rows]
    base |= {"bytes": len(fetched.data), "sha256": hashlib.sha256(fetched.data).hexdigest()}
    boxes = [
        None if row["box_x"] is None else Box(row["box_x"], row["box_y"], row["box_w"], row["box_h"]) for row in rows
    ]
    images = process(fetched.data, boxes, rules, max_pixels)
    return [
        ({**_identity(row), **base, **_measures(image)}, image.jpeg) for row, image in zip(rows, images, strict=True)
    ]


def _identity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("image_id", "media_id", "host", "address")}


def _measures(image: Processed) -> dict[str, Any]:
    if image.outcome is not None:
        return {"outcome": image.outcome.code, "detail": image.detail, "format": image.format or None}
    return {
        "outcome": None,
        "detail": image.detail,
        "format": image.format,
        "source_width": image.source_width,
        "source_height": image.source_height,
        "width": image.width,
        "height": image.height,
        "phash": f"{image.phash:016x}",
        "pdq": image.pdq,
        "quality": image.quality,
        "colours": image.colours,
        "pixel_sha256": image.pixel_sha256,
    }
