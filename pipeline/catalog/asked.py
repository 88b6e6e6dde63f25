"""The catalog of a run at any time: of a finished run its file, of any other the views of what is there, in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from pipeline.catalog.build import rooted
from pipeline.catalog.fetched import create_fetched
from pipeline.catalog.open import BESIDE, closing_in, connect_catalog
from pipeline.catalog.there import READS, Tables, create_there, definitions, growing
from pipeline.model.errors import RunError
from pipeline.storage.places import Place
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.standing import Standing, stand

_VECTORS = re.compile(rf"(?:{'|'.join(BESIDE)})/(?P<name>[A-Za-z0-9_.*-]+)/pictures-[0-9*]+\.parquet")
"""How DuckDB names a part of the view `embeddings`, or the pattern of all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A connection over a run at one standing."""

    con: duckdb.DuckDBPyConnection
    standing: Standing
    absent: Mapping[str, str]
    """Views and macros that are not there yet, `name()` a macro, each with the stage that makes it."""
    growing: tuple[str, ...]
    """Views that are there and will hold more."""
    tables: Tables | None
    """What is there of a run that is not finished."""

    def reads(self, query: str) -> str | None:
        """Return one of our own queries over what is there; None when it reads a view that is absent.

        Patterns of Parquet whose stage is not done are read as far as they are there.
        """
        if self.tables is None:
            return rooted(query, self.standing.folder.root, self.con)
        if any(found["view"] in self.absent for found in READS.finditer(query)):
            return None
        return self.tables.rewritten(query, lambda path: False)

    def why_absent(self, name: str) -> RunError | None:
        """Return the error that says which stage makes a view or macro, and what to do; None when none does.

        `name` without the brackets of a macro.
        """
        known = {key.removesuffix("()").lower(): key for key in self.absent}
        key = known.get(name.lower())
        if key is None:
            return None
        return RunError(
            f"{key} is not there yet: stage {self.absent[key]} makes it, and {self.standing.sentence()}",
            where=str(self.standing.folder.root),
            remedy=self.standing.remedy(),
        )

    def notes(self) -> Iterator[str]:
        """Yield what is to be known of a run that is not finished: where it stands, and which views will grow."""
        if self.standing.complete and not self.standing.earlier:
            return
        if not self.standing.complete:
            line = self.standing.sentence()
            if self.growing:
                line += f"; what there is so far is in {', '.join(self.growing)}"
            yield line
        if self.standing.earlier:
            yield f"as an earlier command left it: {', '.join(self.standing.earlier)}"


@contextmanager
def ask(root: Place, write: bool = False) -> Iterator[Asked]:
    """Yield the catalog of a run, finished or not; nothing is written into the folder of one that is not.

    Raises RunError when the folder is not one of a run, or `write` is asked for before the run is finished.
    """
    folder = RunFolder(root.absolute())
    standing = stand(folder)
    if standing.complete:
        with connect_catalog(folder.root, write) as con:
            yield Asked(con, standing, {}, (), None)
        return
    if write:
        raise RunError(
            f"tables and views of one's own are kept in catalog.duckdb, and {standing.sentence()}",
            where=str(folder.root),
            remedy=standing.remedy(),
        )
    con = duckdb.connect(":memory:")
    with closing_in(con, folder.root) as named:
        yield _over(con, standing, named)


def _over(con: duckdb.DuckDBPyConnection, standing: Standing, root: Place) -> Asked:
    """Make the views of what is there; `root`: the run's folder by the name that DuckDB reads it by."""
    try:
        begun = {}
        if "fetch" in standing.begun:
            begun = create_fetched(con, RunFolder(root))
        tables = Tables(standing, root, begun)
        absent = create_there(con, standing, tables)
    except duckdb.IOException as error:
        raise lost_files(standing, error) from error
    return Asked(con, standing, absent, tuple(growing(standing, absent)), tables)


def lost_files(standing: Standing, error: duckdb.Error) -> RunError:
    """Return the error for files that were there when the run was looked at, and are not, or are not whole."""
    return RunError(
        f"a file of the run cannot be read: {str(error).splitlines()[0]}",
        where=str(standing.folder.root),
        expected="files that stay while they are read; a run that goes on may have made a stage anew in between",
        remedy="ask again; if it stays so, remove the folder of the stage, then " + standing.remedy(),
    )


def lost_vectors(standing: Standing, said: str) -> RunError | None:
    """Return the error for vectors beside a run that are not there, or not whole; None where it is about others.

    `said`: by DuckDB, without the question that it repeats.
    """
    part = _VECTORS.search(said)
    if part is None:
        return None
    where, name = str(standing.folder.root), part["name"]
    if name == "*":
        return RunError(
            "no set of vectors lies beside the run",
            where=where,
            expected=f"{part[0]} for the view embeddings",
            remedy=f"biomill embed {where} --model MODEL makes one",
        )
    return RunError(
        f"the set of vectors {name!r} cannot be read: {said}",
        where=f"{where}/{part[0]}",
        expected="the view embeddings reads all finished sets, and each of them whole",
        remedy="remove the folder of the set, and embed it again",
    )


def names() -> list[str]:
    """Return the names of all views and macros that a finished run has, macros with brackets."""
    return ["outcomes", "privacy", *definitions()]
