"""Which views a run can have before it is done, and the SQL that makes them over what is there.

A view is there when the stage that makes it is done, or has units that are finished and hold rows of it as they will
stay. What later stages add to a view is empty until they are done; every other view is absent, and its stage known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import duckdb

from pipeline.catalog.build import PATTERN, comment, create_outcomes, view_statements
from pipeline.privacy import create_privacy
from pipeline.storage.database import quote
from pipeline.storage.places import Place
from pipeline.storage.run_folder import STAGES
from pipeline.storage.standing import Standing

_STATEMENT = re.compile(r"^CREATE (?P<kind>VIEW|MACRO) (?P<name>\w+).*?;$", re.MULTILINE | re.DOTALL)
_BEGINS = re.compile(r"^--@ (?P<view>\w+): (?P<stage>\w+)$", re.MULTILINE)
READS = re.compile(r"\b(?:FROM|JOIN)\s+(?P<view>[a-z_]+)\b(?!\()")
"""A view or table that a query of ours reads."""

UNITS = {
    "ingest/records": "ingest/records/*.parquet",
    "ingest/ended": "ingest/ledger/*.parquet",
    "resolve/names": "resolve/names/*.parquet",
    "holdout/items": "holdout/items/*.parquet",
    "shards": "shards/parts/*.parquet",
}
"""Tables that stages write unit by unit: the files that hold the rows of finished units while the stage goes on.

Those of fetch are in `pipeline.catalog.fetched`.
"""

_RECORD = "record_id VARCHAR, source VARCHAR"
_LEDGER = "row_id VARCHAR, source VARCHAR, outcome VARCHAR, evidence VARCHAR, other_id VARCHAR, raw VARCHAR"
LATER = {
    "screen/media_records": "record_id VARCHAR, label_conflict BOOLEAN",
    "screen/candidates": f"{_RECORD}, image_id VARCHAR, host VARCHAR, locator_file VARCHAR, locator_row BIGINT",
    "screen/ledger": _LEDGER,
    "fetch/placeholders": "image_id VARCHAR, rule VARCHAR, host VARCHAR, value VARCHAR",
    "fetch/placeholder_groups": "rule VARCHAR, host VARCHAR, value VARCHAR, sentence VARCHAR",
    "fetch/arrived": f"{_RECORD}, image_id VARCHAR, media_id VARCHAR",
    "fetch/ledger": _LEDGER,
    "likeness/labels": "name_id VARCHAR",
    "likeness/ledger": _LEDGER,
    "select/ledger": _LEDGER,
    "select/places": f"{_RECORD}, reason VARCHAR, other_id VARCHAR",
    "select/threatened": "taxon VARCHAR",
    "shards": f'{_RECORD}, shard VARCHAR, "offset" BIGINT',
}
"""Columns, of those that a stage adds to views of earlier ones, that the views read."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One view or table macro of the catalog."""

    name: str
    kind: str
    text: str
    paths: tuple[str, ...]
    """Patterns of the Parquet that it reads itself."""
    reads: tuple[str, ...]
    """Other views that it reads."""
    stage: str
    """The stage with which it begins to be there."""


def stage_of(path: str) -> str:
    """Return the stage that writes the Parquet of a pattern.

    >>> stage_of("screen/ledger/*.parquet")
    'screen'
    """
    return path.split("/")[0]


def _table_of(path: str) -> str:
    return path.rpartition("/")[0]


@cache
def definitions() -> Mapping[str, Definition]:
    """Return the catalog's views and macros by name, in an order in which they can be made.

    >>> definitions()["hosts"].stage, definitions()["ledger"].stage, definitions()["capped()"].reads
    ('fetch', 'ingest', ('samples',))
    """
    text = view_statements()
    begins = {found["view"]: found["stage"] for found in _BEGINS.finditer(text)}
    known: dict[str, Definition] = {}
    for found in _STATEMENT.finditer(text):
        macro = found["kind"] == "MACRO"
        paths = tuple(dict.fromkeys(match["path"] for match in PATTERN.finditer(found[0])))
        reads = tuple(dict.fromkeys(m["view"] for m in READS.finditer(found[0]) if m["view"] in known))
        stages = [*map(stage_of, paths), *(known[view].stage for view in reads)]
        stage = begins.get(found["name"]) or max(stages, key=STAGES.index)
        name = f"{found['name']}()" if macro else found["name"]
        known[name] = Definition(name, found["kind"], found[0], paths, reads, stage)
    return known


