"""The tables that sections share: kept images with what is counted of them, their taxa, names, and releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.cards.sections.section import Asked
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


@contextmanager
def shown_tables(asked: Asked) -> Iterator[None]:
    """Have the tables `shown`, `shown_taxa`, `shown_names`, `shown_releases` in the connection for the block."""
    for statement in (_SQL("shown"), _SQL("taxa"), _SQL("names"), _SQL("releases")):
        asked.rows(statement)
    try:
        yield
    finally:
        for name in ("shown", "shown_taxa", "shown_names", "shown_releases"):
            asked.con.execute(f"DROP TABLE IF EXISTS {name}")
