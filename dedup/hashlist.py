"""Hash lists: a benchmark's images as rows of hashes and keys, so that it can be held out without being passed on.

A list is Parquet or CSV with any of the columns of HASH_LIST_SCHEMA; columns of other names are ignored. A row without
any hash or key must say in `outcome` why: such an item is reported as not covered. It is never given a zero hash,
which would match other failures and guard nothing.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from dedup.errors import LikenessError
from dedup.hashes import HASH_SPEC
from dedup.hashlist_schema import HASH_LIST_SCHEMA

MAX_BYTES = 4 << 30
"""Largest list that is read, in bytes of the file, and of its columns when unpacked."""
MAX_ROWS = 20_000_000

_NAMES = tuple(HASH_LIST_SCHEMA.names)
_HASHES = ("sha256", "pixel_sha256", "pdq", "phash")
_GUARDS = (*_HASHES, "media_key", "record_key", "occurrence_key", "taxon")
_FORMS = {
    "sha256": ("^[0-9a-f]{64}$", "64 hex digits"),
    "pixel_sha256": ("^[0-9a-f]{64}$", "64 hex digits"),
    "pdq": ("^[0-9a-f]{64}( [0-9a-f]{64}){7}$|^[0-9a-f]{64}$", "8 hashes (or 1) of 64 hex digits, between spaces"),
    "phash": ("^[0-9a-f]{16}( [0-9a-f]{16}){7}$|^[0-9a-f]{16}$", "8 hashes (or 1) of 16 hex digits, between spaces"),
}
_ZERO = "0" * 64


def write_hash_list(path: Path, table: pa.Table) -> None:
    """Write a hash list as Parquet or CSV, by the path's suffix, sorted by content and replaced as a whole.

    `table`: any of HASH_LIST_SCHEMA's columns. LikenessError: what `read_hash_list` would refuse, or another suffix.
    The same rows in any order give the same bytes.
    """
    suffix = _suffix(path)
    rows = _checked(_conformed(table, path), path)
    rows = rows.sort_by([(name, "ascending") for name in _NAMES])
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if suffix == ".csv":
            pacsv.write_csv(rows, part)
        else:
            pq.write_table(rows, part, compression="zstd")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_hash_list(path: Path) -> pa.Table:
    """Read and check a hash list: HASH_LIST_SCHEMA, in the order of the file, hex in lower case, empty text as null.

    A missing `benchmark` becomes the file's stem, a missing `item` 'row N' (from 1). LikenessError, naming file and
    row: a hash of the wrong form or spec, an all-zero PDQ without quality 0, a row that guards nothing and states no
    outcome, a list without rows or beyond MAX_BYTES or MAX_ROWS, or one that is neither Parquet nor CSV.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "demo.csv"
    ...     write_hash_list(path, pa.table({"item": ["1.jpg"], "media_key": ["inat:5"]}))
    ...     read_hash_list(path).select(["benchmark", "item", "media_key"]).to_pylist()
    [{'benchmark': 'demo', 'item': '1.jpg', 'media_key': 'inat:5'}]
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LikenessError(
                f"the hash list has {size} bytes",
                where=str(path),
                expected=f"at most {MAX_BYTES}",
                remedy="split the list into several benchmarks",
            )
        table = _read_csv(path) if _suffix(path) == ".csv" else _read_parquet(path)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise LikenessError(
            "the hash list cannot be read",
            where=f"{path}: {error}",
            expected="Parquet, or CSV in UTF-8 with a header",
            remedy="write the list anew, for example with write_hash_list",
        ) from error
    return _checked(_conformed(table, path), path)


