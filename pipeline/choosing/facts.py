"""What a choice left out, counted: the facts of the stage that made it, from which losses are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from manifests import Recipe
from pipeline.choosing.rules import chooses, taxon_rules
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.places import Place

if TYPE_CHECKING:
    import duckdb

FACT = "not_selected"
"""The fact's name: records that were not chosen, by source and by the key that says so, or the key and its rule."""


def choice_facts(
    con: duckdb.DuckDBPyConnection, ledger: Place, recipe: Recipe, taxa: Sequence[tuple[int, str]]
) -> dict[str, Any]:
    """Return the facts of a choice: rows by source and key, and the taxa that its lists were found to be.

    `taxa`: (number of the list, accepted id); {} where the recipe chooses nothing.
    """
    if not chooses(recipe):
        return {}
    # Shipped rules share one key: which of them it was says more.
    rule = "CASE WHEN evidence ->> '$.key' LIKE '%.rules' THEN ': ' || (evidence ->> '$.rule') ELSE '' END"
    query = (
        f"SELECT source, (evidence ->> '$.key') || {rule} AS key, count(*) FROM {sql.parquet(ledger)} "
        f"WHERE outcome = '{Outcome.NOT_SELECTED.code}' GROUP BY ALL ORDER BY ALL"
    )
    counted: dict[str, dict[str, int]] = {source.name: {} for source in recipe.sources}
    for source, key, rows in con.execute(query).fetchall():
        counted[source][key] = rows
    keys = {rule.number: rule.key for rule in taxon_rules(recipe)}
    listed: dict[str, list[str]] = {}
    for number, accepted_id in taxa:
        listed.setdefault(keys[number], []).append(accepted_id)
    return {FACT: counted, **({"chosen_taxa": listed} if listed else {})}
