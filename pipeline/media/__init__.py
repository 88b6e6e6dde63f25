"""Media: bytes from hosts and local stores, and stored images with their hashes; knows no Beam.

check_url(url, rules)                     may this URL be asked at all
Fetcher(rules).fetch(url)                 bytes or an outcome, politely and within every cap
open_store(path).read(path, max_bytes)    the same, from a folder or zips
process(data, boxes, rules, max_pixels)   bytes to stored JPEGs, sizes and hashes
keep_original(folder, data, kind)         the fetched bytes themselves, on request
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.media.images.stored_image import Box, Processed, process, stored_picture, stored_raster
from pipeline.model.fetched import Fetched

if TYPE_CHECKING:
    from pipeline.media.fetcher import Fetcher
    from pipeline.media.http.guards import Refusal, check_url, is_public, to_uri
    from pipeline.media.originals import keep_original
    from pipeline.media.stores import MediaStore, open_store

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

_ASKING = {
    "pipeline.media.fetcher": ("Fetcher",),
    "pipeline.media.http.guards": ("Refusal", "check_url", "is_public", "to_uri"),
    "pipeline.media.originals": ("keep_original",),
    "pipeline.media.stores": ("MediaStore", "open_store"),
}
"""What asks hosts and stores, by its module: loaded when it is used, as who compares images on disk asks nobody."""


def __getattr__(name: str) -> Any:
    for module, names in _ASKING.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
