"""The tables of fetching: what is wanted, and what became of it."""

from __future__ import annotations

import pyarrow as pa

MEASURES = ("sharpness", "brightness", "contrast", "colourfulness", "entropy", "border_share")
"""Of the stored picture, as `pipeline.media.images.measures` takes them."""

PLAN_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("host", "media_id", "store", "address", "image_id", "unit")]
    + [(name, pa.float64()) for name in ("box_x", "box_y", "box_w", "box_h")]
)
"""One row per image that is wanted, those of a work unit together."""

UNITS_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("host", "store", "unit")] + [(name, pa.int64()) for name in ("first", "rows")]
)
"""One row per work unit of a plan: its host, where its media lie, and its rows in the plan."""

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
        *(pa.field(name, pa.float64()) for name in MEASURES),
        pa.field("pixel_sha256", pa.string()),
        pa.field("stored_sha256", pa.string()),  # of the encoded image, taken where it was encoded
        pa.field("unit", pa.string()),  # blobs/UNIT.bin holds the encoded image
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
    ]
)
"""One row per image: how it was fetched, what was measured, and where its bytes lie."""
