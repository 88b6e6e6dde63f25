"""Processes that hold what fetching needs and nothing else: no pandas, and one heap."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa

LEAN_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""One heap for all: glibc gives threads heaps of their own, Arrow has another, and each keeps pages that were freed."""
_ARENA_MAX = -8  # mallopt's M_ARENA_MAX, malloc.h of glibc


def be_lean() -> None:
    """Make this process as small as lean worker processes; for one that fetches and does nothing else, at its start."""
    without_pandas()
    pa.set_memory_pool(pa.system_memory_pool())
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # another C library has no such setting
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def without_pandas() -> None:
    """Keep Arrow from loading pandas for the first list that becomes an array: 40 MB and 0.3 s of CPU for nothing."""
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas)
        try:
            pa.array([0])  # asked by the wrapper, and again by the C++ that infers a type
        finally:
            sys.meta_path.remove(_NoPandas)


class _NoPandas(MetaPathFinder):
    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)