def _read_csv(path: Path) -> pa.Table:
    return pacsv.read_csv(
        path,
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types={name: pa.string() for name in _NAMES},
            include_columns=list(_NAMES),
            include_missing_columns=True,
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _read_parquet(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        if file.metadata.num_rows > MAX_ROWS or unpacked > MAX_BYTES:
            raise LikenessError(
                f"the hash list unpacks to {file.metadata.num_rows} rows and {unpacked} bytes",
                where=str(path),
                expected=f"at most {MAX_ROWS} rows and {MAX_BYTES} bytes",
                remedy="split the list into several benchmarks",
            )
        return file.read(columns=[name for name in file.schema_arrow.names if name in _NAMES])


def _conformed(table: pa.Table, path: Path) -> pa.Table:
    """Return exactly the schema's columns, text trimmed, empty text as null, hex in lower case."""
    if len(set(table.column_names)) < table.num_columns or not set(table.column_names) & set(_NAMES):
        raise LikenessError(
            f"the columns are {', '.join(table.column_names) or 'none'}",
            where=str(path),
            expected=f"any of {', '.join(_NAMES)}, each once",
            remedy="rename the columns",
        )
    if table.num_rows > MAX_ROWS:
        raise LikenessError(
            f"the hash list has {table.num_rows} rows",
            where=str(path),
            expected=f"at most {MAX_ROWS}",
            remedy="split the list into several benchmarks",
        )
    columns = []
    for field in HASH_LIST_SCHEMA:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            column = table.column(field.name).cast(field.type)
        except pa.ArrowException as error:
            raise LikenessError(
                f"column {field.name!r} is not {field.type}",
                where=f"{path}: {error}",
                remedy="store hashes as hex text and quality as whole numbers",
            ) from error
        if pa.types.is_string(field.type):
            column = pc.utf8_trim_whitespace(column)
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        columns.append(pc.utf8_lower(column) if field.name in _HASHES else column)
    return pa.Table.from_arrays(columns, schema=HASH_LIST_SCHEMA)


def _checked(table: pa.Table, path: Path) -> pa.Table:
    """Refuse rows that say something impossible, and fill in the names that are understood."""
    if table.num_rows == 0:
        raise LikenessError(
            "the hash list has no rows, so it would guard nothing",
            where=str(path),
            expected=f"rows with any of {', '.join(_GUARDS)}",
            remedy="leave the benchmark out of the recipe, or give the list its rows",
        )
    for name, (pattern, expected) in _FORMS.items():
        bad = pc.invert(pc.match_substring_regex(table.column(name), pattern))
        _refuse(
            table, path, bad, f"column {name!r} is malformed", expected, "give the digest as hex, or leave it empty"
        )
    quality = table.column("quality")
    outside = pc.or_(pc.less(quality, 0), pc.greater(quality, 100))
    _refuse(table, path, outside, "the quality is impossible", "0 to 100", "leave it empty when unknown")

    needs = pc.or_(pc.is_valid(table.column("pdq")), pc.is_valid(table.column("pixel_sha256")))
    foreign = pc.and_(needs, pc.not_equal(pc.fill_null(table.column("spec"), ""), HASH_SPEC))
    _refuse(
        table, path, foreign, "the hash is of another spec", f"spec {HASH_SPEC!r}", "hash the benchmark's images anew"
    )

    zero = pc.fill_null(pc.starts_with(table.column("pdq"), _ZERO), False)
    zero = pc.and_(zero, pc.not_equal(pc.fill_null(quality, 100), 0))
    remedy = "leave pdq empty and state the outcome of an image that could not be hashed"
    _refuse(table, path, zero, "the PDQ is all zero, as failed images are often written", "a hash", remedy)

    failed = pc.is_valid(table.column("outcome"))
    hashed = _any_valid(table, _HASHES[1:])
    _refuse(table, path, pc.and_(failed, hashed), "an item with an outcome has hashes", "one or the other", remedy)
    empty = pc.invert(pc.or_(failed, _any_valid(table, _GUARDS)))
    _refuse(table, path, empty, "the row guards nothing", f"one of {', '.join(_GUARDS)}, or an outcome", remedy)
    return _named(table, path)


def _any_valid(table: pa.Table, names: tuple[str, ...]) -> pa.ChunkedArray:
    found = pc.is_valid(table.column(names[0]))
    for name in names[1:]:
        found = pc.or_(found, pc.is_valid(table.column(name)))
    return found


def _refuse(table: pa.Table, path: Path, bad: pa.ChunkedArray, what: str, expected: str, remedy: str) -> None:
    row = pc.index(pc.fill_null(bad, False), True).as_py()
    if row >= 0:
        item = table.column("item")[row].as_py() or "?"
        raise LikenessError(what, where=f"{path}, row {row + 1} (item {item})", expected=expected, remedy=remedy)


def _named(table: pa.Table, path: Path) -> pa.Table:
    rows = pa.array([f"row {number}" for number in range(1, table.num_rows + 1)], pa.string())
    item = pc.coalesce(table.column("item"), rows)
    benchmark = pc.fill_null(table.column("benchmark"), path.stem)
    table = table.set_column(_NAMES.index("item"), HASH_LIST_SCHEMA.field("item"), item)
    return table.set_column(_NAMES.index("benchmark"), HASH_LIST_SCHEMA.field("benchmark"), benchmark)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise LikenessError(
            f"a hash list cannot be {suffix or 'without suffix'}",
            where=str(path),
            expected=".parquet or .csv",
            remedy="rename the file",
        )
    return suffix
