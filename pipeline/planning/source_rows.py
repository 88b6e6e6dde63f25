"""What becomes of every source's rows before a byte is fetched: left, lost by reason, and what changes most of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests import Recipe
from pipeline.choosing.facts import FACT
from pipeline.losses.losses import largest_losses, loss_line
from pipeline.model.outcomes import Outcome
from pipeline.model.visible import on_one_line
from pipeline.planning.plan_facts import EndedRows, KeyRows, SourceRows
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import read_json
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)
_STAGES = ("ingest", "screen")


def ledger_sql(folder: RunFolder) -> str:
    """Return the FROM clause of the ledger up to screen: source, outcome, evidence, other_id, and its stage."""
    ledgers = {stage: sql.parquet(folder.stage(stage) / "ledger") for stage in _STAGES}
    return f"({_SQL('ledger', ingest=ledgers['ingest'], screen=ledgers['screen'])})"


def source_rows(con: duckdb.DuckDBPyConnection, folder: RunFolder, recipe: Recipe) -> tuple[SourceRows, ...]:
    """Return what becomes of the rows of every source, in the order of the recipe."""
    ledger = ledger_sql(folder)
    ended: dict[str, list[EndedRows]] = {}
    for source, stage, outcome, rows in con.execute(_SQL("ended", ledger=ledger)).fetchall():
        ended.setdefault(source, []).append(EndedRows(stage, outcome, rows))
    entered, left = _balances(folder)
    unchosen = read_json(folder.done("screen"))["facts"].get(FACT, {})
    losses = largest_losses(con, ledger)
    found = []
    for spec in recipe.sources:
        ways = tuple(ended.get(spec.name, ()))
        away = sum(each.rows for each in ways if each.outcome == Outcome.NOT_SELECTED.code)
        lost = sum(each.rows for each in ways) - away
        rows = entered.get(spec.name, 0)
        loss = losses.get(spec.name)
        line = None if loss is None else on_one_line(loss_line(loss, recipe, rows - away, lost))
        keys = tuple(KeyRows(key, number) for key, number in sorted(unchosen.get(spec.name, {}).items()))
        found.append(SourceRows(spec.name, rows, left.get(spec.name, 0), ways, keys, line))
    return tuple(found)


def _balances(folder: RunFolder) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many rows each source has, and how many screen leaves, as the stages' balances count them."""
    ingest, screen = (read_json(folder.done(stage)) for stage in _STAGES)
    facts = ingest["facts"]["sources"]
    entered = {each["source"]: each["rows_in"] - facts[each["source"]]["absorbed"] for each in ingest["balance"]}
    return entered, {each["source"]: each["rows_out"] for each in screen["balance"]}
