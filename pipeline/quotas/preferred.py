"""Which images of a taxon go first: one order, in which fetch asks for candidates and quotas take what was kept.

The terms are those of `select.prefer`, the weightiest first, and behind them a seeded hash of the record's id, so that
the order is total and a function of content. What nobody knows before a picture is there is no term of the order in
which it is asked for: the quality of its hash, and its size where the record declares none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from duckdb.func import ARROW

from manifests import Recipe
from pipeline.model.chunks import whole
from pipeline.model.licences import OPENNESS
from pipeline.model.vector_hashes import hash64_array, hexadecimal
from pipeline.storage.database import quote
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SQL = Statements(__name__)
_QUOTA_SALT, _TAXON_SALT = "quota", "quota taxon"
ONLY_FETCHED = ("quality",)
"""Words of `select.prefer` that nobody can answer before a picture is there."""


def note_orders(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Make the functions `quota_order` and `taxon_order` on a connection: from an id to a key that sorts.

    A native SQL hash may change between versions of DuckDB; BLAKE2b does not.
    """
    for name, salt in (("quota_order", _QUOTA_SALT), ("taxon_order", _TAXON_SALT)):
        con.create_function(name, _order(seed, salt), ["VARCHAR"], "VARCHAR", type=ARROW)


def _order(seed: int, salt: str) -> Callable[[pa.ChunkedArray], Any]:
    return lambda keys: hexadecimal(hash64_array(seed, salt, whole(keys)))


def preferences(recipe: Recipe, fetched: bool) -> tuple[str, ...]:
    """Return the words of `select.prefer` that can be answered, of images that are fetched or of candidates."""
    return tuple(name for name in recipe.select.prefer or () if fetched or name not in ONLY_FETCHED)


def preferred_sql(name: str, recipe: Recipe, fetched: bool) -> str:
    """Return the SQL by which a word of `select.prefer` sorts, the least first; NULL where it is not known.

    It speaks of `k` (rows with their source), `r` (records), `n` (`quota_names`) and, of what is fetched, `m` (media).
    """
    match name:
        case "licence":
            return openness_sql("r.license_family")
        case "quality":
            return "-m.quality"
        case "pixels":
            if fetched:
                return "-(m.source_width::BIGINT * m.source_height)"
            return _SQL("declared_pixels", most=recipe.fetch.max_pixels)
        case "box":
            return "(r.box_x IS NULL)::INTEGER"
        case "source":
            return priority_sql("k.source", recipe)
        case _:
            return _SQL("rarity")


def openness_sql(family: str) -> str:
    """Return the SQL of how open a licence family is, 0 the freest; a family that is not known is the least open.

    >>> openness_sql("r.license_family").split()[:6]
    ['CASE', 'r.license_family', 'WHEN', "'CC0'", 'THEN', '0']
    """
    openness = " ".join(f"WHEN {quote(each)} THEN {place}" for each, place in OPENNESS.items())
    return f"CASE {family} {openness} ELSE {len(OPENNESS)} END"


def priority_sql(source: str, recipe: Recipe) -> str:
    """Return the SQL of the priority that a recipe gives a source, the least preferred last.

    >>> from manifests import SourceSpec
    >>> priority_sql("k.source", Recipe("r", (SourceSpec("s", "eol", "x", priority=3),)))
    "CASE k.source WHEN 's' THEN 3 END"
    """
    priority = " ".join(f"WHEN {quote(spec.name)} THEN {spec.priority}" for spec in recipe.sources)
    return f"CASE {source} {priority} END"
