"""Read names from what people have: lines of text, a CSV or TSV by its Darwin Core columns, or Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from manifests import BiomillError

STDIN = Path("-")
COLUMNS = {
    "name": ("scientificname", "name", "acceptedscientificname", "species", "canonicalname", "verbatim"),
    "authorship": ("scientificnameauthorship", "nameauthorship", "authorship", "author"),
    "rank": ("taxonrank", "verbatimtaxonrank", "rankverbatim", "rank"),
}
"""Columns that hold each part when none is named, in this order, compared without case, prefix and underscores."""
MAX_CELL = 1 << 20
_BATCH_ROWS = 65_536
Row = tuple[str, str, str]


def read_names(path: Path, column: str = "") -> Iterator[Row]:
    """Yield (name, authorship, rank) of every row, as they come; absent parts are empty.

    `path` is `-` for standard input, a Parquet file, a `.csv` or `.tsv` with a header (also gzipped), or any other text
    with one name per line. `column` names the column with the names, where it is not called as Darwin Core does.
    Memory is bounded by one batch of rows. Raises BiomillError when file, column or a cell cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.csv")
    ...     _ = file.write_text("dwc:scientificName,taxonRank\\nPuma concolor,sp.\\n")
    ...     list(read_names(file))
    [('Puma concolor', '', 'sp.')]
    """
    if path == STDIN:
        stream = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="backslashreplace")
        yield from ((line.rstrip("\r\n"), "", "") for line in stream)
        return
    if not path.is_file():
        raise BiomillError(
            "the file does not exist", where=str(path), expected="a .txt, .csv, .tsv or .parquet file, or - for stdin"
        )
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
    if kind == ".parquet":
        yield from _parquet(path, column)
        return
    with path.open("rb") as raw:
        binary = gzip.GzipFile(fileobj=raw) if suffixes[-1:] == [".gz"] else raw
        # Bytes that are no UTF-8 are shown as such: a name with them is still looked at.
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="backslashreplace", newline="")
        try:
            if kind in (".csv", ".tsv"):
                yield from _table(path, text, column, "\t" if kind == ".tsv" else ",")
            else:
                yield from ((line.rstrip("\r\n"), "", "") for line in text)
        except (gzip.BadGzipFile, EOFError) as error:
            raise BiomillError(f"the archive is broken: {error}", where=str(path), remedy="fetch it again") from error


def _table(path: Path, text: TextIO, column: str, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(text, delimiter=delimiter)
    try:
        places = _places(path, next(reader, []), column)
        for row in reader:
            if row:
                name, authorship, rank = (row[at] if 0 <= at < len(row) else "" for at in places)
                yield name, authorship, rank
    except csv.Error as error:
        raise BiomillError(
            f"the table cannot be read: {error}",
            where=f"{path}, line {reader.line_num}",
            expected=f"cells of at most {MAX_CELL:,} characters, quotes in pairs",
            remedy="mend the line, or give the names as a text file with one name per line",
        ) from error


def _parquet(path: Path, column: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            places = _places(path, names, column)
            wanted = [names[at] for at in places if at >= 0]
            for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
                cells = [
                    batch.column(names[at]).cast(pa.string()).to_pylist() if at >= 0 else [""] * batch.num_rows
                    for at in places
                ]
                for name, authorship, rank in zip(*cells, strict=True):
                    yield name or "", authorship or "", rank or ""
    except pa.ArrowException as error:
        raise BiomillError(
            f"the table cannot be read: {error}", where=str(path), expected="a Parquet file with a column of text"
        ) from error


def _places(path: Path, header: Sequence[str], column: str) -> tuple[int, int, int]:
    """Return the places of name, authorship and rank; -1: absent."""
    plain = [name.rpartition(":")[2].rpartition("/")[2].lower().replace("_", "").strip() for name in header]

    def place(part: str) -> int:
        return next((plain.index(name) for name in COLUMNS[part] if name in plain), -1)

    at = place("name") if not column else list(header).index(column) if column in header else -1
    if at < 0:
        raise BiomillError(
            f"there is no column {column!r}" if column else "no column is called as names are",
            where=str(path),
            expected=f"one of: {', '.join(header)}" if header else "a header",
            remedy="name the column with --column",
        )
    return at, place("authorship"), place("rank")
