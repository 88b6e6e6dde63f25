"""`biomill licences`: what the licence statements of a table mean, each distinct one with its number of rows."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from manifests import BiomillError
from pipeline.model.licences import normalise_licence

COLUMNS = ("license", "licence", "license_name", "licence_name", "license_verbatim", "dcterms:license", "rights", "raw")
"""Columns that hold licences when none is named, in this order, compared without case, blanks and underscores."""
FIELDS = ("rows", "raw", "id", "family", "version", "jurisdiction", "nc", "nd", "sa", "may_share", "may_change")
HEADER = (*FIELDS, "may_sell", "flag")
MAX_CELL = 1 << 20
_BATCH_ROWS = 65_536


def licences_of(path: Path, column: str = "") -> list[dict[str, Any]]:
    """Return one row per distinct statement of a column, the commonest first: its number of rows and what it means.

    `path` is a text file of one statement per line, a CSV or TSV with a header, or a Parquet file; null and empty
    cells are one statement. Raises BiomillError when the file or column cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.txt")
    ...     _ = file.write_text("cc-by 3.0\\nCC BY-ND\\ncc-by 3.0\\n")
    ...     [(row["rows"], row["raw"], row["family"], row["may_share"]) for row in licences_of(file)]
    [(2, 'cc-by 3.0', 'CC-BY', True), (1, 'CC BY-ND', 'CC-BY-ND', False)]
    """
    if not path.is_file():
        raise BiomillError("the file does not exist", where=str(path), expected="a .txt, .csv, .tsv or .parquet file")
    suffix = path.suffix.lower()
    values = _parquet(path, column) if suffix == ".parquet" else _text(path, column, suffix)
    counts = Counter((value or "").strip() for value in values)
    rows = []
    for raw, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        licence = normalise_licence(raw)
        meaning = {name: getattr(licence, name) for name in HEADER[2:]}
        rows.append({"rows": count, "raw": raw, **meaning})
    return rows


def _text(path: Path, column: str, suffix: str) -> Iterator[str | None]:
    # Bytes that are no UTF-8 are shown as such: a statement with them is still a statement.
    with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as handle:
        if suffix not in (".csv", ".tsv"):
            yield from (line.rstrip("\r\n") for line in handle)
            return
        csv.field_size_limit(MAX_CELL)
        reader = csv.reader(handle, delimiter="\t" if suffix == ".tsv" else ",")
        try:
            header = next(reader, [])
            place = header.index(_chosen(path, header, column))
            yield from (row[place] if place < len(row) else None for row in reader if row)
        except csv.Error as error:
            raise BiomillError(
                f"the table cannot be read: {error}",
                where=f"{path}, line {reader.line_num}",
                expected=f"cells of at most {MAX_CELL:,} characters, quotes in pairs",
                remedy="mend the line, or give the column as a text file of one statement per line",
            ) from error


def _parquet(path: Path, column: str) -> Iterator[str | None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            chosen = _chosen(path, file.schema_arrow.names, column)
            for batch in file.iter_batches(_BATCH_ROWS, columns=[chosen]):
                yield from batch.column(0).cast(pa.string()).to_pylist()
    except pa.ArrowException as error:
        raise BiomillError(
            f"the table cannot be read: {error}", where=str(path), expected="a Parquet file and a column of text"
        ) from error


def _chosen(path: Path, columns: Sequence[str], wanted: str) -> str:
    """Return the column that is wanted, or the one that is called as licences are."""

    def plain(name: str) -> str:
        return "".join(name.lower().split()).replace("_", "")

    for name in (wanted,) if wanted else COLUMNS:
        for own in columns:
            if own == name or (not wanted and plain(own) == plain(name)):
                return own
    raise BiomillError(
        f"there is no column {wanted!r}" if wanted else "no column is called as licences are",
        where=str(path),
        expected=f"one of: {', '.join(columns)}",
        remedy="name the column with --column",
    )


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("licences", help="what the licence statements of a table mean")
    parser.add_argument("file", type=Path, help="a .txt (one statement per line), .csv, .tsv or .parquet file")
    parser.add_argument("--column", default="", help="column with the statements (default: one named as licences are)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per statement instead of CSV")
    parser.set_defaults(lines=lines, for_programs=True)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the statements as CSV with a header, or as JSON lines."""
    rows = licences_of(args.file, args.column)
    if args.json:
        yield from (json.dumps(row, ensure_ascii=False) for row in rows)
        return
    for row in [dict(zip(HEADER, HEADER, strict=True)), *rows]:
        buffer = io.StringIO()
        cells = [str(value).lower() if isinstance(value, bool) else value for value in row.values()]
        csv.writer(buffer, lineterminator="").writerow(cells)
        yield buffer.getvalue()
