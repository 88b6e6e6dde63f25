"""The catalog's and the files' shape: the views and columns that this version describes, with their types."""

from __future__ import annotations

import duckdb
import pyarrow.parquet as pq

from pipeline.catalog import create_views
from pipeline.errors import VerifyError
from pipeline.records import RECORD_SCHEMA
from pipeline.verify.check import Run

_COLUMNS = """SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal
              ORDER BY table_name, column_index"""


def schema(run: Run) -> str:
    """Records have the canonical schema, and the catalog the views that its definition gives over these files."""
    for path in sorted((run.folder.stage("ingest") / "records").glob("*.parquet")):
        if not pq.read_schema(path).equals(RECORD_SCHEMA):
            raise VerifyError("the records have other columns or types than the schema", str(path))
    con = duckdb.connect(":memory:")
    try:
        create_views(con, run.folder.root)
        expected = con.execute(_COLUMNS).fetchall()
    finally:
        con.close()
    found = run.rows(_COLUMNS)
    for wanted, stated in zip(expected, found, strict=False):
        if wanted != stated:
            raise VerifyError(f"the catalog's column is {stated}", expected=str(wanted))
    if len(expected) != len(found):
        raise VerifyError(f"the catalog has {len(found)} columns", expected=str(len(expected)))
    return f"{len({row[0] for row in found})} tables and views, {len(found)} columns"
