"""The columns that a condition on records may name: those of the records, of their resolved names, of their pictures.

They are columns that the catalog's views `records`, `names` and `media` show; those of `media` are known once pictures
have been fetched, all others before. Where a row stood in its file is none of them, as no choice may depend on the
order of a release. A test holds the lists against the schemas of the tables themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_WHOLE, _NUMBER, _TEXTS, _BOOL = "INTEGER", "DOUBLE", "VARCHAR[]", "BOOLEAN"
_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")


def _typed(names: str, kinds: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name: kinds.get(name, "VARCHAR") for name in names.split()})


RECORD_COLUMNS = _typed(
    "record_id source release source_record_id source_media_id box_id occurrence_key individual_key sequence_key "
    "location_key dataset_key publisher media_url media_path media_key media_type media_format media_width "
    "media_height subject_words box_x box_y box_w box_h license_verbatim "
    "license_source license_id license_family may_share may_change may_sell rights_holder creator source_page name_id "
    "scientific_name name_authorship rank_verbatim kingdom phylum class order family genus species taxon_id "
    "vernacular_name basis_of_record occurrence_status image_category event_date event_year event_month "
    "event_time recorded_by quality_grade lat lon coordinate_uncertainty_m country_code country_verbatim sex "
    "sex_verbatim life_stage life_stage_verbatim label_status dna_bin dna_barcode split_hint issues",
    {
        **dict.fromkeys(("media_width", "media_height", "event_year", "event_month"), _WHOLE),
        **dict.fromkeys(("box_x", "box_y", "box_w", "box_h", "lat", "lon", "coordinate_uncertainty_m"), _NUMBER),
        **dict.fromkeys(("may_share", "may_change", "may_sell"), _BOOL),
        "issues": _TEXTS,
    },
)
"""Columns of a record with their types."""
NAME_COLUMNS = _typed(
    "name_id scientific_name canonical_name name_kind match_type taxonomic_status usage_id usage_name usage_rank "
    f"accepted_id accepted_name accepted_rank {' '.join(_RANKS)} {' '.join(f'{rank}_id' for rank in _RANKS)} "
    "vernacular_name vernacular_language confidence n_candidates runner_up_id runner_up_name edit_distance name_score "
    "author_score classification_score rank_score status_score hint_agreement issues taxonomy_build",
    {
        **dict.fromkeys(("confidence", "n_candidates", "edit_distance", "name_score", "author_score"), _WHOLE),
        **dict.fromkeys(("classification_score", "rank_score", "status_score"), _WHOLE),
        "issues": _TEXTS,
    },
)
"""Columns of a resolved name with their types; the seven ranks are those of the accepted taxon."""
MEDIA_COLUMNS = _typed(
    "format bytes source_width source_height width height quality colours sharpness brightness contrast colourfulness "
    "entropy border_share pixels aspect",
    {
        **dict.fromkeys(("bytes", "source_width", "source_height", "width", "height", "quality", "pixels"), _WHOLE),
        **dict.fromkeys(("sharpness", "brightness", "contrast", "colourfulness", "entropy", "border_share"), _NUMBER),
        "aspect": _NUMBER,
    },
)
"""Columns of a picture with their types."""
BURST_COLUMNS = _typed("distance frames", dict.fromkeys(("distance", "frames"), _WHOLE))
"""Columns of a picture's burst with their types: the greatest distance of its hash from those of the other frames."""
TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"records": RECORD_COLUMNS, "names": NAME_COLUMNS, "media": MEDIA_COLUMNS, "burst": BURST_COLUMNS}
)
LATE = ("media", "burst")
"""The tables whose columns are known only after fetch; they are named with them."""
SAME_IN_BOTH = frozenset({"name_id", "scientific_name"})
"""Columns of both tables that hold the same, so that they need not be told apart."""
PLACE_COLUMNS = frozenset({"lat", "lon", "location_key", "sequence_key", "individual_key", "country_verbatim"})
"""Columns that no evidence repeats: a recipe may keep places back."""
