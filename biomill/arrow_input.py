"""What callers give as texts or as a table, as an Arrow table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowTable(Protocol):
    """A table of any library that speaks Arrow: pyarrow, pandas, Polars, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as a stream of Arrow's C interface."""


Texts = Iterable[str | None] | Mapping[str, Iterable[object]] | ArrowTable
"""Texts, or a table that has a column of them."""
_WANTED = "texts in a list, or a table of pyarrow, pandas, Polars or DuckDB"


def as_table(given: Texts, column: str) -> pa.Table:
    """Return a table as Arrow's, or texts as a table with one column of that name.

    Raises UsageError for anything else.

    >>> as_table(["Puma concolor", None], "name").to_pydict()
    {'name': ['Puma concolor', None]}
    >>> as_table({"name": ["Puma concolor"], "family": ["Felidae"]}, "name").to_pydict()
    {'name': ['Puma concolor'], 'family': ['Felidae']}
    """
    import pyarrow as pa

    from pipeline.model.errors import UsageError

    if isinstance(given, str | bytes):
        raise UsageError(f"one text is given where many are read: {given!r}", expected=_WANTED)
    try:
        if isinstance(given, Mapping):
            return pa.table(dict(given))
        if hasattr(given, "__arrow_c_stream__") or hasattr(given, "__arrow_c_array__"):
            # One column alone speaks Arrow as well, and is no table.
            with suppress(TypeError, ValueError, pa.ArrowException):
                return pa.table(given)
        values = given.to_pylist() if hasattr(given, "to_pylist") else list(cast("Iterable[Any]", given))
        return pa.table({column: pa.array(values, pa.string())})
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise UsageError(f"what is given cannot be read: {error}", type(given).__name__, _WANTED) from error
