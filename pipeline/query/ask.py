"""Asking: the statements of a text one after another, each answer as lines or as a file."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from pipeline.catalog import Asked, ask
from pipeline.model.errors import RunError
from pipeline.query.counted import Counted
from pipeline.query.formats import COLUMNAR, format_of, lines
from pipeline.query.running import Runner, runner
from pipeline.query.statements import QUESTIONS, TABLES
from pipeline.query.suggestions import failure, unknown_words
from pipeline.storage.files.atomic import atomic_path
from pipeline.storage.places import Place

logger = logging.getLogger("biomill")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def answers(
    root: Place,
    text: str,
    form: str = "table",
    write: bool = False,
    room: int | None = None,
    out: Path | None = None,
) -> Iterator[str]:
    """Yield the answers to the statements of a text about a run, finished or not, as lines of a format.

    `room`: cells of the terminal that tables are cut to; None: nothing is cut. `out`: a file to write instead. How many
    rows there were, and what is to be known of a run that is not finished, is logged beside the answer. Raises RunError
    when a statement cannot be answered, or would change the catalog and `write` is not asked for; the run's Parquet is
    read-only in any case.
    """
    with ask(root, write) as asked, runner(asked.con) as run:
        for note in asked.notes():
            logger.info("%s", note)
        statements = parsed(asked, text)
        allowed(statements, write)
        if out is not None:
            yield from _into_file(asked, run, statements, form, out)
            return
        for number, statement in enumerate(statements):
            if number and form in ("table", "box", "markdown"):
                yield ""
            yield from answer(asked, run, statement, form, room)


def parsed(asked: Asked, text: str) -> list[duckdb.Statement]:
    """Return the statements of a text; raises RunError when it is not SQL, or nothing."""
    try:
        statements = asked.con.extract_statements(text)
    except duckdb.Error as error:
        raise failure(error, asked) from error
    if not statements:
        raise RunError("nothing is asked", expected="SQL", remedy='such as: biomill sql RUN "FROM funnel()"')
    return list(statements)


def allowed(statements: Sequence[duckdb.Statement], write: bool) -> None:
    """Raise RunError for a statement that is no question, unless `write` is given."""
    if not write and any(each.type not in QUESTIONS for each in statements):
        raise RunError(
            "only questions are answered (SELECT, FROM, SHOW, DESCRIBE, SUMMARIZE, EXPLAIN), unless --write is given",
            where=next(each.query.strip() for each in statements if each.type not in QUESTIONS),
        )


def answer(asked: Asked, run: Runner, statement: duckdb.Statement, form: str, room: int | None) -> Iterator[str]:
    """Yield one answer as lines; log how many rows it had."""
    counted = Counted()
    try:
        if statement.type not in QUESTIONS:
            changed = run(lambda: asked.con.execute(statement).fetchall())
            logger.info("%s", f"{changed[0][0]:,} rows changed" if changed and changed[0] else "done")
            return
        if form == "csv" and statement.type in TABLES:
            from pipeline.query.streamed import csv_lines

            yield from csv_lines(run, statement.query, counted)
        else:
            described = run(lambda: asked.con.execute(statement)).description or []
            names = [column[0] for column in described]
            right = [
                str(column[1]).removeprefix("U").startswith(_NUMBERS) and "[" not in str(column[1])
                for column in described
            ]
            rows = counted.each(run.rows())
            if statement.type == duckdb.StatementType.EXPLAIN:
                for row in rows:
                    yield from str(row[-1]).rstrip("\n").split("\n")
                return
            yield from lines("table" if form == "csv" else form, names, right, rows, room)
    except duckdb.Error as error:
        raise failure(error, asked) from error
    logger.info("%s", counted.line())
    for hint in unknown_words(statement.query):
        logger.info("%s", hint)


def _into_file(
    asked: Asked, run: Runner, statements: Sequence[duckdb.Statement], form: str, out: Path
) -> Iterator[str]:
    """Write the one answer of the statements to a file, whole or not at all; yield a line that says so."""
    _check_file(asked, out)
    with_rows = [each for each in statements if each.type in QUESTIONS]
    if len(with_rows) != 1 or statements[-1].type not in QUESTIONS:
        raise RunError(
            f"a file holds one answer, and {len(with_rows)} are asked for",
            where=str(out),
            remedy="ask one question, the last of the text, or leave out -o",
        )
    form = form or format_of(out)
    counted = Counted()
    try:
        for statement in statements[:-1]:
            run(lambda statement=statement: asked.con.execute(statement).fetchall())  # type: ignore[misc]
        with atomic_path(out) as temporary:
            if form in COLUMNAR:
                from pipeline.query.streamed import copy_answer

                copy_answer(run, statements[-1].query, temporary, form, counted)
            else:
                described = run(lambda: asked.con.execute(statements[-1])).description or []
                with temporary.open("w", encoding="utf-8", newline="") as file:
                    for line in lines(
                        form, [c[0] for c in described], [False] * len(described), counted.each(run.rows()), None
                    ):
                        file.write(line + "\n")
    except duckdb.Error as error:
        raise failure(error, asked) from error
    for hint in unknown_words(statements[-1].query):
        logger.info("%s", hint)
    yield f"{counted.line()} in {out}"


def _check_file(asked: Asked, out: Path) -> None:
    """Raise RunError where an answer may not be written: over a folder, or among the run's own files."""
    if out.is_dir():
        raise RunError("an answer is written to a file, and this is a folder", where=str(out), remedy="name a file")
    if not isinstance(asked.standing.folder.root, Path):
        return
    root, folder = asked.standing.folder.root.resolve(), out.absolute().parent.resolve()
    if root == folder or root in folder.parents:
        raise RunError(
            "the folder of a run holds what the run makes, and nothing else",
            where=str(out),
            remedy="name a file elsewhere",
        )
