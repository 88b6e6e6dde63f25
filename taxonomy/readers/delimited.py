"""Read delimited text as published: columns by name, the rows that could be read with their numbers.

What a row is and what is wrong with it is decided by `manifests.tables`; here a row that does not fit the header, is
not UTF-8 or holds what no table can hold is counted with its number, and a file of which more than one row in twenty
is so is refused. Bytes, columns and the length of a row are capped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from manifests.errors import TableError
from manifests.tables import (
    MAX_ROW_BYTES,
    Dialect,
    FaultKind,
    guess_dialect,
    read_header,
    read_parts,
    split_line,
    unique_names,
)
from taxonomy.errors import TaxonomyError
from taxonomy.readers.layout import unbroken
from taxonomy.readers.taxon_schema import Issues

BARRED = "\t|\t"
"""Between two fields in the tables of NCBI and Open Tree."""
MAXIMUM_COLUMNS = 512
TOLERATED_SHARE = 0.05
"""Share of broken rows above which a file is refused."""
MAXIMUM_BROKEN = 100_000
NULLS = ["", "NA", "N/A", "NULL", "null", "\\N"]
_HEAD = 1 << 20
"""Bytes of a file's start that its dialect and header are told from."""
_ISSUES = {
    FaultKind.RAGGED_SHORT: "row_does_not_fit_header",
    FaultKind.RAGGED_LONG: "row_does_not_fit_header",
    FaultKind.ENCODING_MISMATCH: "row_is_not_utf8",
    FaultKind.UNBALANCED_QUOTE: "row_has_unbalanced_quotes",
    FaultKind.STRAY_LINE_END: "row_has_stray_line_end",
    FaultKind.NUL: "row_has_control_characters",
    FaultKind.UNIT_SEPARATOR: "row_has_control_characters",
}
"""What each fault counts as; a blank line takes a number and holds nothing that could be lost."""


@dataclass(frozen=True)
class Table:
    """One delimited file: where it is, how to open it, and its header in the file's spelling."""

    origin: str
    """What errors call the file."""
    open: Callable[[], BinaryIO]
    header: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    skip: int = 1
    """Lines before the first row."""
    first: str = ""
    """The first row as it stands there, as far as it can be read: some providers show by their ids."""

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
    """Return a delimited file's dialect and header, told from its first bytes.

    Raises TaxonomyError when the first line is no header of a UTF-8 text table.
    """
    with unbroken(origin), opener() as handle:
        head = handle.read(_HEAD)
    where, dialect = f"{origin}, line 1", guess_dialect(head)
    start = read_header(head, dialect).start
    line = head[:start]
    if line[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in line:
        raise TaxonomyError("the file is not UTF-8 text", where, "UTF-8", "convert it, for instance with iconv")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaxonomyError(
            f"the header is not UTF-8: byte {error.start}", where, "UTF-8", "convert the file, for instance with iconv"
        ) from error
    if not text.strip():
        raise TaxonomyError("the file has no header", where, "column names in the first line", "add the header line")
    if BARRED in text:
        return headless(origin, opener, tuple(text.rstrip().removesuffix("|").rstrip().split(BARRED)), skip=1)
    names = split_line(text.encode(), dialect)
    if len(names) > MAXIMUM_COLUMNS:
        raise TaxonomyError(f"{len(names)} columns", where, f"at most {MAXIMUM_COLUMNS}")
    # Columns are found by their names here, so none of two could be taken without a guess.
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise TaxonomyError(f"the column {twice[0]!r} stands there twice", where, remedy="remove one of them")
    first = head[start : start + 4096].split(dialect.newline.encode(), 1)[0].decode("utf-8", "replace")
    return Table(origin, opener, unique_names(names), dialect, first=first)


def headless(origin: str, opener: Callable[[], BinaryIO], names: tuple[str, ...], skip: int = 0) -> Table:
    """Return a table whose columns are named here, not by its first line: columns beyond those are not read.

    In the tables of NCBI and Open Tree fields stand between tab, bar and tab; to this reader the bars are columns.
    Raises TaxonomyError when a row has fewer columns than names.
    """
    with unbroken(origin), opener() as handle:
        line = handle.readline(MAX_ROW_BYTES).decode("latin-1").rstrip("\r\n")
    header = [part for name in names for part in (name, f"bar after {name}")] if "|" in line else list(names)
    count = line.count("\t") + 1
    if count < len(header) - 1:
        raise TaxonomyError(
            f"{count // 2 if '|' in line else count} columns", f"{origin}, line 1", f"at least {len(names)}"
        )
    header = header[:count] + [f"column {i + 1}" for i in range(len(header), count)]
    return Table(origin, opener, tuple(header), skip=skip)


def read_batches(table: Table, wanted: dict[str, str], issues: Issues) -> Iterator[tuple[pa.Table, pa.Array]]:
    """Yield the wanted columns (new name -> name in the file) in batches of strings, with the number of each row.

    Cells are trimmed; empty cells and the usual signs for 'nothing' are null. Broken rows are left out and counted.
    Raises TaxonomyError when the file cannot be read on, or too much of it is broken.
    """
    done = 0
    broken: dict[str, list[int]] = {}
    try:
        with unbroken(table.origin), table.open() as handle:
            given = sorted(set(wanted.values()))
            # Published taxonomies hold remarks in other encodings, in columns that nobody reads here.
            for part in read_parts(handle, table.dialect, table.header, given, skip=table.skip, whole=False):
                for fault in part.faults:
                    if fault.kind is not FaultKind.BLANK_LINE:
                        row = done + fault.row + 1
                        issues.add(_ISSUES[fault.kind], f"{table.origin}, row {row:09d}")
                        broken.setdefault(_ISSUES[fault.kind], []).append(row)
                numbers = pa.array(part.rows + done + 1)
                done += part.count
                if sum(map(len, broken.values())) > MAXIMUM_BROKEN:
                    raise _refusal(table, broken, done)
                if len(numbers):
                    yield pa.table({name: _tidy(part.table[column]) for name, column in wanted.items()}), numbers
    except TableError as error:
        where = f"{table.origin}, after row {done}"
        raise TaxonomyError(
            f"the table cannot be read on: {error.what}", where, error.expected, error.remedy
        ) from error
    if sum(map(len, broken.values())) > TOLERATED_SHARE * done + 1:
        raise _refusal(table, broken, done)


def _tidy(column: pa.ChunkedArray) -> pa.ChunkedArray:
    nothing = pa.scalar(None, pa.string())
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.or_(pc.is_in(column, pa.array(NULLS)), pc.equal(trimmed, "")), nothing, trimmed)


def _refusal(table: Table, broken: dict[str, list[int]], done: int) -> TaxonomyError:
    """Return the error for a file of which too many rows are broken: what most of these have."""
    kind = max(broken, key=lambda each: len(broken[each]))
    what, where = f"{len(broken[kind])} of {done} rows", f"{table.origin}, first at row {broken[kind][0]}"
    if kind == "row_is_not_utf8":
        remedy = "convert the file, for instance with iconv -f latin1 -t utf-8"
        return TaxonomyError(f"{what} are not UTF-8", where, "UTF-8", remedy)
    remedy = "check the delimiter and the quoting of the file"
    if kind == "row_does_not_fit_header":
        return TaxonomyError(f"{what} lack the header's {len(table.header)} columns", where, remedy=remedy)
    words = kind.removeprefix("row_has_").replace("_", " ")
    return TaxonomyError(f"{what} have {words}", where, remedy=remedy)
