"""Releases' text tables: cut into byte ranges at row ends, and read so that a bad row costs one row.

`cut` counts the rows of every range in the bytes, independently of the parser. `parse` gives the rows of a range, and
each row that the table cannot hold as an ended row with its evidence; both stand on `manifests.tables`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from manifests.errors import TableError
from manifests.tables import Dialect, Part, parse_rows, row_ends, table_end
from pipeline.model.errors import ConservationError, SourceError
from pipeline.model.ids import ended_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA
from pipeline.sources.release.base import LOCATOR_FIELDS, Native, Split

RAW_BYTES = 2048
"""How much of a malformed row the ledger keeps."""


@contextmanager
def as_source_error(where: str = "") -> Iterator[None]:
    """Raise what makes a table unreadable as the SourceError that a release ends with."""
    try:
        yield
    except TableError as error:
        raise SourceError(error.what, error.where or where, error.expected, error.remedy) from error


def cut(
    path: Path, dialect: Dialect, *, table: str, origin: str, columns: tuple[str, ...], start: int, target_bytes: int
) -> tuple[Split, ...]:
    """Cut a table into ranges of about `target_bytes`, at row ends, each with its number of rows.

    `start` is the offset behind the header. The cuts depend on the file and `target_bytes` alone. A table without rows
    gives no range. Raises SourceError when a row is too long to be one.
    """
    splits: list[Split] = []
    begin, first_row, row, last_end = start, 1, 0, start

    def close(end: int, rows: int) -> Split:
        return Split(table, str(path), origin, begin, end - begin, first_row, rows, columns)

    for ends in _ends(path, dialect, len(columns), start):
        taken = 0
        while True:
            # The first row end at which the range is long enough closes it.
            at = int(np.searchsorted(ends, begin + target_bytes))
            if at >= len(ends):
                break
            row += at + 1 - taken
            taken = at + 1
            end = int(ends[at])
            splits.append(close(end, row - first_row + 1))
            begin, first_row = end, row + 1
        row += len(ends) - taken
        last_end = int(ends[-1])
    if row >= first_row:
        splits.append(close(last_end, row - first_row + 1))
    return tuple(splits)


def _ends(path: Path, dialect: Dialect, fields: int, start: int) -> Iterator[NDArray[np.int64]]:
    with as_source_error():
        yield from row_ends(path, dialect, fields, start, table_end(path, start))


def parse(split: Split, dialect: Dialect, *, source: str, wanted: Sequence[str]) -> Native:
    """Read one range: the wanted columns as strings with locators, and the malformed rows as ended rows.

    An empty field is null, nothing else is. Wanted columns that the table lacks are null. Raises ConservationError when
    the rows found are not those that `cut` counted: the file was changed in between.
    """
    with Path(split.path).open("rb") as handle:
        handle.seek(split.start)
        data = handle.read(split.length)
    where = f"{split.origin}, bytes {split.start} to {split.start + split.length}"
    try:
        part = parse_rows(data, dialect, split.columns, wanted)
    except TableError as error:
        raise ConservationError(error.what, where=where, remedy=error.remedy) from error
    if part.count != split.rows:
        raise ConservationError(
            f"{part.count} rows were found where {split.rows} were counted",
            where=where,
            expected="the file that was counted when the run was planned",
            remedy="do not change input files during a run; run the same command again",
        )
    return Native(_with_locators(part, split), _ended(part, split, dialect, source))


def _with_locators(part: Part, split: Split) -> pa.Table:
    table = part.table
    locators = [
        pa.repeat(pa.scalar(split.origin), len(part.rows)),
        pa.array(part.rows + split.first_row, pa.int64()),
        pa.array(part.starts + split.start, pa.int64()),
    ]
    for field, values in zip(LOCATOR_FIELDS, locators, strict=True):
        table = table.append_column(field, values)
    return table


def _ended(part: Part, split: Split, dialect: Dialect, source: str) -> pa.Table:
    # Ids come from content alone: equal rows get equal ids, and the ingest stage, which sees all splits, numbers them.
    ended = []
    for fault in part.faults:
        text = part.raw(fault).decode(dialect.encoding, errors="backslashreplace")
        evidence = {"code": fault.kind.value, "expected_fields": len(split.columns), "fields": fault.fields}
        ended.append(
            {
                "row_id": ended_id(source, split.table, text),
                "source": source,
                "outcome": Outcome.MALFORMED_ROW.code,
                "evidence": json.dumps(evidence, sort_keys=True),
                "other_id": None,
                "locator_file": split.origin,
                "locator_row": split.first_row + fault.row,
                "locator_offset": split.start + fault.start,
                "raw": text.encode("utf-8", errors="backslashreplace")[:RAW_BYTES].decode(errors="ignore"),
            }
        )
    return pa.Table.from_pylist(ended, schema=ENDED_SCHEMA)
