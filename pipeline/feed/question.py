"""What is asked of a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manifests.recipe import RANKS

NAMES = (*RANKS, "vernacular_name")
"""Columns of a lineage: the seven ranks, and the common name."""
ARRAYS = ("shard", "start", "length", "taxon", "name")


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows are asked for: a split ('' for all), and a condition in SQL ('' for none)."""

    split: str
    where: str
    catalog: Path | None
    """Folder of the run whose catalog answers the condition; None: the columns of the manifest do."""

    def __str__(self) -> str:
        return f"samples of split {self.split!r}" + (f" where {self.where}" if self.where else "")
