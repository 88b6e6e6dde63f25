"""One table, read whole, from a stream in chunks of any size, or cut at any of its row ends: always the same rows."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import TableError
from manifests.tables import BOM, MAX_ROW_BYTES, Dialect, FaultKind, Part, guess_dialect, parse_rows, read_parts
from manifests.tables.row_ends import find_rows

COLUMNS = ("a", "b", "c")
TABS, COMMAS = Dialect(), Dialect(",", quoted=True)
Cells = tuple[str | None, ...]
Told = tuple[list[tuple[int, int, Cells]], list[tuple[int, int, FaultKind]]]


def told(parts: list[Part], lengths: list[int]) -> Told:
    """Return number, offset and cells of each row, and number, offset and kind of each fault, over all parts."""
    rows: list[tuple[int, int, Cells]] = []
    faults: list[tuple[int, int, FaultKind]] = []
    row = offset = 0
    for part, length in zip(parts, lengths, strict=True):
        cells = part.table.to_pylist()
        for number, start, cell in zip(part.rows.tolist(), part.starts.tolist(), cells, strict=True):
            rows.append((row + number, offset + start, tuple(cell.values())))
        faults += [(row + fault.row, offset + fault.start, fault.kind) for fault in part.faults]
        row, offset = row + part.count, offset + length
    return rows, faults


def streamed(data: bytes, dialect: Dialect, chunk: int, skip: int = 0) -> Told:
    parts = list(read_parts(io.BytesIO(data), dialect, COLUMNS, COLUMNS, skip=skip, chunk=chunk))
    return told(parts, [len(part.data) for part in parts])


def written(rows: list[tuple[str, ...]], line_end: str, quoting: Literal[1, 2]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=line_end, quoting=quoting).writerows(rows)
    return out.getvalue().encode()


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1f"), max_size=12)
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1f\t\r\n"), max_size=12)
SOUP = st.lists(
    st.sampled_from([b"\t", b",", b'"', b'""', b"\n", b"\r", b"\r\n", b"\x00", b"\x1f", b"a", b"\xc3\xa9", b"\xff"])
    | st.sampled_from([b'1,"a\nb",c\n', b"x,y,z\n", b"1\t2\t3\n", b'"""q""",,\n']),
    max_size=60,
).map(b"".join)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=20),
    chunk=st.integers(3, 200),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
)
def test_what_the_csv_module_writes_is_read_back_whatever_the_chunk(
    rows: list[tuple[str, ...]], chunk: int, line_end: str, quoting: Literal[1, 2]
) -> None:
    data = written([COLUMNS, *rows], line_end, quoting)
    found, faults = streamed(data, COMMAS, chunk, skip=1)
    assert faults == []
    assert [cells for _, _, cells in found] == [tuple(cell or None for cell in row) for row in rows]
    assert [number for number, _, _ in found] == list(range(len(rows)))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(PLAIN, PLAIN, PLAIN), max_size=20),
    chunk=st.integers(3, 200),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_table_without_quoting_is_read_back_whatever_the_chunk(
    rows: list[tuple[str, ...]], chunk: int, line_end: str
) -> None:
    data = "".join("\t".join(row) + line_end for row in rows).encode()
    dialect = Dialect(newline="\r") if line_end == "\r" else TABS
    # A mark at the start of a file is none of its cells.
    found, faults = streamed(BOM + data, dialect, chunk)
    assert (faults, [cells for _, _, cells in found]) == ([], [tuple(cell or None for cell in row) for row in rows])


@settings(max_examples=200, deadline=None)
@given(data=SOUP, chunk=st.integers(3, 90))
@pytest.mark.parametrize("dialect", [TABS, COMMAS, Dialect(newline="\r"), Dialect(newline="\r\n")])
def test_any_bytes_give_the_same_rows_and_faults_in_chunks_and_whole(dialect: Dialect, data: bytes, chunk: int) -> None:
    whole = told([parse_rows(data, dialect, COLUMNS, COLUMNS)], [len(data)])
    assert streamed(data, dialect, chunk) == whole


@settings(max_examples=100, deadline=None)
@given(data=SOUP, picks=st.lists(st.integers(0, 50), max_size=6))
@pytest.mark.parametrize("dialect", [TABS, COMMAS, Dialect(newline="\r")])
def test_a_table_cut_at_any_of_its_row_ends_has_the_same_rows(dialect: Dialect, data: bytes, picks: list[int]) -> None:
    ends = find_rows(data, dialect, len(COLUMNS)).ends.tolist()
    cuts = sorted({0, len(data), *(ends[pick % len(ends)] for pick in picks if ends)})
    pieces = [data[begin:end] for begin, end in pairwise(cuts)]
    parts = [parse_rows(piece, dialect, COLUMNS, COLUMNS) for piece in pieces]
    whole = told([parse_rows(data, dialect, COLUMNS, COLUMNS)], [len(data)])
    assert told(parts, [len(piece) for piece in pieces]) == whole


@settings(max_examples=150, deadline=None)
@given(data=SOUP)
@pytest.mark.parametrize("dialect", [TABS, COMMAS, Dialect(",", quoted=True, encoding="cp1252")])
def test_only_wanted_cells_need_the_encoding_where_rows_need_not_be_whole(dialect: Dialect, data: bytes) -> None:
    strict = parse_rows(data, dialect, COLUMNS, ("b",))
    loose = parse_rows(data, dialect, COLUMNS, ("b",), whole=False)
    assert loose.count == strict.count
    assert set(strict.rows.tolist()) <= set(loose.rows.tolist())
    kept = dict(zip(loose.rows.tolist(), loose.table["b"].to_pylist(), strict=True))
    assert [kept[row] for row in strict.rows.tolist()] == strict.table["b"].to_pylist()
    lost = {fault.row for fault in strict.faults if fault.kind is FaultKind.ENCODING_MISMATCH}
    assert set(loose.rows.tolist()) - set(strict.rows.tolist()) <= lost


def test_a_cell_of_another_encoding_costs_its_row_where_it_is_wanted_and_no_other() -> None:
    data = b"1\tcaf\xe9\tx\n2\tb\t\x1a\n3\tc\tcaf\xe9\n"
    assert parse_rows(data, TABS, COLUMNS, ("a", "c"), whole=False).table["a"].to_pylist() == ["1", "2"]
    assert parse_rows(data, TABS, COLUMNS, ("a", "b"), whole=False).table["b"].to_pylist() == ["b", "c"]
    assert parse_rows(data, TABS, COLUMNS, ("a",)).table["a"].to_pylist() == ["2"]


def test_a_row_without_end_is_refused() -> None:
    with pytest.raises(TableError, match="longer than"):
        list(read_parts(io.BytesIO(b"x" * (MAX_ROW_BYTES + 2)), TABS, COLUMNS, COLUMNS, skip=0, chunk=1 << 20))


@pytest.mark.parametrize(
    ("head", "dialect"),
    [
        (b"a\tb\r1\t2\r", Dialect(newline="\r")),
        (b'"a"\t"b"\n', Dialect(quoted=True)),
        (BOM + b"a;b,c;d\n", Dialect(";", quoted=True)),
        (b"a\tb\r\n1\tx\ny\r\n", Dialect(newline="\r\n")),
        (b"only\n", TABS),
    ],
)
def test_the_dialect_is_told_from_the_first_line(head: bytes, dialect: Dialect) -> None:
    assert guess_dialect(head) == dialect


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.lists(PLAIN, min_size=1, max_size=3).filter(any), max_size=12),
    more=st.integers(0, 2),
    chunk=st.integers(3, 200),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_people_may_leave_out_cells_at_the_end_of_a_row_or_end_it_in_delimiters(
    rows: list[list[str]], more: int, chunk: int, line_end: str
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="," * more + line_end, quoting=csv.QUOTE_ALL).writerows(rows)
    parts = list(
        read_parts(io.BytesIO(out.getvalue().encode()), COMMAS, COLUMNS, COLUMNS, skip=0, fill=True, chunk=chunk)
    )
    found = [tuple(row.values()) for part in parts for row in part.table.to_pylist()]
    assert [fault for part in parts for fault in part.faults] == []
    assert found == [tuple(cell or None for cell in [*row, "", ""][:3]) for row in rows]


def test_a_full_cell_too_many_is_a_fault_though_rows_are_filled() -> None:
    part = parse_rows(b'1,5" lens,,\n1,2,3,4\n"1\n', COMMAS, COLUMNS, COLUMNS, fill=True)
    assert part.table.to_pylist() == [{"a": "1", "b": '5" lens', "c": None}]
    assert [fault.kind for fault in part.faults] == [FaultKind.RAGGED_LONG, FaultKind.UNBALANCED_QUOTE]
