"""Read delimited text as published: tab-separated without quoting, or CSV after RFC 4180; columns by name.

Foreign text: bytes, columns and the length of a row are capped; a row that does not fit the header or is not UTF-8
costs that row and is counted with its number; a file of which more than one row in twenty breaks is refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from taxonomy.errors import TaxonomyError
from taxonomy.readers.layout import unbroken
from taxonomy.readers.taxon_schema import Issues

BARRED = "\t|\t"
"""Between two fields in the tables of NCBI and Open Tree."""
MAXIMUM_COLUMNS = 512
MAXIMUM_ROW = 4 << 20
"""Bytes of the longest row."""
TOLERATED_SHARE = 0.05
"""Share of broken rows above which a file is refused."""
MAXIMUM_BROKEN = 100_000
NULLS = ["", "NA", "N/A", "NULL", "null", "\\N"]


@dataclass
class Table:
    """One delimited file: where it is, how to open it, and its header in the file's spelling."""

    origin: str
    """What errors call the file."""
    open: Callable[[], BinaryIO]
    delimiter: str = "\t"
    header: tuple[str, ...] = ()
    quoted: bool = False
    skip: int = 1
    """Lines before the first row."""
    encoding: str = "utf-8"
    first: str = ""
    """The first row as it stands there, as far as it can be read: some providers show by their ids."""
    broken: list[int] = field(default_factory=list)

    def terms(self) -> dict[str, str]:
        """Return the columns by their plain term: 'dwc:taxonID' and a term's URI both read as 'taxonid'."""
        return {plain_term(name): name for name in reversed(self.header)}


def plain_term(column: str) -> str:
    """Return the term that a column header means, without namespace, in lower case.

    >>> plain_term("dwc:taxonID"), plain_term("http://rs.tdwg.org/dwc/terms/taxonID")
    ('taxonid', 'taxonid')
    """
    return column.strip().strip('"').rstrip("/#").replace("#", "/").split("/")[-1].split(":")[-1].casefold()


