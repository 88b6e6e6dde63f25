"""What a section of a report is: a question, its answer in one sentence, and what shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import duckdb

from manifests import Recipe
from pipeline.cards.plots import Figure
from pipeline.catalog.build import rooted
from pipeline.storage.places import Place

MOST_ROWS = 50
"""Rows of a table that a page shows; the rest is asked for in SQL."""
NAMED = 60
"""Letters of a foreign name in a sentence."""
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers as text: at most MOST_ROWS rows of them, and how many there are in all.

    >>> Table.of(("taxon", "images"), [("a", 1)] * 60).more
    10
    """

    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    sql: str = ""
    """What gives all of it, for `biomill sql`."""

    @classmethod
    def of(cls, headers: Sequence[str], rows: Sequence[Row], sql: str = "") -> Table:
        """Return a table of all the rows there are."""
        return cls(tuple(headers), tuple(rows[:MOST_ROWS]), len(rows), sql)

    @property
    def more(self) -> int:
        """Rows that are not shown."""
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing under its own sentence, with its numbers as a table."""

    says: str
    figure: Figure
    table: Table
    key: Figure | None = None
    note: str = ""
    narrow: Figure | None = None
    """What a narrow page shows in its place."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All drawings of it."""
        return (self.figure, *(each for each in (self.key, self.narrow) if each is not None))


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with what is written under it; `data` is a data: URL, empty where the bytes are gone."""

    data: str
    caption: str
    note: str
    record: str = ""
    """Record id, for `biomill explain`."""
    link: str = ""
    """Address of a page that shows the picture, http or https; '' for none."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Groups of pictures that are looked at together: a sheet of single ones, or pairs."""

    says: str
    groups: tuple[tuple[Picture, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A few large numbers, each with its word."""

    pairs: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Some sentences, as paragraphs."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section: `answer` is a sentence in any case, and all there is when nothing is to be shown."""

    id: str
    question: str
    answer: str
    parts: tuple[Chart | Numbers | Pictures | Table | Words, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    """What the section states, for `catalog/report.json`; values are JSON."""
    warns: bool = False
    """Whether the answer is one that a reader must not miss."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a section may ask: the catalog of a run, the run's folder, its recipe.

    `con` has the views of the catalog, and the table `shown`: of every kept image the columns that sections count.
    """

    con: duckdb.DuckDBPyConnection
    root: Place
    recipe: Recipe

    def rows(self, query: str) -> list[Row]:
        """Return the answer to a query."""
        found: list[Row] = self.con.execute(rooted(query, self.root, self.con)).fetchall()
        return found

    def one(self, query: str) -> Row:
        """Return the only row of an answer."""
        return self.rows(query)[0]


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    >>> count(1, "taxon", "taxa"), count(1200, "image"), count(0, "row")
    ('1 taxon', '1,200 images', '0 rows')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def agree(number: int, one: str, many: str) -> str:
    """Return the verb of a number.

    >>> agree(1, "was", "were"), agree(0, "was", "were")
    ('was', 'were')
    """
    return one if number == 1 else many


def percent(part: float, whole: float) -> str:
    """Return a share in words that neither hide a rest nor round it to all.

    >>> percent(1, 3), percent(999, 1000), percent(1, 5000), percent(0, 9), percent(9, 9)
    ('33 %', '99.9 %', '< 0.1 %', '0 %', '100 %')
    """
    if not part or not whole:
        return "0 %"
    share = 100 * part / whole
    if part == whole:
        return "100 %"
    if share < 0.1:
        return "< 0.1 %"
    return f"{min(share, 99.9):.1f} %" if share < 1 or share > 99 else f"{share:.0f} %"


def listed(words: Sequence[str], most: int = 4) -> str:
    """Return words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(list("abcdef"))
    ('a', 'a and b', 'a, b, c, d and 2 more')
    """
    shown = list(words[:most])
    if len(words) > most:
        return f"{', '.join(shown)} and {len(words) - most:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def folded(sizes: Mapping[str, float], most: int, one: str = "other", many: str = "") -> dict[str, str]:
    """Return by every name the name that it is drawn under: its own for the largest, one for all others together.

    >>> folded({"a": 1, "b": 5, "c": 2}, 2)
    {'b': 'b', 'a': '2 others', 'c': '2 others'}
    >>> folded({"a": 1, "b": 5}, 2)
    {'a': 'a', 'b': 'b'}
    """
    if len(sizes) <= most:
        return {name: name for name in sizes}
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[: most - 1]
    rest = count(len(sizes) - len(largest), one, many)
    return {name: name for name in largest} | {name: rest for name in sizes if name not in largest}


def file_name(section: str, figure: Figure) -> str:
    """Return the name of a figure's file.

    >>> file_name("map", Figure("where", "", "", 1, ""))
    'map-where.svg'
    """
    return str(PurePosixPath(f"{section}-{figure.name}.svg"))