class Tables:
    """The tables of a run's stages, as FROM clauses over what is there at one standing."""

    def __init__(self, standing: Standing, root: Place, begun: Mapping[str, str]) -> None:
        """`root`: the folder by the name that DuckDB reads it by.

        `begun`: FROM clauses, by table, of stages that are going on and are not read from unit files alone.
        """
        self._standing, self._root, self._begun = standing, root, begun

    def there(self, path: str) -> str | None:
        """Return the FROM clause of a pattern; None when its stage has nothing to show yet."""
        stage, table = stage_of(path), _table_of(path)
        if stage in self._standing.done:
            return self._files(path)
        if stage not in self._standing.begun:
            return None
        if table in self._begun:
            return self._begun[table]
        units = UNITS.get(table)
        return self._files(units) if units and any(self._standing.folder.root.glob(units)) else None

    def _files(self, pattern: str) -> str:
        return f"read_parquet({quote(str(self._root / pattern))})"

    def rewritten(self, text: str, needed: Callable[[str], bool]) -> str | None:
        """Return SQL with each pattern replaced by what is there; None when a pattern that is needed is not there.

        What is not needed and not there is empty.
        """
        missing = [path for path in _patterns(text) if self.there(path) is None]
        if any(needed(path) or _table_of(path) not in LATER for path in missing):
            return None
        return PATTERN.sub(lambda found: self.there(found["path"]) or empty(_table_of(found["path"])), text)


def _patterns(text: str) -> list[str]:
    return [found["path"] for found in PATTERN.finditer(text)]


def empty(table: str) -> str:
    """Return the FROM clause of a table without rows, with the columns that views of earlier stages read.

    >>> empty("likeness/labels")
    '(SELECT NULL::VARCHAR AS name_id WHERE false)'
    """
    columns = [column.rsplit(" ", 1) for column in LATER[table].split(", ")]
    return f"(SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in columns)} WHERE false)"


def create_there(con: duckdb.DuckDBPyConnection, standing: Standing, tables: Tables) -> dict[str, str]:
    """Make the views and macros that a run can have at a standing; return the absent ones, each with its stage."""
    create_outcomes(con)
    create_privacy(con, standing.folder)
    absent: dict[str, str] = {}
    for name, each in definitions().items():
        text = _text(each, standing, tables)
        if text is None or any(view in absent for view in each.reads):
            absent[name] = each.stage
        else:
            con.execute(text)
    comment(con)
    return absent


def _text(each: Definition, standing: Standing, tables: Tables) -> str | None:
    """Return the statement over what is there; None when its stage is not done and has nothing to show."""
    done, place = each.stage in standing.done, STAGES.index(each.stage)
    own = [path for path in each.paths if stage_of(path) == each.stage]
    if not done and own and not any(tables.there(path) for path in own):
        return None
    return tables.rewritten(each.text, lambda path: STAGES.index(stage_of(path)) < place + done)


def growing(standing: Standing, absent: Mapping[str, str]) -> list[str]:
    """Return the views that are there and will hold more when the run goes on: what stages have so far, the ledger."""
    if standing.complete:
        return []
    grow: list[str] = []
    for name, each in definitions().items():
        own = each.stage not in standing.done or name == "ledger"
        # Views of later stages than screen take of the ledger what screen has put there.
        early = STAGES.index(each.stage) <= STAGES.index("screen")
        if name not in absent and (own or any(view in grow for view in each.reads if view != "ledger" or early)):
            grow.append(name)
    return [name for name in grow if not name.endswith("()")]
