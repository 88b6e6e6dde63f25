"""Places that are not told: which records show a threatened taxon, and what leaves the run in place of where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from pipeline.privacy.places import GENERALISED, WITHHELD, create_privacy, generalised, place_columns
    from pipeline.privacy.protected import PLACES_SCHEMA, THREATENED_SCHEMA, write_places

__all__ = [
    "GENERALISED",
    "PLACES_SCHEMA",
    "THREATENED_SCHEMA",
    "WITHHELD",
    "create_privacy",
    "generalised",
    "place_columns",
    "write_places",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "pipeline.privacy.places": ("GENERALISED", "WITHHELD", "create_privacy", "generalised", "place_columns"),
        "pipeline.privacy.protected": ("PLACES_SCHEMA", "THREATENED_SCHEMA", "write_places"),
    },
)
