"""What conditions say of pictures, asked once they are fetched: which kept records fail, and by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests import Recipe
from manifests.condition import alias_of
from pipeline.choosing.rules import bursts_read, failed_sql, late_rules, scores_read, shipped_rules
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)


MOST_FRAMES = 100
"""Frames of one burst: of more none has a distance, as a key that so many share is that of no burst."""


def failing_sql(run: RunFolder, recipe: Recipe, kept: str, names: str, early: bool = False, media: str = "") -> str:
    """Return the query of the records of `kept` that fail what a recipe says of pictures, with the evidence.

    `kept`, `names`: FROM clauses of records with their name_id and image_id, and of the names. What cannot be computed
    is NULL, and fails, as before fetch. The recipe says something of pictures. `early`: of shipped rules also the parts
    that were asked before fetch; `media`: the FROM clause of the fetched media, where fetch is not done.
    """
    rules = [*(shipped_rules(recipe) if early else []), *late_rules(recipe)]
    read = scores_read(recipe, late=True) | (scores_read(recipe, late=False) if early else set())
    records = sql.parquet(run.stage("ingest") / "records")
    candidates = sql.parquet(run.stage("screen") / "candidates")
    media = media or sql.parquet(run.stage("fetch") / "media")
    joins = [
        _SQL("scores", table=sql.tables([run.stage("screen") / "scores" / f"{name}.parquet"]), alias=alias_of(name))
        for name in sorted(read)
    ]
    if bursts_read(recipe):
        alias = alias_of("burst")
        joins.append(_SQL("burst", alias=alias, most=MOST_FRAMES, records=records, candidates=candidates, media=media))
    return _SQL(
        "failing",
        kept=kept,
        names=names,
        joins="".join(f" {join}" for join in joins),
        evidence=failed_sql(rules, Outcome.QUALITY.code),
        records=records,
        candidates=candidates,
        media=media,
    )


def note_failing(con: duckdb.DuckDBPyConnection, run: RunFolder, recipe: Recipe, kept: str, names: str) -> str:
    """Make the table `quality_ended` (record_id, source, evidence); return the FROM clause of what it leaves of `kept`.

    Nothing is made, and `kept` returned, where the recipe says nothing of pictures.
    """
    if not late_rules(recipe):
        return kept
    con.execute(f"CREATE OR REPLACE TEMP TABLE quality_ended AS {failing_sql(run, recipe, kept, names)}")
    return f"(SELECT * FROM {kept} ANTI JOIN quality_ended USING (record_id))"


def ended_sql() -> str:
    """Return the query of the ledger rows of `quality_ended`, in the order of their ids."""
    return _SQL("ended", outcome=Outcome.QUALITY.code)
