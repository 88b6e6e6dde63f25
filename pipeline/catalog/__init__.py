"""The DuckDB catalog: views over the run's Parquet, and the questions people ask of it."""

from pipeline.catalog.build import build_catalog
from pipeline.catalog.open import open_catalog

__all__ = ["build_catalog", "open_catalog"]
