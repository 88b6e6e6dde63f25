"""What a check is: a promise, a function that looks for where it is broken, and a finding in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from manifests import Recipe
from pipeline.model.errors import VerifyError
from pipeline.storage.run_folder import DiskRunFolder

_KINDS = 1_000
"""Kinds of things wrong that one check names; a damaged file may be wrong in ever new ways."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and whether it holds; `detail` is what was counted, or the finding."""

    name: str
    ok: bool
    detail: str


@dataclass(slots=True)
class Findings:
    """What is wrong, by kind, with the number of cases and the first of each; memory does not grow with the cases.

    >>> found = Findings("values differ")
    >>> found.add("column width", "a1: 3, but 4"), found.add("column width", "a2: 5, but 6")
    (None, None)
    >>> found.check()
    Traceback (most recent call last):
    pipeline.model.errors.VerifyError: values differ: column width in 2 cases, such as a1: 3, but 4
    """

    title: str
    cases: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, case: str = "", times: int = 1) -> None:
        """Note a case of a kind: a column, a key, a file."""
        if kind not in self.cases and len(self.cases) >= _KINDS:
            kind, case = "and more", ""
        self.cases[kind] = self.cases.get(kind, 0) + times
        self.first.setdefault(kind, case)

    def check(self) -> None:
        """Raise VerifyError when anything was found, naming every kind."""
        if not self.cases:
            return
        said = []
        for kind, times in self.cases.items():
            often = f" in {times:,} cases" if times > 1 else ""
            case = self.first[kind]
            said.append(f"{kind}{often}{(', such as ' if times > 1 else ': ') + case if case else ''}")
        raise VerifyError(f"{self.title}: {'; '.join(said)}")


def check_all(*found: Findings) -> None:
    """Raise VerifyError when anything was found in any of them, so that one kind of finding hides no other."""
    said = []
    for each in found:
        try:
            each.check()
        except VerifyError as error:
            said.append(error.what)
    if said:
        raise VerifyError("; ".join(said))


@dataclass(frozen=True, slots=True)
class Run:
    """What every check gets: the folder, the recipe that made it, and its tables."""

    folder: DiskRunFolder
    recipe: Recipe
    con: duckdb.DuckDBPyConnection
    """A database in memory with the catalog's views, made anew: catalog.duckdb itself is checked, not believed."""
    scratch: Path
    """A folder for what a check writes aside; it is removed in the end."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a question to the catalog."""
        found: list[tuple[Any, ...]] = self.con.execute(query).fetchall()
        return found

    def count(self, query: str) -> int:
        """Return the number that a question to the catalog answers with."""
        return int(self.rows(query)[0][0])

    def none(self, query: str, what: str) -> None:
        """Raise VerifyError when the question has rows, naming their number and the first."""
        cursor = self.con.execute(query)
        first, number = cursor.fetchone(), 1
        if first is None:
            return
        while more := cursor.fetchmany(10_000):
            number += len(more)
        raise VerifyError(_said(what, number, first))

    def none_of(self, questions: Iterable[tuple[str, str]]) -> None:
        """Raise VerifyError for all questions, given as (query, what), that have rows: no finding hides another."""
        said = []
        for query, what in questions:
            try:
                self.none(query, what)
            except VerifyError as error:
                said.append(error.what)
        if said:
            raise VerifyError("; ".join(said))

    def batches(self, query: str, rows: int = 20_000) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a question, some at a time; no other question may be asked in between."""
        cursor = self.con.execute(query)
        while found := cursor.fetchmany(rows):
            yield found


def report(what: str, found: Sequence[Iterable[object]]) -> None:
    """Raise VerifyError when anything was found: how many, and the first.

    >>> report("rows with two outcomes", [])
    >>> report("rows with two outcomes", [("a", 2), ("b", 2)])
    Traceback (most recent call last):
    pipeline.model.errors.VerifyError: 2 rows with two outcomes, such as a, 2
    """
    if found:
        raise VerifyError(_said(what, len(found), found[0]))


def _said(what: str, number: int, first: Iterable[object]) -> str:
    return f"{number:,} {what}, such as {', '.join(str(value) for value in first)}"
