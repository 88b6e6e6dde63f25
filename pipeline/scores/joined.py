"""Scores joined to records: by which key, and how many rows of a file found none."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from manifests import Recipe, ScoresSpec
from manifests.condition import Scores, alias_of, read_condition
from manifests.errors import RecipeError
from manifests.sections.shipped_rules import SHIPPED_RULES
from pipeline.scores.read import read_scores
from pipeline.scores.table import ScoreTable
from pipeline.storage import database as sql
from pipeline.storage.places import Place
from pipeline.storage.statements import Statements, identifier

if TYPE_CHECKING:
    import duckdb

FACT = "scores"
"""The fact's name: by the name of the scores, rows of the file and those that match no record."""
_SQL = Statements(__name__)


def names_of(recipe: Recipe) -> Scores:
    """Return the tables of scores that conditions of a recipe may name, of files that are not read."""
    return tuple((spec.name, None) for spec in recipe.scores or ())


def check_scores(recipe: Recipe) -> dict[str, ScoreTable]:
    """Read every file of scores and hold the conditions against its columns; return them by name.

    Raises RecipeError for a file that cannot be joined, and for a condition that its columns do not bear.
    """
    read = {spec.name: read_scores(spec) for spec in recipe.scores or ()}
    known = tuple((name, table.columns) for name, table in read.items())
    tables = [*((f"sources.{source.name}", source) for source in recipe.sources), ("select", recipe.select)]
    asked = [(f"{key}.where", choice.where) for key, choice in tables if choice.where is not None]
    asked += [(f"{key}.rules", SHIPPED_RULES[rule].condition) for key, choice in tables for rule in choice.rules or ()]
    for key, text in asked if read else ():
        try:
            read_condition(text, known)
        except RecipeError as error:
            columns = read_condition(text, names_of(recipe)).columns
            texts = [
                f"{table}.{column} holds text, as in {read[table].texts[column]}"
                for table, column in columns
                if table in read and column in read[table].texts
            ]
            what = f"{error.what}: {'; '.join(texts)}" if texts else error.what
            remedy = f"correct the cells that are no numbers, or {error.remedy}" if texts else error.remedy
            raise RecipeError(what, f"key {key}", error.expected, remedy) from error
    return read


def key_sql(spec: ScoresSpec) -> str:
    """Return the SQL of a record's key `r`, as the file's keys are written."""
    match spec.key:
        case "record_key":
            return _SQL("record_key")
        case "file_name":
            return _SQL("file_name")
        case column:
            return f"r.{identifier(column)}"


def make_tables(con: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    """Make the table `scores_NAME` of every file of scores; raises RecipeError as `check_scores` does."""
    for name, table in check_scores(recipe).items():
        with sql.registered(con, "scores_read", table.rows):
            con.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(f'scores_{name}')} AS FROM scores_read")


def joins_sql(recipe: Recipe, names: Collection[str]) -> str:
    """Return the joins of some scores to records `r`, each under the alias that conditions name it by."""
    return "".join(
        " " + _SQL("join", table=f"scores_{spec.name}", alias=alias_of(spec.name), key=key_sql(spec))
        for spec in recipe.scores or ()
        if spec.name in names
    )


def write_scores(
    con: duckdb.DuckDBPyConnection, recipe: Recipe, records: str, candidates: str, folder: Place
) -> dict[str, Any]:
    """Write FOLDER/NAME.parquet, the scores of candidates by record_id; return the counts of rows by name.

    `records`, `candidates`: FROM clauses. {} where the recipe has no scores.
    """
    facts: dict[str, dict[str, int]] = {}
    for spec in recipe.scores or ():
        table, key = f"scores_{spec.name}", key_sql(spec)
        sql.copy(
            con,
            _SQL("of_candidates", table=table, key=key, records=records, candidates=candidates),
            folder / f"{spec.name}.parquet",
        )
        rows, matched = con.execute(_SQL("counted", table=table, key=key, records=records)).fetchall()[0]
        facts[spec.name] = {"rows": rows, "unmatched": rows - matched}
    return {FACT: facts} if facts else {}


def lines(facts: dict[str, Any]) -> list[str]:
    """Return what is said of the scores at the end of screen.

    >>> lines({"scores": {"detector": {"rows": 1200, "unmatched": 3}}})
    ['scores detector: 1,200 rows; 3 match no record']
    """
    said = []
    for name, counted in facts.get(FACT, {}).items():
        rows, unmatched = counted["rows"], counted["unmatched"]
        remedy = "; look at its key and column" if rows == unmatched else ""
        said.append(f"scores {name}: {rows:,} rows; {unmatched:,} match no record{remedy}")
    return said
