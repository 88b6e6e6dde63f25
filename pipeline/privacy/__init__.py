"""Places that are not told: which records show a threatened taxon, and what leaves the run in place of where it was."""

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
