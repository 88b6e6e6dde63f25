"""What conditions say of pictures, asked once they are fetched: which kept records fail, and by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests import Recipe
from manifests.condition import alias_of
from pipeline.choosing.rules import failed_sql, late_rules, scores_read
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)


def failing_sql(run: RunFolder, recipe: Recipe, kept: str, names: str, media: str = "") -> str:
    """Return the query of the records of `kept` that fail what a recipe says of pictures, with the evidence.

    `kept`, `names`: FROM clauses of records with their name_id and image_id, and of the names; `media`: that of the
    fetched media, where fetch is not done. What cannot be computed is NULL, and fails, as before fetch. The recipe says
    something of pictures.
    """
    scores = "".join(
        " "
        + _SQL("scores", table=sql.tables([run.stage("screen") / "scores" / f"{name}.parquet"]), alias=alias_of(name))
        for name in sorted(scores_read(recipe, late=True))
    )
    return _SQL(
        "failing",
        kept=kept,
        names=names,
        records=sql.parquet(run.stage("ingest") / "records"),
        candidates=sql.parquet(run.stage("screen") / "candidates"),
        media=media or sql.parquet(run.stage("fetch") / "media"),
        scores=scores,
        evidence=failed_sql(late_rules(recipe), Outcome.QUALITY.code),
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
