"""manifest.parquet, all that training reads: every column of every row, against the tars and the stages."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.storage.statements import Statements
from pipeline.verify.check import Findings, Run
from pipeline.verify.truth import COLUMNS, TRUTH

MANIFEST = "manifest.parquet"
_SQL = Statements(__name__)
_ROWS = "read_parquet('shards/manifest.parquet', file_row_number = true)"


def manifest(run: Run) -> str:
    """Every column of every row is what the tar at its place and the stages behind it say; rows and samples are one."""
    from pipeline.stages.shards import MANIFEST_SCHEMA

    path = run.folder.stage("shards") / MANIFEST
    schema = pq.read_schema(path)
    found = Findings("the manifest is not what shards and stages say")
    for field in MANIFEST_SCHEMA:
        if field.name not in schema.names:
            found.add(f"column {field.name}", "is missing")
        elif schema.field(field.name).type != field.type:
            found.add(f"column {field.name}", f"is of type {schema.field(field.name).type}, not {field.type}")
    for name in schema.names:
        if name not in COLUMNS:
            found.add(f"column {name}", "nothing is known of it")
    found.check()
    rows, samples = run.count(f"SELECT count(*) FROM {_ROWS}"), run.count("SELECT count(*) FROM found")
    # Rows and samples meet by their number, so that a wrong key is seen as one; else by key, to see which are missing.
    strangers = run.count(f"SELECT count(*) FROM {_ROWS} s ANTI JOIN found f ON f.key = s.key")
    by_place = rows == samples and bool(strangers)
    joined = "f.seq = s.file_row_number" if by_place else "f.key = s.key"
    _compare(run, joined, found)
    _lone_rows(run, joined, found)
    _footer(run, found)
    found.check()
    return f"{rows:,} rows, {len(COLUMNS)} columns each"


def _compare(run: Run, joined: str, found: Findings) -> None:
    """Count for every column the rows in which it differs, all columns in one pass."""
    pairs = {name: (f's."{name}"', value) for name, value in COLUMNS.items()}
    pairs["(order of the rows)"] = ("s.file_row_number", "f.seq")
    differences = ", ".join(_SQL("difference", said=said, value=value) for said, value in pairs.values())
    # All samples that were decided on: what is not in both is told by `_lone_rows`.
    (answer,) = run.rows(_SQL("compared", differences=differences, truth=TRUTH, rows=_ROWS, joined=joined))
    for number, name in enumerate(pairs):
        cases, example, key = answer[3 * number : 3 * number + 3]
        if cases:
            kind = f"column {name}" if name in COLUMNS else "the order of the rows"
            found.add(kind, f"{key} has {example}", cases)


def _lone_rows(run: Run, joined: str, found: Findings) -> None:
    decided = "read_parquet('select/decisions/*.parquet')"
    for kind, query in (
        ("rows without a sample in the tars", f"SELECT s.key FROM {_ROWS} s ANTI JOIN found f ON {joined}"),
        ("samples without a row", f"SELECT f.shard || ', ' || f.key FROM found f ANTI JOIN {_ROWS} s ON {joined}"),
        (
            "samples that select did not decide on",
            f"SELECT f.shard || ', ' || f.key FROM found f ANTI JOIN {decided} d ON d.record_id = f.key",
        ),
        (
            "decided records without a sample",
            f"SELECT d.record_id FROM {decided} d ANTI JOIN found f ON f.key = d.record_id",
        ),
        (
            "keys more than once",
            f"SELECT key FROM {_ROWS} GROUP BY 1 HAVING count(*) > 1",
        ),
    ):
        number, first = run.rows(f"SELECT count(*), min(it) FROM ({query}) q(it)")[0]
        if number:
            found.add(kind, first, number)


def _footer(run: Run, found: Findings) -> None:
    """Compare the statistics in the file's footer, by which readers skip rows, with the values themselves."""
    path = run.folder.stage("shards") / MANIFEST
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            stated = file.metadata.row_group(group)
            for number in range(stated.num_columns):
                column = stated.column(number)
                if (problem := _statistics(file, group, column)) is not None:
                    found.add(f"column {column.path_in_schema}", f"row group {group}: {problem}")


def _statistics(file: pq.ParquetFile, group: int, column: pq.ColumnChunkMetaData) -> str | None:
    stated = column.statistics
    if stated is None:
        return None
    values = file.read_row_group(group, columns=[column.path_in_schema]).column(0)
    if stated.has_null_count and stated.null_count != values.null_count:
        return f"its footer states {stated.null_count} nulls, but there are {values.null_count}"
    if stated.has_min_max:
        bounds = pc.min_max(values).as_py()
        if (stated.min, stated.max) != (least := bounds["min"], most := bounds["max"]):
            return f"its footer states {stated.min!r} to {stated.max!r}, but it holds {least!r} to {most!r}"
    return None
