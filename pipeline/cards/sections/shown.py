"""The tables that sections share: kept images with what is counted of them, and their taxa."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.cards.sections.section import Asked
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


@contextmanager
def shown_tables(asked: Asked) -> Iterator[None]:
    """Have the tables `shown` and `shown_taxa` in the connection for the length of the block."""
    asked.rows(_SQL("shown"))
    asked.rows(_SQL("taxa"))
    try:
        yield
    finally:
        asked.con.execute("DROP TABLE IF EXISTS shown; DROP TABLE IF EXISTS shown_taxa")
