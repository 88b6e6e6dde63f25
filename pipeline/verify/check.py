"""What a check is: a promise, a function that looks for where it is broken, and a finding in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from manifests import Recipe
from pipeline.errors import VerifyError
from pipeline.run.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and whether it holds; `detail` is what was counted, or the finding."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Run:
    """What every check gets: the folder, the recipe that made it, and its catalog, read-only."""

    folder: RunFolder
    recipe: Recipe
    con: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Give all rows of a question to the catalog."""
        found: list[tuple[Any, ...]] = self.con.execute(query).fetchall()
        return found

    def count(self, query: str) -> int:
        """Give the number that a question to the catalog answers with."""
        return int(self.rows(query)[0][0])

    def none(self, query: str, what: str) -> None:
        """Raise VerifyError when the question has rows, naming their number and the first."""
        report(what, self.rows(query))

    def columns(self, view: str) -> list[str]:
        """Give the columns of a view of the catalog."""
        return [
            str(name)
            for (name,) in self.con.execute(
                "SELECT column_name FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [view]
            ).fetchall()
        ]


def report(what: str, found: Sequence[Iterable[object]]) -> None:
    """Raise VerifyError when anything was found: how many, and the first.

    >>> report("rows with two outcomes", [])
    >>> report("rows with two outcomes", [("a", 2), ("b", 2)])
    Traceback (most recent call last):
    pipeline.errors.VerifyError: 2 rows with two outcomes, such as a, 2
    """
    if found:
        raise VerifyError(f"{len(found):,} {what}, such as {', '.join(str(value) for value in found[0])}")
