"""The records' shape: the columns and types that this version describes."""

from __future__ import annotations

import pyarrow.parquet as pq

from pipeline.model.errors import VerifyError
from pipeline.model.records import RECORD_SCHEMA
from pipeline.verify.check import Run


def schema(run: Run) -> str:
    """Every file of records has the canonical schema."""
    paths = sorted((run.folder.stage("ingest") / "records").glob("*.parquet"))
    for path in paths:
        if not pq.read_schema(path).equals(RECORD_SCHEMA):
            raise VerifyError("the records have other columns or types than the schema", str(path))
    return f"{len(paths):,} files of records, {len(RECORD_SCHEMA)} columns each"
