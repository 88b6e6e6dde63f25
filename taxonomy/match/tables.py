"""Tables of names as people have them: read by Darwin Core column names, a batch at a time; answers written out again.

Text tables (CSV, TSV) are read by `manifests.tables`, Parquet by row group, so memory is bounded by a batch whatever
the size of the file. The format follows from the file's ending.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from manifests.errors import TableError
from manifests.tables import (
    BOM,
    Dialect,
    FaultKind,
    read_header,
    read_parts,
    split_line,
    true_newline,
    unique_names,
)
from taxonomy.errors import TaxonomyError
from taxonomy.match.questions import INPUT_COLUMNS

_HEAD = 1 << 20
"""Bytes of a text table's start that its header is told from, and most that it may have."""
BATCH = 50_000
"""Rows of a batch of a Parquet table."""
_TERMS = {
    "scientificname": "scientific_name", "scientificnameauthorship": "name_authorship", "taxonrank": "rank_verbatim",
    "verbatimtaxonrank": "rank_verbatim", "authorship": "name_authorship", "rank": "rank_verbatim",
    "name": "scientific_name",
}  # fmt: skip
_TEXT = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".tab": "\t"}
_READ = "a .csv, .tsv, .txt or .parquet file"
_WRITTEN = "a .parquet, .csv, .tsv or .jsonl file"
_INPUTS = frozenset(INPUT_COLUMNS) - {"taxon_id"}


def column_for(header: str) -> str | None:
    """Return the input column that a header means (Darwin Core, in any case, with or without its namespace), or None.

    >>> column_for("dwc:scientificName"), column_for("Family"), column_for("eventDate")
    ('scientific_name', 'family', None)
    """
    word = header.strip().rsplit("/", 1)[-1].rsplit(":", 1)[-1].casefold()
    plain = word.replace("_", "").replace(" ", "")
    if word in _INPUTS:
        return word
    return _TERMS.get(plain, plain if plain in _INPUTS else None)


@dataclass
class Malformed:
    """Rows of a text table that do not have the columns of its header: how many, and the first ones (from 1)."""

    KEEP = 3
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, row: int) -> None:
        """Count a row."""
        self.count += 1
        if len(self.first) < self.KEEP:
            self.first.append(row)


def read_names(path: Path, malformed: Malformed) -> Iterator[pa.Table]:
    """Read a table of names in batches: all columns as given, as strings; malformed rows are counted and left out.

    Raises TaxonomyError when the file cannot be read, or has no column for the scientific name.
    """
    if not path.is_file():
        raise TaxonomyError("there is no such file", str(path), _READ)
    ending = path.suffix.lower()
    if ending != ".parquet" and ending not in _TEXT:
        raise TaxonomyError(f"no table format ends in {ending!r}", str(path), _READ, "rename or convert the file")
    try:
        if ending != ".parquet":
            yield from _read_text(path, _TEXT[ending], malformed)
            return
        with pq.ParquetFile(path) as source:
            columns_of(source.schema_arrow.names, path)
            for batch in source.iter_batches(BATCH):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, TableError) as error:
        raise TaxonomyError(f"the table cannot be read: {error}", str(path), _READ + " in UTF-8") from error


def _read_text(path: Path, delimiter: str, malformed: Malformed) -> Iterator[pa.Table]:
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
        quoted = delimiter == "," or head.removeprefix(BOM).startswith(b'"')
        dialect = true_newline(head, Dialect(delimiter, quoted), 1)
        if len(head) == _HEAD and dialect.newline.encode() not in head:
            raise TableError(f"its header is longer than {_HEAD} bytes")
        header = split_line(head[: read_header(head, dialect).start].removeprefix(BOM), dialect)
        if not any(header):
            raise TableError("it has no header")
        columns_of(header, path)
        columns, done = unique_names(header), 0
        handle.seek(0)
        for part in read_parts(handle, dialect, columns, columns):
            for fault in part.faults:
                if fault.kind is FaultKind.ENCODING_MISMATCH:
                    raise TableError(f"row {done + fault.row + 1} is not UTF-8")
                if fault.kind is not FaultKind.BLANK_LINE:
                    malformed.add(done + fault.row + 1)
            done += part.count
            yield part.table


def columns_of(header: list[str], path: Path) -> dict[str, str]:
    """Return input column -> header for those that a table has; the first header that means it wins."""
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise TaxonomyError(
            "the table has two columns of one name: " + ", ".join(twice)[:300], str(path), remedy="rename one"
        )
    found: dict[str, str] = {}
    for name in header:
        column = column_for(name)
        if column is not None:
            found.setdefault(column, name)
    if "scientific_name" not in found:
        raise TaxonomyError(
            "the table has no column for the scientific name",
            f"{path}, columns: " + ", ".join(header)[:300],
            "scientificName; and where known scientificNameAuthorship, taxonRank, kingdom, phylum, class, order, "
            "family, genus",
            "name the columns so",
        )
    return found


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None:
        """Append a table."""

    def close(self) -> None:
        """End the file."""


class _JsonLines:
    def __init__(self, path: Path) -> None:
        self._handle = path.open("w", encoding="utf-8")

    def write_table(self, table: pa.Table) -> None:
        """Append one line per row; what is null is left out."""
        for row in table.to_pylist():
            present = {name: value for name, value in row.items() if value is not None}
            self._handle.write(json.dumps(present, ensure_ascii=False, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """End the file."""
        self._handle.close()


class _Text:
    def __init__(self, path: Path, schema: pa.Schema, delimiter: str) -> None:
        self._schema = pa.schema(
            [pa.field(each.name, pa.string() if pa.types.is_list(each.type) else each.type) for each in schema]
        )
        options = csv.WriteOptions(delimiter=delimiter)
        self._writer = csv.CSVWriter(path, self._schema, write_options=options)

    def write_table(self, table: pa.Table) -> None:
        """Append rows; lists are written with ' | ' between their items, as Darwin Core recommends."""
        columns = [pc.binary_join(each, " | ") if pa.types.is_list(each.type) else each for each in table.columns]
        self._writer.write_table(pa.table(columns, schema=self._schema))

    def close(self) -> None:
        """End the file."""
        self._writer.close()


@contextmanager
def written(path: Path, schema: pa.Schema) -> Iterator[Any]:
    """Yield a writer of tables of one schema; the file takes its name only when all went well."""
    ending = path.suffix.lower()
    if ending not in (".parquet", ".jsonl", ".csv", ".tsv"):
        raise TaxonomyError(f"no output format ends in {ending!r}", str(path), _WRITTEN)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{path.name}")
    writer: _Writer
    if ending == ".parquet":
        writer = pq.ParquetWriter(temporary, schema, compression="zstd")
    elif ending == ".jsonl":
        writer = _JsonLines(temporary)
    else:
        writer = _Text(temporary, schema, _TEXT[ending])
    try:
        yield writer
        writer.close()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
