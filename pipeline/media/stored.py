"""One answer as rows and images: what is written of every medium, whichever way its bytes came."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from manifests import ImageRules
from pipeline.media.images.stored_image import Box, Processed, process
from pipeline.media.media_schema import MEASURES
from pipeline.model.fetched import Fetched


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
        "stored_sha256": hashlib.sha256(image.jpeg).hexdigest(),
        **{name: getattr(image.measures, name) for name in MEASURES},
    }
