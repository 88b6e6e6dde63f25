"""What a run loses, said while it is lost: the largest loss of a source, its cause, and what changes it.

A source speaks when a stage ends more than half of the rows that entered it, and once more when the stages together
have ended more than half of all its rows. Rows are counted by the balances of the stages; only for a source that lost
so much is the ledger asked why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from manifests import Recipe
from pipeline.losses.losses import largest_loss, loss_line
from pipeline.model.visible import on_one_line
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import read_json
from pipeline.storage.run_folder import STAGES, RunFolder
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
ENDING = ("ingest", "screen", "fetch", "likeness", "select")
"""Stages in which rows end; their balances count rows of sources."""
_CHOOSING = "screen"
"""The stage that ends what the recipe does not choose."""


def stage_losses(folder: RunFolder, stage: str, recipe: Recipe) -> Iterator[str]:
    """Yield a line for every source that lost more than half of its rows in a finished stage, or with it over all."""
    if stage == "holdout":
        yield from _not_covered(folder, recipe)
    if stage not in ENDING:
        return
    away = {source: sum(keys.values()) for source, keys in _unchosen(folder).items()}
    total, before = _rows_of_sources(folder), dict(_rows_of_sources(folder))
    for earlier in ENDING[: ENDING.index(stage)]:
        before |= dict.fromkeys(before, 0) | {name: out for name, _, out in _rows(folder, earlier)}
    if ENDING.index(stage) >= ENDING.index(_CHOOSING):
        total, before = ({name: rows - away.get(name, 0) for name, rows in each.items()} for each in (total, before))
    if stage == _CHOOSING:
        nothing = all(left == 0 for _, _, left in _rows(folder, stage))
        yield from (f"{stage}: {line}" for line in _not_chosen(folder, nothing))
    for source, entered, left in _rows(folder, stage):
        if away.get(source, 0) == entered > 0 and stage == _CHOOSING:
            continue
        entered -= away.get(source, 0) if stage == _CHOOSING else 0
        if total[source] == 0:
            yield f"{stage}: source {source}: its release has no rows; see that sources.path names the right file"
        elif 2 * left < entered:
            yield from _line(folder, (stage,), recipe, source, f"{stage}: ", entered, entered - left)
        elif 2 * left < total[source] <= 2 * before[source]:
            so_far = ENDING[: ENDING.index(stage) + 1]
            yield from _line(folder, so_far, recipe, source, f"{stage}: so far, ", total[source], total[source] - left)


def run_losses(folder: RunFolder, recipe: Recipe, until: str = STAGES[-1]) -> Iterator[str]:
    """Yield a line for every source that lost more than half of its rows in the finished stages up to `until`."""
    done = _finished(folder, until)
    if not done:
        return
    left = {source: out for source, _, out in _rows(folder, done[-1])}
    unchosen = _unchosen(folder) if _CHOOSING in done else {}
    yield from _not_chosen(folder, sum(left.values()) == 0) if unchosen else ()
    for source, rows in _rows_of_sources(folder).items():
        kept = left.get(source, 0)
        away = sum(unchosen.get(source, {}).values())
        if 0 < away == rows:
            continue
        rows -= away
        if rows == 0:
            yield f"source {source}: its release has no rows; see that sources.path names the right file"
        elif 2 * kept < rows:
            yield from _line(folder, done, recipe, source, "", rows, rows - kept)


def _unchosen(folder: RunFolder) -> dict[str, dict[str, int]]:
    """Return how many records the recipe did not choose, by source and key: a choice is no loss."""
    mark = folder.done(_CHOOSING)
    found: dict[str, dict[str, int]] = read_json(mark)["facts"].get("not_selected", {}) if mark.exists() else {}
    return found


def _not_chosen(folder: RunFolder, all_of: bool = False) -> Iterator[str]:
    """Yield a line for every source of which nothing is chosen, with the key that ends most; or of all that have any.

    `all_of`: also of sources of which a part was chosen, where nothing of the run is left.
    """
    entered = {source: rows for source, rows, _ in _rows(folder, _CHOOSING)}
    for source, keys in _unchosen(folder).items():
        rows = sum(keys.values())
        if rows and (all_of or rows == entered.get(source)):
            key = max(keys, key=lambda each: (keys[each], each))
            yield (
                f"source {source}: {rows:,} of {entered[source]:,} records are not chosen, {keys[key]:,} of them by "
                f"{key}; widen it, or remove it"
            )


def rows_left(folder: RunFolder, until: str = STAGES[-1]) -> int:
    """Return how many rows of all sources the stages up to `until` leave: of a whole run, its kept images' rows."""
    done = _finished(folder, until)
    return sum(left for _, _, left in _rows(folder, done[-1])) if done else 0


def _finished(folder: RunFolder, until: str) -> list[str]:
    """Return the stages up to `until` in which rows end and which are done."""
    last = STAGES.index(until)
    return [stage for stage in ENDING if STAGES.index(stage) <= last and folder.done(stage).exists()]


def _line(
    folder: RunFolder, stages: Sequence[str], recipe: Recipe, source: str, prefix: str, rows: int, lost: int
) -> Iterator[str]:
    ledgers = " UNION ALL ".join(f"SELECT * FROM {sql.parquet(folder.stage(stage) / 'ledger')}" for stage in stages)
    with sql.connect(recipe.limits.memory_mb, folder.root) as con:
        loss = largest_loss(con, f"({ledgers})", source)
    if loss is not None:
        yield on_one_line(prefix + loss_line(loss, recipe, rows, lost))


def _not_covered(folder: RunFolder, recipe: Recipe) -> Iterator[str]:
    """Yield a line for every benchmark most of whose images could not be hashed, and so hold out nothing."""
    items = sql.parquet(folder.stage("holdout") / "items")
    with sql.connect(recipe.limits.memory_mb, folder.root) as con:
        for name, images, lost, commonest in con.execute(_SQL("not_covered", items=items)).fetchall():
            yield on_one_line(
                f"holdout: benchmark {name}: {lost:,} of {images:,} images cannot be compared, most as {commonest}; "
                "mend or replace them, or give their ids (benchmarks.ids): biomill images PATH says what is wrong"
            )


def _rows(folder: RunFolder, stage: str) -> list[tuple[str, int, int]]:
    """Return (source, rows in, rows out) of a finished stage; rows that became part of others are not counted."""
    done: dict[str, Any] = read_json(folder.done(stage))
    facts = done["facts"]["sources"] if stage == ENDING[0] else {}
    rows = []
    for each in done["balance"]:
        absorbed = facts[each["source"]]["absorbed"] if facts else 0
        rows.append((each["source"], each["rows_in"] - absorbed, each["rows_out"] - absorbed))
    return rows


def _rows_of_sources(folder: RunFolder) -> dict[str, int]:
    return {source: rows for source, rows, _ in _rows(folder, ENDING[0])}
