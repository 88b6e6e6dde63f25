"""One answer as an Arrow table, for programs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from pipeline.catalog import ask
from pipeline.model.errors import RunError
from pipeline.query.ask import parsed
from pipeline.query.running import runner
from pipeline.query.statements import QUESTIONS
from pipeline.query.suggestions import failure, unknown_words
from pipeline.query.values import unique
from pipeline.storage.places import Place

logger = logging.getLogger("biomill")


def arrow_answer(root: Place, text: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
    """Return the answer to one question about a run, finished or not; columns of one name are numbered.

    `parameters`: values for the `?`, `$1` or `$name` of the question. What is to be known of a run that is not
    finished is logged. Memory: the answer. Raises RunError when the text is not one question, or cannot be answered.
    """
    with ask(root) as asked, runner(asked.con) as run:
        for note in asked.notes():
            logger.info("%s", note)
        statements = parsed(asked, text)
        if len(statements) != 1 or statements[0].type not in QUESTIONS:
            raise RunError(
                "one question is answered at a time, and nothing else is done",
                where=text.strip(),
                expected="a SELECT, FROM, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN",
                remedy="ask one question after the other; `biomill sql --write` makes tables and views",
            )
        query, given = statements[0].query, parameters if isinstance(parameters, Mapping) else list(parameters)
        try:
            table: pa.Table = run(lambda: asked.con.sql(query, params=given or None).to_arrow_table())
        except duckdb.Error as error:
            raise failure(error, asked) from error
        except (pa.ArrowException, OSError) as error:  # what DuckDB says while rows come, by way of Arrow
            raise failure(duckdb.Error(str(error)), asked) from error
        for hint in unknown_words(text):
            logger.info("%s", hint)
        return table.rename_columns(unique(table.column_names))
