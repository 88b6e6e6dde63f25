"""Which samples an export takes: an SQL condition or question over the catalog, then its licence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from manifests import Recipe
from pipeline.catalog import open_catalog
from pipeline.export.sharing import refusal
from pipeline.model.errors import RunError
from pipeline.storage.places import Place
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_REMEDY = 'list the columns with: biomill sql RUN "DESCRIBE samples"'
_BATCH = 10_000
WITHDRAWN = "withdrawn"
"""Why a sample does not leave, beside the licence."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen samples of a run, all of which may be shared. Lives as long as the connection to the catalog."""

    con: duckdb.DuckDBPyConnection
    root: Path
    images: Place
    """The run's folder as its shards are read from it: at an address by ranges."""
    recipe: Recipe
    asked: int
    refused: Mapping[str, int]
    """Samples that may not leave, by reason."""
    whole: bool = False
    """Whether every sample of the run was asked for."""

    @property
    def kept(self) -> int:
        """Samples that leave."""
        return self.asked - sum(self.refused.values())

    def refused_for(self, reason: str) -> set[str]:
        """Return the keys of the chosen samples that may not leave for one reason."""
        return {key for (key,) in self.con.execute("SELECT key FROM chosen WHERE reason = ?", [reason]).fetchall()}

    def left_out(self, reason: str, condition: str) -> Choice:
        """Return the choice without the samples, of those that leave, of which a condition on `samples` holds.

        Raises RunError when nothing is left.
        """
        going = f"SELECT key FROM samples JOIN leaving USING (key) WHERE {condition}"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE going AS {going}")
        (number,) = self.con.execute("SELECT count(*) FROM going").fetchall()[0]
        if not number:
            return self
        self.con.execute("UPDATE chosen SET reason = $1 WHERE key IN (SELECT key FROM going)", [reason])
        self.con.execute("DELETE FROM leaving WHERE key IN (SELECT key FROM going)")
        found = replace(self, refused={**self.refused, reason: number})
        if found.kept == 0:
            raise RunError(f"none of the {self.asked:,} chosen samples is left", where=f"{reason} {number:,}")
        return found

    def rows(self, columns: str, order: str = "split, key", tables: str = "") -> Iterator[dict[str, Any]]:
        """Yield columns of the samples that leave, joined with other tables, in order, a batch at a time.

        Ask nothing else of the connection before the last row has come: an answer streams over it.
        """
        query = f"SELECT {columns} FROM samples JOIN leaving USING (key) {tables} ORDER BY {order}"
        for batch in self.con.sql(query).to_arrow_reader(_BATCH):
            yield from batch.to_pylist()


@contextmanager
def choose(
    root: Path,
    recipe: Recipe,
    where: str = "",
    sql: str = "",
    withdrawn: Sequence[str] = (),
    images: Place | None = None,
) -> Iterator[Choice]:
    """Choose samples by a condition on `samples`, or by a question that has a column `key`; both empty: all.

    `withdrawn`: keys of samples that may not leave whatever their licence. `images`: the run's folder as its shards are
    read from it, where that is another.

    Raises RunError when the catalog cannot answer, or nothing is chosen or may leave.
    """
    with open_catalog(root) as con:
        if where and sql:
            raise RunError("both a condition and a question are given", expected="--where or --sql", where=str(root))
        question = sql.rstrip().rstrip(";") or f"SELECT key FROM samples WHERE {where or 'true'}"
        _check_question(con, question)
        con.register("withdrawn_keys", pa.table({"key": pa.array(list(withdrawn), pa.string())}))
        try:
            con.execute(
                _SQL(
                    "chosen",
                    withdrawn=WITHDRAWN,
                    refusal=refusal(recipe.licences, recipe.export),
                    question=question,
                )
            )
        except duckdb.Error as error:
            raise RunError(
                f"the catalog cannot answer: {str(error).splitlines()[0]}", where=question, remedy=_REMEDY
            ) from error
        con.execute("CREATE TEMP TABLE leaving AS SELECT key FROM chosen WHERE reason IS NULL")
        counted = con.execute("SELECT reason, count(*) FROM chosen GROUP BY 1 ORDER BY 1 NULLS FIRST").fetchall()
        choice = Choice(
            con=con,
            root=root.absolute(),
            images=images or root.absolute(),
            recipe=recipe,
            asked=sum(number for _, number in counted),
            refused={reason: number for reason, number in counted if reason is not None},
            whole=not where and not sql,
        )
        if choice.asked == 0:
            raise RunError("no sample is chosen", where=question, remedy=_REMEDY)
        if choice.kept == 0:
            raise RunError(
                f"none of the {choice.asked:,} chosen samples may leave",
                where=", ".join(f"{reason} {number:,}" for reason, number in choice.refused.items()),
                remedy="choose others, or name the licence families in the recipe's export.allow"
                if set(choice.refused) != {WITHDRAWN}
                else "choose others: what is withdrawn cannot be exported",
            )
        yield choice


def _check_question(con: duckdb.DuckDBPyConnection, question: str) -> None:
    """Raise RunError unless the text is one question, so that it cannot close the parenthesis it is put into."""
    try:
        parts = con.extract_statements(question)
    except duckdb.Error as error:
        raise RunError(f"this is not SQL: {str(error).splitlines()[0]}", where=question, remedy=_REMEDY) from error
    if len(parts) != 1 or parts[0].type != duckdb.StatementType.SELECT:
        raise RunError("this is not one question", where=question, expected="one SELECT with a column 'key'")
