"""The columns of a hash list."""

from __future__ import annotations

import pyarrow as pa

HASH_LIST_SCHEMA = pa.schema(
    [
        pa.field("benchmark", pa.string()),  # name of the benchmark
        pa.field("item", pa.string()),  # the item's name in the benchmark, such as a file path; unique is not required
        pa.field("sha256", pa.string()),  # of the encoded bytes, 64 hex digits
        pa.field("pixel_sha256", pa.string()),  # hashes.ImageHashes.pixel_sha256, 64 hex digits
        pa.field("pdq", pa.string()),  # 8 variants in the order of hashes.DIHEDRAL, or 1: 64 hex digits each, by spaces
        pa.field("quality", pa.int16()),  # PDQ quality, 0 to 100
        pa.field("phash", pa.string()),  # 8 variants in the order of hashes.DIHEDRAL, or 1: 16 hex digits, by spaces
        pa.field("media_key", pa.string()),  # key of the medium across sources, such as inat:123
        pa.field("record_key", pa.string()),  # source:id of the record
        pa.field("occurrence_key", pa.string()),  # key of the observed individual or event, or source:key
        pa.field("taxon", pa.string()),  # scientific name of the item's class
        pa.field("spec", pa.string()),  # HASH_SPEC wherever pdq or pixel_sha256 stands
        pa.field("outcome", pa.string()),  # why the item could not be hashed; null where it could
    ]
)
