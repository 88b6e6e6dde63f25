"""Vectors of a run's pictures and names: files beside the run, which SQL joins to it.

`pipeline.embed.compute`, which needs PyTorch, makes them; the others write, list and register them without it.
"""

from __future__ import annotations

from pipeline.embed.vector_files import Embedded, embedded, part_name, write_part
from pipeline.embed.view import register

__all__ = ["Embedded", "embedded", "part_name", "register", "write_part"]
