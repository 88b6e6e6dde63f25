"""The one rule of what is said of a place, as SQL for shards and views, and as a function to hold it against.

Coordinates of '0.1' are rounded to the nearest tenth of a degree: the centre of the cell of 0.1 by 0.1 degree around
it, at most 7.9 km away. Rounding, unlike cutting digits off, draws nothing towards the equator and the prime meridian,
and keeps the poles and the antimeridian where they are. Terms: dwc:dataGeneralizations of Darwin Core. Source: Chapman
2020, Current Best Practices for Generalizing Sensitive Species Occurrence Data, https://doi.org/10.15468/doc-5jp4-5g10.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import duckdb

from pipeline.storage.database import quote
from pipeline.storage.run_folder import RunFolder

if TYPE_CHECKING:
    from manifests.recipe import PrivacyRules

GENERALISED = "coordinates rounded to 0.1 degree"
WITHHELD = "coordinates withheld"


def generalised(degrees: float) -> float:
    """Return a latitude or longitude to the nearest tenth of a degree, a half upwards.

    >>> [generalised(value) for value in (51.4779, -0.0015, -33.85, -90.0, 179.96)]
    [51.5, 0.0, -33.8, -90.0, 180.0]
    """
    return math.floor(degrees * 10 + 0.5) / 10 + 0.0


def place_columns(rules: PrivacyRules) -> tuple[str, str, str]:
    """Return the SQL of lat, lon and data_generalizations of a record `r`, joined to `select/places` as `w`.

    >>> from manifests import PrivacyRules
    >>> place_columns(PrivacyRules())[0]
    'r.lat AS lat'
    """
    if rules.coordinates == "exact":
        return "r.lat AS lat", "r.lon AS lon", "NULL::VARCHAR AS data_generalizations"
    shown = "w.record_id IS NULL" if rules.threatened else "false"

    def told(name: str) -> str:
        rounded = f"floor(r.{name} * 10 + 0.5) / 10 + 0.0" if rules.coordinates == "0.1" else "NULL::DOUBLE"
        return f"CASE WHEN {shown} THEN r.{name} ELSE {rounded} END AS {name}"

    said = quote(GENERALISED if rules.coordinates == "0.1" else WITHHELD)
    note = f"CASE WHEN NOT ({shown}) AND r.lat IS NOT NULL THEN {said} END AS data_generalizations"
    return told("lat"), told("lon"), note


def create_privacy(con: duckdb.DuckDBPyConnection, folder: RunFolder) -> None:
    """Make the table `privacy` of the catalog from the run's recipe: what the views say of places."""
    from pipeline.storage.files.atomic import read_json

    resolved = json.loads(read_json(folder.manifest)["resolved"]) if folder.manifest.exists() else {}
    rules = resolved.get("privacy", {})
    con.execute("CREATE TABLE privacy (coordinates VARCHAR, threatened VARCHAR)")
    con.execute("INSERT INTO privacy VALUES (?, ?)", [rules.get("coordinates", "exact"), rules.get("threatened", "")])
