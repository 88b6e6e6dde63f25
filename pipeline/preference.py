"""The order of preference among records that show the same image: one rule, before and after it is fetched.

Of equal images the more precisely named is kept; then the more openly licensed, the larger, the one from the source
of higher priority, and last the one with the smaller record id, so that the order is total and a function of content.
"""

from __future__ import annotations

from manifests import Recipe
from pipeline.records import RANK_COLUMNS
from pipeline.sql import quote

OPENNESS = {
    family: place
    for place, families in enumerate(
        (
            ("CC0", "PD", "PDM"),
            ("CC-BY", "CDLA-Permissive"),
            ("CC-BY-SA",),
            ("CC-BY-NC",),
            ("CC-BY-NC-SA",),
            ("CC-BY-ND",),
            ("CC-BY-NC-ND",),
        )
    )
    for family in families
}
"""Place of a licence family from the most open to the least: of two equal images the more open one is kept."""


def specificity(name: str) -> str:
    """Give the SQL that counts the ranks at which a resolved name is placed; `name` is an alias of the names table."""
    return " + ".join(f'({name}."{rank}_id" IS NOT NULL)::INTEGER' for rank in RANK_COLUMNS)


def preference(recipe: Recipe, *, name: str, record: str, pixels: str) -> str:
    """Give the ORDER BY terms that put the preferred record first.

    `name` is an alias of the resolved names (RESOLVED_SCHEMA), `record` one of a table with source, record_id and
    license_family; `pixels` is an SQL expression, null where the size is not known: unknown sizes come last.
    """
    openness = " ".join(f"WHEN {quote(family)} THEN {place}" for family, place in OPENNESS.items())
    priority = " ".join(f"WHEN {quote(spec.name)} THEN {spec.priority}" for spec in recipe.sources)
    return (
        f"{specificity(name)} DESC, CASE {record}.license_family {openness} ELSE {len(OPENNESS)} END, "
        f"{pixels} DESC NULLS LAST, CASE {record}.source {priority} END, {record}.record_id"
    )
