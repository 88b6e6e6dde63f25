"""The rows that quotas count: each kept record with its taxon, and with what the rules of a recipe ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests import Recipe, SelectRules
from manifests.sections.select_rules import LISTED
from pipeline.model.outcomes import Outcome
from pipeline.quotas.preferred import preferences, preferred_sql
from pipeline.storage.statements import Statements, identifier

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
_PERIODS = {
    "year": "r.event_year",
    "month": "r.event_month",
    "season": "(r.event_month % 12) // 3",
    "daypart": "TRY_CAST(left(r.event_time, 2) AS INTEGER) // 6",
}
"""SQL of each period: its number, NULL where the record does not tell."""
KILOMETRES = 111.195
"""Of a degree of a great circle on a sphere of 6,371 km."""


def make_rows(
    con: duckdb.DuckDBPyConnection, recipe: Recipe, kept: str, names: str, records: str, media: str | None
) -> list[str]:
    """Make the tables `quota_names` and `quota_rows`; return the terms of the order in which images are preferred.

    `kept`, `names`, `records`, `media`: FROM clauses; `media` None: nothing is fetched yet. Every order ends with a
    seeded hash of the record's id.
    """
    rules = recipe.select
    con.execute(_SQL("names", names=names, taxon=taxon_sql(rules.quota_rank), per=per_sql(rules.most_taxa_per)))
    columns, order = [], []
    for place, name in enumerate(preferences(recipe, media is not None)):
        columns.append(f"{preferred_sql(name, recipe, media is not None)} AS prefer_{place}")
        order.append(f"prefer_{place} NULLS LAST")
    if rules.balance is not None:
        columns.append(f"{_values(rules.balance)} AS balance")
    if rules.thin_to is not None:
        columns.append(f"{place_sql(rules)} AS place")
    group = group_sql(rules, "n.taxon")
    text = " ".join([*columns, group])
    joins = f"LEFT JOIN {records} r USING (record_id)" if "r." in text else ""
    joins += f" LEFT JOIN {media} m ON m.image_id = k.image_id" if "m." in text else ""
    con.execute(_SQL("rows", kept=kept, group=group, columns="".join(f", {each}" for each in columns), joins=joins))
    return [*order, "quota_order(record_id)"]


def once_sql(records: str, ledger: str) -> str:
    """Return the FROM clause of the records without rows that state one again: each record_id is there once.

    `records`, `ledger`: FROM clauses of what ingest read, and of what screen ended.
    """
    return _SQL("once", records=records, ledger=ledger, again=Outcome.DUPLICATE_RECORD.code)


def taxon_sql(rank: str | None) -> str:
    """Return the SQL of the taxon of a resolved name `n` that quotas count: that of a rank, else its own.

    >>> taxon_sql("genus"), taxon_sql(None)
    ('coalesce(n."genus_id", n.accepted_id, \\'\\')', "coalesce(n.accepted_id, '')")
    """
    own = "n.accepted_id" if rank in (None, "accepted") else f"n.{identifier(f'{rank}_id')}, n.accepted_id"
    return f"coalesce({own}, '')"


def group_sql(rules: SelectRules, taxon: str) -> str:
    """Return the SQL of what quotas count the images of: a taxon, with the values of `quota_columns` of a record `r`.

    >>> group_sql(SelectRules(), "n.taxon")
    'n.taxon'
    """
    return f"{taxon} || chr(31) || {_values(rules.quota_columns)}" if rules.quota_columns else taxon


def per_sql(rank: str | None) -> str:
    """Return the SQL of the taxon that the number of taxa is counted within; '' where it is counted over all.

    The taxa that a recipe lists are asked of the table `quota_listed` (see `pipeline.quotas.listed_taxa`).
    """
    if rank == LISTED:
        return "coalesce((SELECT listed FROM quota_listed l WHERE l.accepted_id = n.accepted_id), '')"
    return "''" if rank is None else f"coalesce(n.{identifier(f'{rank}_id')}, '')"


def _values(columns: tuple[str, ...]) -> str:
    """Return the SQL of the values of some columns of a record as one text."""
    cells = ", ".join(f"coalesce(r.{identifier(column)}::VARCHAR, '')" for column in columns)
    return f"concat_ws(chr(31), {cells})"


def place_sql(rules: SelectRules) -> str:
    """Return the SQL of the cell and period of a record `r` as one text; NULL where it has not all of them."""
    parts = [f"({_PERIODS[name]})::VARCHAR" for name in rules.thin_by or ()]
    if rules.thin_kilometres is not None:
        parts.insert(0, cell_sql("r.lat", "r.lon", rules.thin_kilometres))
    elif rules.thin_degrees is not None:
        side = rules.thin_degrees
        parts.insert(0, f"(floor(r.lat / {side!r})::BIGINT || ' ' || floor(r.lon / {side!r})::BIGINT)")
    return " || '|' || ".join(parts)


def cell_sql(lat: str, lon: str, kilometres: float) -> str:
    """Return the SQL of the cell of a position: 'row column', NULL without one.

    Rows are bands of latitude of that height; each is cut into the whole number of cells that comes nearest to that
    width along its middle. The last column ends at the antimeridian.
    """
    degrees = kilometres / KILOMETRES
    return _SQL("cell", lat=lat, lon=lon, degrees=degrees)
