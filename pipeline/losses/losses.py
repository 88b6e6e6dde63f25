"""The largest loss of a source, in one line: how many rows ended how, for what cause, and what changes it."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from manifests import Recipe
from pipeline.losses.advice import advice
from pipeline.losses.remedies import REMEDIES
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_NO_LOSS = (Outcome.KEPT.code, Outcome.NOT_SELECTED.code)
_SHOWN = 200  # characters of a value of the evidence


@dataclass(frozen=True, slots=True)
class Loss:
    """The commonest way in which rows of a source ended."""

    source: str
    outcome: Outcome
    rows: int
    value: str
    """The commonest value of what `REMEDIES` calls the outcome's facet; '' where the evidence has none."""
    with_value: int
    not_in_taxonomy: bool
    """The taxonomy does not hold the names of most of the rows."""


def loss_line(loss: Loss, recipe: Recipe, rows: int, lost: int) -> str:
    """Return one loss in one line: rows that entered, rows with the outcome, its cause, and what changes it.

    >>> recipe = Recipe("r", ())
    >>> loss = Loss("a", Outcome.LICENCE_NOT_ALLOWED, 60, "CC-BY-ND-4.0", 50, False)
    >>> loss_line(loss, recipe, 100, 70).partition("; licences.allow")[0]
    'source a: 60 of 100 rows ended as licence_not_allowed (CC-BY-ND-4.0 in 50), 10 otherwise'
    """
    value = loss.value if len(loss.value) <= _SHOWN else loss.value[:_SHOWN] + "..."
    share = "" if loss.with_value == loss.rows else f" in {loss.with_value:,}"
    named = f" ({value}{share})" if value else ""
    otherwise = f", {lost - loss.rows:,} otherwise" if lost > loss.rows else ""
    remedy = advice(loss.outcome, recipe, loss.source, loss.value, loss.not_in_taxonomy)
    return (
        f"source {loss.source}: {loss.rows:,} of {rows:,} rows ended as {loss.outcome.code}{named}{otherwise}; {remedy}"
    )


def largest_loss(con: duckdb.DuckDBPyConnection, ledger: str, source: str) -> Loss | None:
    """Return the largest loss of one source, as `largest_losses` finds it; None when every row was kept.

    >>> rows = '''(VALUES ('a', 'gone', '{"address": "https://x.org/1"}', NULL), ('a', 'kept', NULL, NULL))
    ...           r(source, outcome, evidence, other_id)'''
    >>> largest_loss(duckdb.connect(), rows, "a").value
    'x.org'
    """
    return largest_losses(con, f"(SELECT * FROM {ledger} WHERE source = {sql.quote(source)})").get(source)


def largest_losses(con: duckdb.DuckDBPyConnection, ledger: str) -> dict[str, Loss]:
    """Return, by source, the commonest outcome of rows that were chosen and not kept, and the commonest cause of it.

    `ledger`: FROM clause of rows with source, outcome, evidence and other_id, as ENDED_SCHEMA and the catalog have
    them; it is read twice, however many sources there are. A source of which every row was kept has none.
    """
    counted = con.execute(_SQL("commonest", ledger=ledger, no_loss=_NO_LOSS)).fetchall()
    if not counted:
        return {}
    facets = " ".join(
        f"WHEN {sql.quote(code)} THEN ({REMEDIES[Outcome[code.upper()]].facet})::VARCHAR"
        for code in sorted({code for _, code, _ in counted})
    )
    pairs = ", ".join(f"({sql.quote(source)}, {sql.quote(code)})" for source, code, _ in counted)
    causes = con.execute(_SQL("causes", ledger=ledger, pairs=pairs, facet=f"CASE l.outcome {facets} END")).fetchall()
    cause_of = {source: rest for source, *rest in causes}
    found = {}
    for source, code, rows in counted:
        value, with_value, unknown = cause_of[source]
        found[source] = Loss(source, Outcome[code.upper()], rows, str(value or ""), with_value, 2 * unknown > rows)
    return found
