"""What every sample must say, joined anew from what the stages wrote; nothing that the shards stage wrote is read.

`KEYS` maps every key of a sample's JSON, and `COLUMNS` every column of manifest.parquet, to the SQL that gives its
value. A key or column that is missing here is a finding of `verify`, so that none is ever left unchecked: whoever adds
one adds its line. Aliases: `d` decisions of select, `r` records of ingest, `n` names of resolve and likeness, `m` media
of fetch, `f` the walk over the tars.
"""

from __future__ import annotations

from pipeline.model.records import RANK_COLUMNS
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
NAMES = _SQL("names")
TRUTH = _SQL("truth", names=NAMES)

_TOLD = "v.coordinates = 'exact' OR (v.threatened <> '' AND w.record_id IS NULL)"
LATITUDE, LONGITUDE = (
    f"CASE WHEN {_TOLD} THEN r.{name} WHEN v.coordinates = '0.1' THEN floor(r.{name} * 10 + 0.5) / 10 + 0.0 END"
    for name in ("lat", "lon")
)
"""Where a sample was seen, as the recipe's [privacy] lets its JSON tell it."""
_GENERALIZATIONS = f"""CASE WHEN {_TOLD} OR r.lat IS NULL THEN NULL
    WHEN v.coordinates = '0.1' THEN 'coordinates rounded to 0.1 degree' ELSE 'coordinates withheld' END"""

_TAXON = ("accepted_id", "accepted_name", "accepted_rank", *RANK_COLUMNS, "vernacular_name", "match_type")
_IMAGE = ("width", "height", "source_width", "source_height", "format", "quality", "pixel_sha256", "phash")
_DECIDED = ("record_id", "image_id", "group_id", "split", "weight")
_RECORD = (
    *("source", "release", "source_record_id", "source_media_id", "box_id", "occurrence_key", "publisher"),
    *("media_url", "media_path", "media_key", "license_id", "license_family", "license_verbatim"),
    *("may_share", "may_change", "may_sell", "rights_holder", "creator", "source_page", "scientific_name"),
    *("basis_of_record", "image_category", "event_date", "country_code", "sex", "life_stage", "dna_bin"),
)
KEYS: dict[str, str] = {
    "key": "d.record_id",
    **{name: f"d.{name}" for name in _DECIDED},
    **{name: f"r.{name}" for name in _RECORD},
    "lat": LATITUDE,
    "lon": LONGITUDE,
    "data_generalizations": _GENERALIZATIONS,
    "box": "CASE WHEN r.box_x IS NOT NULL THEN [r.box_x, r.box_y, r.box_w, r.box_h] END",
    **{f"taxon.{name}": f'n."{name}"' for name in (*_TAXON, "taxonomy_build")},
    **{f"image.{name}": f"m.{name}" for name in _IMAGE},
    "image.source_sha256": "m.sha256",
    "image.pdq": "lower(hex(m.pdq))",
}
"""Key of a sample's JSON, nested ones with a dot: its value. Captions follow from the taxon (`pipeline.shards`)."""
TRUTHS = frozenset({"may_share", "may_change", "may_sell"})
"""Permissions: one that is not known may be told as one that is not given."""
RIGHTS = frozenset(
    {"license_id", "license_family", "license_verbatim", "rights_holder", "creator", "source_page", *TRUTHS}
)

COLUMNS: dict[str, str] = {
    "key": "f.key",
    "record_id": "d.record_id",
    "source": "r.source",
    "image_id": "d.image_id",
    "shard": "f.shard",
    "offset": 'f."offset"',
    "length": 'f."length"',
    "jpg_offset": "f.jpg_offset",
    "jpg_length": "f.jpg_length",
    "sha256": "f.jpg_sha256",
    "width": "m.width",
    "height": "m.height",
    "accepted_id": "n.accepted_id",
    "group_id": "d.group_id",
    "name_id": "d.name_id",
    "split": "d.split",
    "weight": "d.weight",
    "accepted_name": "n.accepted_name",
    "accepted_rank": "n.accepted_rank",
    **{rank: f'n."{rank}"' for rank in RANK_COLUMNS},
    "vernacular_name": "n.vernacular_name",
    "license_id": "r.license_id",
}
"""Column of manifest.parquet: its value."""


def flat_json() -> str:
    """Return the SQL of the JSON object that holds all of KEYS, side by side."""
    return "to_json({" + ", ".join(f"'{key}': {value}" for key, value in KEYS.items()) + "})"