def inspect(origin: str, opener: Callable[[], BinaryIO]) -> Table:
    """Read the header of a delimited file and tell its dialect from the file's name and that line.

    Raises TaxonomyError when the first line is no header of a UTF-8 text table.
    """
    with unbroken(origin), opener() as handle:
        line = handle.readline(MAXIMUM_ROW)
        first = handle.readline(4096).decode("utf-8", "replace")
    where = f"{origin}, line 1"
    if line[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in line:
        raise TaxonomyError("the file is not UTF-8 text", where, "UTF-8", "convert it, for instance with iconv")
    try:
        text = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise TaxonomyError(
            f"the header is not UTF-8: byte {error.start}", where, "UTF-8", "convert the file, for instance with iconv"
        ) from error
    if not text.strip():
        raise TaxonomyError("the file has no header", where, "column names in the first line", "add the header line")
    delimiter = max("\t,;|", key=lambda mark: (text.count(mark), mark == "\t"))
    quoted = delimiter != "\t"
    if BARRED in text:
        return headless(origin, opener, tuple(text.rstrip().removesuffix("|").rstrip().split(BARRED)), skip=1)
    names = next(csv.reader(io.StringIO(text), delimiter=delimiter)) if quoted else text.split(delimiter)
    header = tuple(name.strip().strip('"') or f"column {i + 1}" for i, name in enumerate(names))
    if len(header) > MAXIMUM_COLUMNS:
        raise TaxonomyError(f"{len(header)} columns", where, f"at most {MAXIMUM_COLUMNS}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise TaxonomyError(f"the column {twice[0]!r} stands there twice", where, remedy="remove one of them")
    return Table(origin, opener, delimiter, header, quoted, first=first)


def headless(
    origin: str, opener: Callable[[], BinaryIO], names: tuple[str, ...], skip: int = 0, delimiter: str = "\t"
) -> Table:
    """Return a table whose columns are named here, not by its first line: columns beyond the named ones are not read.

    In the tables of NCBI and Open Tree fields stand between tab, bar and tab; to this reader the bars are columns.
    Raises TaxonomyError when a row has fewer columns than names.
    """
    with unbroken(origin), opener() as handle:
        line = handle.readline(MAXIMUM_ROW).decode("latin-1").rstrip("\r\n")
    header = [part for name in names for part in (name, f"bar after {name}")] if "|" in line else list(names)
    count = line.count(delimiter) + 1
    if count < len(header) - 1:
        raise TaxonomyError(
            f"{count // 2 if '|' in line else count} columns", f"{origin}, line 1", f"at least {len(names)}"
        )
    header = header[:count] + [f"column {i + 1}" for i in range(len(header), count)]
    return Table(origin, opener, delimiter, tuple(header), skip=skip)


def read_batches(table: Table, wanted: dict[str, str], issues: Issues) -> Iterator[tuple[pa.Table, pa.Array]]:
    """Read the wanted columns (new name -> name in the file) in batches of strings, with the number of each row.

    Cells are trimmed; empty cells and the usual signs for 'nothing' are null. Broken rows are left out and counted.
    Raises TaxonomyError when the file cannot be read on, or too much of it is broken.
    """
    table.broken.clear()

    def skip(row: pacsv.InvalidRow) -> str:
        if len(table.broken) >= MAXIMUM_BROKEN:
            return "error"
        table.broken.append(int(row.number))
        issues.add("row_does_not_fit_header", f"{table.origin}, row {int(row.number) - table.skip:09d}")
        return "skip"

    parse = pacsv.ParseOptions(
        delimiter=table.delimiter,
        quote_char='"' if table.quoted else False,
        double_quote=table.quoted,
        newlines_in_values=table.quoted,
        invalid_row_handler=skip,
    )
    convert = pacsv.ConvertOptions(
        include_columns=sorted(set(wanted.values())),
        column_types={name: pa.binary() for name in wanted.values()},
        check_utf8=False,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=NULLS,
    )
    # One thread, because only then does Arrow know the number of a broken row.
    read = pacsv.ReadOptions(
        use_threads=False, block_size=MAXIMUM_ROW, column_names=list(table.header), skip_rows=table.skip
    )
    good = 0
    try:
        with unbroken(table.origin), table.open() as handle:
            reader = pacsv.open_csv(pa.PythonFile(handle, mode="r"), read, parse, convert)
            for batch in reader:
                raw = pa.Table.from_batches([batch])
                # Arrow numbers rows with the header as 1; rows that it skipped in this block have smaller numbers.
                numbers = _numbers(good, batch.num_rows, [number - table.skip for number in table.broken])
                good += batch.num_rows
                yield _decode(raw, wanted, numbers, table, issues)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise TaxonomyError(
            f"the table cannot be read on: {str(error)[:200]}",
            f"{table.origin}, after row {good}",
            f"rows of at most {MAXIMUM_ROW} bytes",
            "mend the row, or publish the table again",
        ) from error
    if len(table.broken) > TOLERATED_SHARE * (good + len(table.broken)) + 1:
        raise TaxonomyError(
            f"{len(table.broken)} of {good + len(table.broken)} rows lack the header's {len(table.header)} columns",
            f"{table.origin}, first at row {min(table.broken) - table.skip}",
            remedy="check the delimiter and the quoting of the file",
        )


def _numbers(start: int, count: int, broken: list[int]) -> npt.NDArray[np.int64]:
    """Return the row numbers (from 1) of `count` good rows after `start` good ones, stepping over the broken ones."""
    good = np.arange(start + 1, start + count + 1, dtype=np.int64)
    # The i-th broken row (from 0) has as many good rows before it as its number less i and itself.
    before = np.sort(np.asarray(broken, dtype=np.int64)) - np.arange(len(broken), dtype=np.int64)
    return good + np.searchsorted(before, good, side="right")


def _decode(
    raw: pa.Table, wanted: dict[str, str], numbers: npt.NDArray[np.int64], table: Table, issues: Issues
) -> tuple[pa.Table, pa.Array]:
    valid, origin = np.ones(raw.num_rows, dtype=bool), table.origin
    columns: dict[str, pa.ChunkedArray] = {}
    for name, given in wanted.items():
        try:
            columns[name] = raw.column(given).cast(pa.string())
        except pa.ArrowInvalid:
            cells = raw.column(given).to_pylist()
            texts: list[str | None] = []
            for i, cell in enumerate(cells):
                try:
                    texts.append(None if cell is None else cell.decode(table.encoding))
                except UnicodeDecodeError:
                    texts.append(None)
                    if valid[i]:
                        issues.add("row_is_not_utf8", f"{origin}, row {int(numbers[i]):09d}")
                    valid[i] = False
            columns[name] = pa.chunked_array([pa.array(texts, pa.string())])
    out = {}
    for name, column in columns.items():
        trimmed = pc.utf8_trim_whitespace(column)
        out[name] = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    rows = pa.array(numbers)
    if not valid.all():
        if (~valid).sum() > TOLERATED_SHARE * len(valid) + 1:
            raise TaxonomyError(
                f"{int((~valid).sum())} of {len(valid)} rows are not UTF-8",
                f"{origin}, first at row {int(numbers[~valid][0])}",
                "UTF-8",
                "convert the file, for instance with iconv -f latin1 -t utf-8",
            )
        mask = pa.array(valid)
        return pa.table(out).filter(mask), rows.filter(mask)
    return pa.table(out), rows
