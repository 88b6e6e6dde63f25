"""Licences of the candidates, by family, and what they permit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.planning.plan_facts import LicenceImages
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)


def licence_images(con: duckdb.DuckDBPyConnection) -> tuple[LicenceImages, ...]:
    """Return the candidates by family of licences, the largest first, of the table `planned` of a connection.

    A family whose versions permit different things stands there once for each.
    """
    return tuple(LicenceImages(*row) for row in con.execute(_SQL("families")).fetchall())
