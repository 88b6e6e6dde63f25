"""Row ranges of Parquet files, whether a provider wrote them or a plan spooled them: cut, and read as text.

A provider's file is foreign input: it is decoded a batch at a time, whatever the size of its row groups, and a cell
that no text table could hold costs its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.tables import MAX_QUOTED_BYTES
from pipeline.model.errors import SourceError
from pipeline.model.ids import ended_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, LOCATOR_COLUMNS
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.json_cells import raw
from pipeline.sources.release.base import LOCATOR_FIELDS, Native, Split

MAX_SPLITS = 100_000
"""More ranges than any release needs: a damaged file may claim any number of rows."""
_BATCH = 32_768
_SCALARS = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_large_string,
)


@contextmanager
def opened(path: Path, where: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; damage found while reading is a SourceError too."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"the file is no Parquet file that can be read: {str(error)[:200]}",
            where=where,
            remedy="fetch it again and compare its size with the provider's",
        ) from error


def cut_rows(
    path: Path, *, table: str, origin: str, columns: tuple[str, ...], target_bytes: int, row_bytes: int
) -> tuple[Split, ...]:
    """Cut a file into row ranges of about `target_bytes`, if a row takes `row_bytes`; never across a row group."""
    with opened(path, origin) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    per_split, first, splits = max(1, target_bytes // row_bytes), 0, []
    if sum(size // per_split for size in sizes) > MAX_SPLITS or min(sizes, default=0) < 0:
        raise SourceError(
            f"the file claims {sum(sizes):,} rows",
            where=origin,
            expected=f"at most {MAX_SPLITS * per_split:,}",
            remedy="fetch it again and compare its size with the provider's",
        )
    for size in sizes:
        for start in range(first, first + size, per_split):
            rows = min(per_split, first + size - start)
            splits.append(Split(table, str(path), origin, start, rows, start + 1, rows, columns))
        first += size
    return tuple(splits)


def read_rows(split: Split) -> pa.Table:
    """Read a range: the split's columns as strings, and locators. A column that the file lacks is null."""
    with opened(Path(split.path), split.origin) as file:
        ends = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)])
        first = int(np.searchsorted(ends, split.start, side="right"))
        last = int(np.searchsorted(ends, split.start + split.length, side="left"))
        skip, need = split.start - (int(ends[first - 1]) if first else 0), split.length
        present = [name for name in split.columns if name in file.schema_arrow.names]
        parts = []
        for batch in file.iter_batches(_BATCH, list(range(first, last + 1)), present, use_threads=False):
            if skip < batch.num_rows and need > 0:
                part = batch.slice(skip, need)
                parts.append([_as_text(part.column(name)) for name in present])
                need -= part.num_rows
            skip = max(0, skip - batch.num_rows)
            if need == 0:
                break
    if need:
        raise SourceError(
            f"{need} of {split.length} rows are not there",
            where=f"{split.origin}, rows {split.first_row} to {split.first_row + split.length - 1}",
            remedy="fetch the file again and compare its size with the provider's",
        )
    columns = {
        name: pa.chunked_array([part[i] for part in parts], pa.string()).combine_chunks()
        for i, name in enumerate(present)
    }
    nothing = pa.nulls(split.rows, pa.string())
    numbers = pa.array(np.arange(split.rows) + split.first_row, pa.int64())
    offsets = pa.repeat(pa.scalar(-1, pa.int64()), split.rows)  # rows of a columnar file have no offsets
    return pa.Table.from_arrays(
        [
            *(columns.get(name, nothing) for name in split.columns),
            c.constant(split.origin, split.rows),
            numbers,
            offsets,
        ],
        schema=pa.schema([*(pa.field(name, pa.string()) for name in split.columns), *LOCATOR_FIELDS]),
    )


def readable(kind: pa.DataType) -> bool:
    """Return whether a column of this type can be read as text."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(test(value) for test in _SCALARS)


def malformed(table: pa.Table, source: str, name: str, codes: Sequence[str], raw: pa.Array) -> pa.Table:
    """Return the ledger of rows that are not what the table holds, with their raw content."""
    ids = [ended_id(source, name, text) for text in raw.to_pylist()]
    evidence = [{"code": code, "expected_fields": None, "fields": None} for code in codes]
    ended = c.ended_rows(table, source, Outcome.MALFORMED_ROW, ids, evidence)
    at = ENDED_SCHEMA.get_field_index("raw")
    return ended.set_column(at, ENDED_SCHEMA.field(at), raw)


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        # A key column with gaps is stored as floats by some writers: 214.0 is 214.
        whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), 2.0**53))
        keys = pc.if_else(pc.fill_null(whole, False), values, None).cast(pa.int64()).cast(pa.string())
        return pc.coalesce(keys, values.cast(pa.string()))
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        # Arrow trusts the bytes of a file to be UTF-8; nothing behind this line would check them.
        try:
            values.validate(full=True)
        except pa.ArrowInvalid:
            binary = pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary()
            return pa.array([None if v is None else _decoded(v) for v in values.view(binary).to_pylist()], pa.string())
    return values.cast(pa.string())


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode(errors="replace") + "\x00"  # so that `sound_rows` ends the row


def sound_rows(table: pa.Table, source: str, name: str) -> Native:
    """Take out the rows with a cell that no text table could hold: control characters, broken UTF-8, or too long."""
    codes: dict[int, str] = {}
    for column in [field.name for field in table.schema if field.name not in LOCATOR_COLUMNS]:
        values = table.column(column).combine_chunks()
        for code, mask in (
            ("CONTROL_CHARACTER", pc.match_substring_regex(values, r"[\x00\x1f]")),
            ("CELL_TOO_LONG", pc.greater(pc.binary_length(values), MAX_QUOTED_BYTES)),
        ):
            for row in np.flatnonzero(np.asarray(pc.fill_null(mask, False))).tolist():
                codes.setdefault(row, code)
    if not codes:
        return Native(table, ENDED_SCHEMA.empty_table())
    bad = sorted(codes)
    rows = table.take(pa.array(bad, pa.int64()))
    shown = [raw({k: v for k, v in row.items() if k not in LOCATOR_COLUMNS}) for row in rows.to_pylist()]
    good = np.ones(table.num_rows, dtype=bool)
    good[bad] = False
    ended = malformed(rows, source, name, [codes[row] for row in bad], pa.array(shown, pa.string()))
    return Native(table.filter(pa.array(good)), ended)
