"""The DuckDB catalog: views over the run's Parquet, and the questions people ask of it."""

from pipeline.catalog.asked import Asked, ask
from pipeline.catalog.build import build_catalog, create_views
from pipeline.catalog.open import connect_catalog, open_catalog

__all__ = ["Asked", "ask", "build_catalog", "connect_catalog", "create_views", "open_catalog"]
