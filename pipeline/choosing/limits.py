"""At most so many records, of a source and of the run: the first in the order of a seeded hash of the record's id.

The order knows neither files nor workers, so that the same records are chosen however the releases are cut; it is that
of a sample, too, so that a smaller limit or share chooses a part of a larger one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from duckdb.func import ARROW

from manifests import Recipe
from pipeline.model.chunks import whole
from pipeline.model.vector_hashes import hash64_array, hexadecimal
from pipeline.storage.database import quote
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SQL = Statements(__name__)
_SALT = "choice"
_NO_LIMIT = 2**62


def limited(recipe: Recipe) -> bool:
    """Return whether a recipe limits a source or the run."""
    return recipe.select.limit is not None or any(source.limit is not None for source in recipe.sources)


def create_order(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Create the function `choice_order` on a connection, from a record id to a key that sorts."""
    # A native SQL hash may change between versions of DuckDB; BLAKE2b does not.
    con.create_function("choice_order", _order(seed), ["VARCHAR"], "VARCHAR", type=ARROW)


def _order(seed: int) -> Callable[[pa.ChunkedArray], Any]:
    return lambda keys: hexadecimal(hash64_array(seed, _SALT, whole(keys)))


def note_beyond(con: duckdb.DuckDBPyConnection, recipe: Recipe, candidates: str) -> None:
    """Make the table `beyond` of what no limit leaves of the candidates, a query."""
    caps = ", ".join(f"({quote(each.name)}, {each.limit})" for each in recipe.sources if each.limit is not None)
    most = _NO_LIMIT if recipe.select.limit is None else recipe.select.limit
    con.execute(_SQL("beyond", candidates=candidates, caps=caps or "(NULL::VARCHAR, NULL::BIGINT)", most=most))


def kept_sql(candidates: str) -> str:
    """Return the query of the candidates that are left."""
    return _SQL("kept", candidates=candidates)


def ended_sql(candidates: str) -> str:
    """Return the query of the ledger rows of the others."""
    return _SQL("ended", candidates=candidates)
