"""Where bytes lie: atomic files, file systems behind addresses, DuckDB, the folder of a run."""
