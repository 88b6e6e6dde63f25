"""Vectors beside a run, whatever made them: brought as Parquet, and searched for the nearest pictures, exactly."""

from __future__ import annotations

from pipeline.vectors.brought import bring
from pipeline.vectors.gathered import Gathered, gather
from pipeline.vectors.neighbour_question import Asked
from pipeline.vectors.search import (
    COLUMNS,
    Searched,
    neighbours_of_pictures,
    neighbours_of_vectors,
    search_pictures,
    search_vectors,
)

__all__ = [
    "COLUMNS",
    "Asked",
    "Gathered",
    "Searched",
    "bring",
    "gather",
    "neighbours_of_pictures",
    "neighbours_of_vectors",
    "search_pictures",
    "search_vectors",
]
