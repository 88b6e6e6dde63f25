"""Folders of finished runs of any number of kept images, for the report: their tables are drawn, their pictures lent.

A finished run gives recipe, catalog and pictures; every table whose rows grow with a run is drawn anew with its
columns. Sources, licences, hosts, creators, places, dates, sizes, a long tail of taxa in a tree, names and how they
were matched, copies and their clusters, leaks and conflicts are all there; equal counts give equal rows.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.model.records import ENDED_SCHEMA
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
_TABLES = {
    "ingest/records": "records",
    "resolve/names": "names",
    "screen/candidates": "candidates",
    "fetch/media": "media",
    "fetch/arrived": "arrived",
    "likeness/clusters": "clusters",
    "likeness/leaks": "leaks",
    "likeness/quarantine": "quarantine",
}
_ENDED = ("ingest", "screen", "fetch", "likeness", "select")
_EMPTY = (
    "screen/media_records",
    "fetch/placeholders",
    "fetch/placeholder_groups",
    "likeness/unknown",
    "likeness/labels",
)
_ROWS = 100_000


def drawn_run(root: Path, images: int, model: Path) -> None:
    """Write the folder of a finished run that kept so many images; `model`: the folder of another finished run."""
    shutil.copytree(model, root, ignore=shutil.ignore_patterns("plan.parquet", "*.npy", "journal"))
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "temp_directory": str(root / ".drawn")}) as con:
        _lend(con, model)
        con.execute(_SQL("macros"))
        con.execute(_SQL("stages"))
        taxa, creators = max(20, int(images**0.75)), max(9, int(images**0.8))
        con.execute(_SQL("rows", images=images, taxa=taxa, creators=creators))
        for folder, name in _TABLES.items():
            _write(con, root / folder, _SQL(name, **({"taxa": taxa} if name in ("records", "names") else {})))
        for stage in _ENDED:
            ledger = root / stage / ("ended" if stage == "ingest" else "ledger")
            _write(con, ledger, _SQL("ended", stage=stage), ENDED_SCHEMA)
        for folder in _EMPTY:
            _write(con, root / folder, "SELECT 1 AS none WHERE false")
        manifest = root / "shards" / "manifest.parquet"
        schema = pq.read_schema(manifest)
        manifest.unlink()
        _fill(con, manifest, _SQL("manifest"), schema)
    shutil.rmtree(root / ".drawn", ignore_errors=True)


def _lend(con: duckdb.DuckDBPyConnection, model: Path) -> None:
    """Number the pictures of the model: those in its shards, those that its fetch stored, those that it held out."""
    for name, file, columns, where in (
        ("samples", "shards/manifest.parquet", "shard, jpg_offset, jpg_length, sha256", "true"),
        ("pictures", "fetch/media/*.parquet", 'unit, "offset", "length"', "outcome IS NULL"),
        ("held", "holdout/items/*.parquet", "benchmark, item", "thumbnail IS NOT NULL"),
    ):
        listed = f"SELECT {columns} FROM read_parquet('{model}/{file}') WHERE {where} ORDER BY ALL"
        con.execute(f"CREATE TABLE {name} AS SELECT row_number() OVER () - 1 AS n, * FROM ({listed})")


def _write(con: duckdb.DuckDBPyConnection, folder: Path, query: str, schema: pa.Schema | None = None) -> None:
    """Write a query's rows as the only part of a folder, with the columns of what stood there."""
    parts = sorted(folder.glob("*.parquet"))
    schema = schema or pq.read_schema(parts[0])
    for part in parts:
        part.unlink()
    _fill(con, folder / "part.parquet", query, schema)


def _fill(con: duckdb.DuckDBPyConnection, path: Path, query: str, schema: pa.Schema) -> None:
    """Write a query's rows as a file of the schema; columns that the query does not have are null."""
    reader = con.sql(query).to_arrow_reader(_ROWS)
    unknown = sorted(set(reader.schema.names) - set(schema.names) - {"none"})
    assert not unknown, f"{path}: no columns {unknown}"
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in reader:
            given = {name: batch.column(name) for name in batch.schema.names}
            columns = [
                given[field.name].cast(field.type) if field.name in given else pa.nulls(len(batch), field.type)
                for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(columns, names=schema.names).cast(schema))
