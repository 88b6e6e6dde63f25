"""The DuckDB catalog: views over the run's Parquet, and the questions people ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from pipeline.catalog.asked import Asked, ask
    from pipeline.catalog.build import build_catalog, create_views
    from pipeline.catalog.open import connect_catalog, open_catalog

__all__ = ["Asked", "ask", "build_catalog", "connect_catalog", "create_views", "open_catalog"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "pipeline.catalog.asked": ("Asked", "ask"),
        "pipeline.catalog.build": ("build_catalog", "create_views"),
        "pipeline.catalog.open": ("connect_catalog", "open_catalog"),
    },
)
