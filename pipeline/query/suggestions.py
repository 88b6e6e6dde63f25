"""What DuckDB says of a question that it cannot answer, whole, with what the catalog knows of the words in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

import duckdb

from pipeline.catalog.asked import Asked, lost_files, lost_vectors, names
from pipeline.model.errors import RunError
from pipeline.model.outcomes import Outcome
from pipeline.query.statements import compared
from pipeline.storage.run_folder import STAGES

_TABLE = re.compile(r"Table (?:Function )?with name \"?(?P<name>\w+)\"? does not exist")
_COLUMN = re.compile(r"(?:Referenced column|does not have a column named) \"(?P<name>[^\"]+)\"")
_CLOSE = 0.75
_LISTS = 'list the views with: biomill sql RUN "SHOW TABLES", and columns with "DESCRIBE samples"'


def outcomes() -> list[str]:
    """Return all words that the columns `outcome` hold."""
    return [*(outcome.code for outcome in Outcome), "ok"]


def near(word: str, known: list[str], most: int = 3) -> list[str]:
    """Return the words that are spelled nearly so, the nearest first, whatever their case.

    >>> near("Sampels", ["samples", "taxa", "names"])
    ['samples']
    """
    lower = {each.lower(): each for each in known}
    return [lower[found] for found in get_close_matches(word.lower(), list(lower), most, _CLOSE)]


def failure(error: duckdb.Error, asked: Asked) -> RunError:
    """Return the error of a question: what DuckDB says, with its own hints, and what is near in the catalog."""
    said = str(error).strip()
    vectors = lost_vectors(asked.standing, said.partition("\n")[0])
    if vectors is not None:
        return vectors
    if isinstance(error, duckdb.IOException) or said.startswith("IO Error"):
        return lost_files(asked.standing, error)
    missing = _TABLE.search(said)
    if missing:
        known = asked.why_absent(missing["name"])
        if known is not None:
            return known
    return RunError(f"the catalog cannot answer: {said}", remedy="; ".join(_remedies(said, asked)) or _LISTS)


def _remedies(said: str, asked: Asked) -> Iterator[str]:
    missing, column = _TABLE.search(said), _COLUMN.search(said)
    if missing:
        own = [
            name
            for (name,) in asked.con.execute("SELECT table_name FROM duckdb_columns() WHERE NOT internal").fetchall()
        ]
        found = near(missing["name"], sorted({*names(), *own}))
        if found:
            yield "near names: " + ", ".join(_with_stage(name, asked) for name in found)
    elif column:
        word = column["name"]
        rows = asked.con.execute(
            """SELECT column_name, table_name FROM duckdb_columns()
               WHERE NOT internal AND schema_name = 'main' ORDER BY ALL"""
        ).fetchall()
        places: dict[str, list[str]] = {}
        for name, view in rows:
            places.setdefault(name, []).append(view)
        if word in outcomes() or word in STAGES:
            yield f"a value stands in single quotes: '{word}'"
        for name in [word] if word in places else near(word, list(places)):
            yield f"{name} is a column of {', '.join(places[name])}"


def _with_stage(name: str, asked: Asked) -> str:
    stage = asked.absent.get(name)
    return f"{name} (not there yet: stage {stage} makes it)" if stage else name


def unknown_words(query: str) -> Iterator[str]:
    """Yield a line for every outcome or stage that a question asks for and that none is called.

    >>> list(unknown_words("FROM ledger WHERE outcome = 'licence_unknwon'"))
    ["no outcome is called 'licence_unknwon'; near: licence_unknown"]
    """
    for column, word in compared(query):
        known = outcomes() if column == "outcome" else list(STAGES)
        if word not in known:
            found = near(word, known)
            yield f"no {column} is called {word!r}" + (f"; near: {', '.join(found)}" if found else "")
