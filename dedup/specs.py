"""The name and version of every hash, as they stand in schemas: a hash means nothing without the rule that made it.

Two hashes may be compared when their names and versions are equal. A change that can move a single bit of any image is
a new version.
"""

from __future__ import annotations

import pyarrow as pa

HASH_SPEC = "pdq-l64/2"
"""The block of THUMBNAIL_SPEC, PDQ's 16 x 16 DCT, above the lower median: 256 bits, highest frequency first."""

PHASH_SPEC = "phash-l32/2"
"""The block of THUMBNAIL_SPEC, LANCZOS to 32 x 32, DCT, 8 x 8 lowest frequencies above their median:
`imagehash.phash` of the block."""

PIXEL_SPEC = "rgb-sha256/1"
"""SHA-256 of 'RGB <width> <height>' and a line feed, then the RGB bytes row by row."""

THUMBNAIL_SPEC = "luma-l64/2"
"""Pillow 'L' luma, means of (width // 256) x (height // 256) pixels where that is 2 or more, LANCZOS to 64 x 64: row by
row, one byte each."""

COLOUR_SPEC = "colours/1"
"""`dedup.colours`: 'grey', 'few' (at most 256 in what was decoded, unless by a lossy format) or 'many'."""

HASH_COLUMNS = pa.schema(
    [
        pa.field("sha256", pa.string(), metadata={"spec": "sha256"}),  # of the encoded bytes, 64 hex digits
        pa.field("pixel_sha256", pa.string(), metadata={"spec": PIXEL_SPEC}),
        pa.field("phash", pa.string(), metadata={"spec": PHASH_SPEC}),  # 16 hex digits
        pa.field("pdq", pa.binary(32), metadata={"spec": HASH_SPEC}),
        pa.field("quality", pa.int32(), metadata={"spec": HASH_SPEC}),  # 0 to 100
        pa.field("degenerate", pa.string(), metadata={"spec": THUMBNAIL_SPEC}),  # `information.DEGENERATE`, else empty
        pa.field("thumbnail", pa.binary(4096), metadata={"spec": THUMBNAIL_SPEC}),
    ]
)
"""Columns for a table of hashed images, each with the spec of its rule in the field's metadata."""


def spec_of(column: str) -> str:
    """Return the name and version of the rule behind a column of HASH_COLUMNS; KeyError for another column.

    >>> spec_of("pdq"), spec_of("phash")
    ('pdq-l64/2', 'phash-l32/2')
    """
    spec: bytes = HASH_COLUMNS.field(column).metadata[b"spec"]
    return spec.decode()
