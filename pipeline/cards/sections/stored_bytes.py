"""Where the bytes of some records' images lie in what fetch stored, as a part of other questions."""

from __future__ import annotations

from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


def stored(wanted: str) -> str:
    """Return a query of record_id, unit, at and size; `wanted`: a query of the ids of the records.

    >>> stored("SELECT 'r1'").count("SELECT 'r1'")
    2
    """
    return _SQL("stored", wanted=wanted)
