"""Processes that hold what fetching needs and nothing else: no pandas, and one heap."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

LEAN_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""One heap for all: glibc gives threads heaps of their own, Arrow has another, and each keeps pages that were freed."""
_ARENA_MAX = -8  # mallopt's M_ARENA_MAX, malloc.h of glibc


def be_lean() -> None:
    """Make this process as small as lean worker processes; for one that fetches and does nothing else, at its start."""
    import pyarrow as pa

    without_pandas()
    pa.set_memory_pool(pa.system_memory_pool())
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # another C library has no such setting
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def without_pandas() -> None:
    """Keep Arrow from loading pandas for the first list that becomes an array: 40 MB and 0.3 s of CPU for nothing.

    Whoever else needs pandas may load it afterwards.
    """
    import pyarrow as pa

    if "pandas" not in sys.modules:
        finder = _NoPandas()
        sys.meta_path.insert(0, finder)
        try:
            pa.array([0])  # asked by the wrapper, and again by the C++ that infers a type
        finally:
            sys.meta_path.remove(finder)


def refuse_pandas() -> None:
    """Let nobody load pandas in this process, as Arrow and DuckDB try to; for one that makes no DataFrames.

    Unlike `without_pandas` this loads no Arrow, which the process may never need.
    """
    sys.meta_path.insert(0, _NoPandas())


class _NoPandas:
    """A finder of modules (PEP 451) that says of one that it is not installed.

    Not of the class MetaPathFinder, whose module is slow to load.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
