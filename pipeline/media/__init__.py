"""Media: bytes from hosts and local stores, and stored images with their hashes; knows no Beam.

check_url(url, rules)                     may this URL be asked at all
Fetcher(rules).fetch(url)                 bytes or an outcome, politely and within every cap
open_store(path).read(path, max_bytes)    the same, from a folder or zips
process(data, boxes, rules, max_pixels)   bytes to stored JPEGs, sizes and hashes
keep_original(folder, data, kind)         the fetched bytes themselves, on request
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from pipeline.media.fetcher import Fetcher
    from pipeline.media.http.guards import Refusal, check_url, is_public, to_uri
    from pipeline.media.images.stored_image import Box, Processed, process, stored_picture, stored_raster
    from pipeline.media.originals import keep_original
    from pipeline.media.stores import MediaStore, open_store
    from pipeline.model.fetched import Fetched

__all__ = [
    "Box",
    "Fetched",
    "Fetcher",
    "MediaStore",
    "Processed",
    "Refusal",
    "check_url",
    "is_public",
    "keep_original",
    "open_store",
    "process",
    "stored_picture",
    "stored_raster",
    "to_uri",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "pipeline.media.fetcher": ("Fetcher",),
        "pipeline.media.http.guards": ("Refusal", "check_url", "is_public", "to_uri"),
        "pipeline.media.images.stored_image": ("Box", "Processed", "process", "stored_picture", "stored_raster"),
        "pipeline.media.originals": ("keep_original",),
        "pipeline.media.stores": ("MediaStore", "open_store"),
        "pipeline.model.fetched": ("Fetched",),
    },
)
