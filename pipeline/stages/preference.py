"""The order of preference among records that show the same image: one rule, before and after it is fetched.

Of equal images the one with a usable licence is kept; then the more precisely named, the one whose label is vouched
for, the more openly licensed, the larger as it is stored, the one with more colour, the larger, the one from the source
of higher priority, the one of more bytes per pixel, and last the one with the smaller record id, so that the order is
total and a function of content. Before an image is fetched, nobody knows of its colour and bytes.
"""

from __future__ import annotations

from dedup import COLOURS
from manifests import Recipe
from pipeline.model.records import RANK_COLUMNS
from pipeline.quotas.preferred import openness_sql, priority_sql
from pipeline.storage.database import in_list, quote
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


def specificity(name: str) -> str:
    """Return the SQL that counts the ranks at which a resolved name stands; `name` is an alias of the names table."""
    return " + ".join(f'({name}."{rank}_id" IS NOT NULL)::INTEGER' for rank in RANK_COLUMNS)


VOUCHED = (
    *("research", "verified", "validated", "approved", "confirmed", "expert", "human"),
    *("verified by expert", "verified by collector", "verified by data maintainer"),
)
"""dwc:identificationVerificationStatus, in lower case, of labels that somebody has checked."""
SPECIMENS = ("PRESERVED_SPECIMEN", "FOSSIL_SPECIMEN", "LIVING_SPECIMEN", "MATERIAL_SAMPLE")
"""dwc:basisOfRecord of what can be determined again."""


def provenance(record: str) -> str:
    """Return the SQL of how well a label is vouched for, 0 best; `record` is an alias of the records table.

    0: checked by somebody, or of a specimen; 1: nothing is said; 2: given by a machine.
    """
    status = f"lower(coalesce({record}.label_status, ''))"
    return (
        f"CASE WHEN {status} IN {in_list(VOUCHED)} THEN 0 WHEN {status} = 'machine' THEN 2 "
        f"WHEN {_is_specimen(record)} THEN 0 ELSE 1 END::TINYINT"
    )


def specimen_key(record: str) -> str:
    """Return the SQL of the key under which two releases hold one specimen; null for what is none."""
    return f"CASE WHEN {_is_specimen(record)} THEN nullif(upper(trim({record}.occurrence_key)), '') END"


def _is_specimen(record: str) -> str:
    return f"upper(replace(coalesce({record}.basis_of_record, ''), ' ', '_')) IN {in_list(SPECIMENS)}"


def preference(recipe: Recipe, *, name: str, record: str, pixels: str, media: str = "") -> str:
    """Return the ORDER BY terms that put the preferred record first.

    `name` is an alias of the resolved names (RESOLVED_SCHEMA), `record` one of a table with source, record_id,
    license_family and provenance; `pixels` is an SQL expression, null where the size is not known: unknown sizes come
    last. `media`: an alias of fetched media (MEDIA_SCHEMA), where they are fetched.
    """
    stored = fidelity = ""
    if media:
        shown = "least" if recipe.image.rule == "shortest" else "greatest"
        grades = " ".join(f"WHEN {quote(colours)} THEN {place}" for place, colours in enumerate(COLOURS))
        # As large as they are stored first: of what is beyond that, colour is worth more than pixels.
        stored = f"{shown}({media}.width, {media}.height) DESC NULLS LAST, "
        stored += f"CASE {media}.colours {grades} ELSE {len(COLOURS)} END,"
        # Between equal numbers of pixels, more bytes are more bytes per pixel.
        fidelity = f"{media}.bytes DESC NULLS LAST,"
    return _SQL(
        "order",
        record=record,
        allowed=recipe.licences.allow,
        specificity=specificity(name),
        openness=openness_sql(f"{record}.license_family"),
        stored=stored,
        pixels=pixels,
        priority=priority_sql(f"{record}.source", recipe),
        fidelity=fidelity,
    )


def fetched_preference(recipe: Recipe) -> str:
    """Return the terms over c (records), m (their media, which are fetched) and n (their names)."""
    return preference(recipe, name="n", record="c", pixels="m.source_width::BIGINT * m.source_height", media="m")
