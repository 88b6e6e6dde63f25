"""Text tables: cut at row ends, and parsed so that a bad row costs one row."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.tables import BOM, MAX_QUOTED_BYTES, Dialect, read_header
from manifests.tables.row_ends import line_ends
from manifests.tables.unquoted import parse_plain
from pipeline.model.errors import ConservationError, SourceError
from pipeline.model.records import ENDED_SCHEMA
from pipeline.sources.release.base import Native, Split
from pipeline.sources.text.delimited import as_source_error, cut, parse

TABS = Dialect()
COMMAS = Dialect(",", quoted=True)
COLUMNS = ("a", "b", "c")


def read(data: bytes, dialect: Dialect, folder: Path, target: int = 1 << 20) -> tuple[list[Split], list[Native]]:
    path = folder / "table.txt"
    path.write_bytes(data)
    splits = list(
        cut(path, dialect, table="t", origin="r.zip!table.txt", columns=COLUMNS, start=0, target_bytes=target)
    )
    return splits, [parse(split, dialect, source="s", wanted=COLUMNS) for split in splits]


def rows_of(natives: list[Native]) -> list[tuple[str | None, ...]]:
    return [tuple(row[c] for c in COLUMNS) for native in natives for row in native.table.to_pylist()]


def ended_of(natives: list[Native]) -> list[dict[str, object]]:
    return [row for native in natives for row in native.ended.to_pylist()]


def codes_of(natives: list[Native]) -> list[str]:
    return [json.loads(str(row["evidence"]))["code"] for row in ended_of(natives)]


def test_quotes_are_ordinary_characters_in_a_tab_table(tmp_path: Path) -> None:
    _, natives = read(b'1\t"open\tx\n2\ty"\tnull\n3\tN/A\t\n', TABS, tmp_path)
    assert rows_of(natives) == [("1", '"open', "x"), ("2", 'y"', "null"), ("3", "N/A", None)]
    assert ended_of(natives) == []


def test_each_kind_of_bad_row_ends_alone_with_its_evidence(tmp_path: Path) -> None:
    bad = {
        b"1\t2": "RAGGED_SHORT",
        b"1\t2\t3\t4": "RAGGED_LONG",
        b"1\t\xff\t3": "ENCODING_MISMATCH",
        b"1\t\x00\t3": "NUL",
        b"1\t\x1f\t3": "UNIT_SEPARATOR",
        b"1\t2\r2\t3": "STRAY_LINE_END",
        b"": "BLANK_LINE",
    }
    data = b"".join(row + b"\nok\tok\tok\n" for row in bad)
    _, natives = read(data, TABS, tmp_path)
    assert codes_of(natives) == list(bad.values())
    assert rows_of(natives) == [("ok", "ok", "ok")] * len(bad)
    first = ended_of(natives)[0]
    assert first["outcome"] == "malformed_row"
    assert json.loads(str(first["evidence"])) == {"code": "RAGGED_SHORT", "expected_fields": 3, "fields": 2}
    assert first["raw"] == "1\t2"
    assert natives[0].ended.schema == ENDED_SCHEMA


def test_locators_lead_back_to_the_byte(tmp_path: Path) -> None:
    data = 'é,"x\ny",1\r\nbroken\r\n2,"say ""hi""",3\r\n4,5,6'.encode()
    for target in (1, 8, 1000):
        splits, natives = read(data, COMMAS, tmp_path, target)
        assert sum(split.rows for split in splits) == 4
        for native in natives:
            for row in [*native.table.to_pylist(), *native.ended.to_pylist()]:
                begin = row["locator_offset"]
                expected = {1: "é", 2: "broken", 3: "2", 4: "4"}[row["locator_row"]]
                assert data[begin:].decode().startswith(expected)
                assert row["locator_file"] == "r.zip!table.txt"
        assert rows_of(natives) == [("é", "x\ny", "1"), ("2", 'say "hi"', "3"), ("4", "5", "6")]


def test_crlf_and_blank_last_lines_are_accepted(tmp_path: Path) -> None:
    splits, natives = read(b"1\t2\t3\r\n4\t5\t6\r\n\r\n\n", TABS, tmp_path)
    assert rows_of(natives) == [("1", "2", "3"), ("4", "5", "6")]
    assert sum(split.rows for split in splits) == 2


def test_carriage_returns_alone_can_end_rows(tmp_path: Path) -> None:
    _, natives = read(b"1\t2\t3\r4\t5\t6\r", Dialect(newline="\r"), tmp_path)
    assert rows_of(natives) == [("1", "2", "3"), ("4", "5", "6")]


def test_other_encodings_are_turned_into_utf8(tmp_path: Path) -> None:
    _, natives = read("Ö\tx\ty\n".encode("latin-1"), Dialect(encoding="latin-1"), tmp_path)
    assert rows_of(natives) == [("Ö", "x", "y")]


def test_a_stray_quote_costs_one_row(tmp_path: Path) -> None:
    good = [[str(i), f"text {i}", 'two\nlines, "quoted"' if i % 50 == 7 else "c"] for i in range(6000)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(good)
    lines = out.getvalue().splitlines(keepends=True)
    lines.insert(3000, '"never closed,b,c\n')
    _, natives = read("".join(lines).encode(), COMMAS, tmp_path, 30_000)
    assert codes_of(natives) == ["UNBALANCED_QUOTE"]
    assert rows_of(natives) == [tuple(row) for row in good]


def test_a_quote_inside_an_unquoted_field_is_a_character(tmp_path: Path) -> None:
    _, natives = read(b'5" pipe,a "b" c,d\n"x",y,z\n', COMMAS, tmp_path)
    assert rows_of(natives) == [('5" pipe', 'a "b" c', "d"), ("x", "y", "z")]


def test_a_quoted_record_longer_than_the_cap_is_taken_for_a_stray_quote(tmp_path: Path) -> None:
    data = b'1,"' + b"x\n" * MAX_QUOTED_BYTES + b'",3\n4,5,6\n'
    splits, natives = read(data, COMMAS, tmp_path)
    assert rows_of(natives) == [("4", "5", "6")]
    assert sum(split.rows for split in splits) == 1 + len(ended_of(natives))


def test_wanted_columns_are_found_by_name_and_absent_ones_are_null(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(BOM + b"x\tb\n1\t2\n")
    header = read_header((tmp_path / "t.txt").read_bytes(), TABS)
    (split,) = cut(
        tmp_path / "t.txt",
        TABS,
        table="t",
        origin="t",
        columns=header.columns,
        start=header.start,
        target_bytes=100,
    )
    table = parse(split, TABS, source="s", wanted=("b", "nowhere")).table
    assert table.select(["b", "nowhere"]).to_pylist() == [{"b": "2", "nowhere": None}]
    assert table.schema.field("nowhere").type == pa.string()


def test_the_id_of_a_bad_row_comes_from_its_content_alone(tmp_path: Path) -> None:
    _, one = read(b"bad\n1\t2\t3\nbad\nworse\n", TABS, tmp_path)
    _, other = read(b"1\t2\t3\nworse\n1\t2\t3\nbad\r\n1\t2\t3\nbad", TABS, tmp_path, target=1)
    assert len({row["row_id"] for row in ended_of(one)}) == 2
    assert sorted(str(row["row_id"]) for row in ended_of(one)) == sorted(str(row["row_id"]) for row in ended_of(other))


def test_a_file_that_changes_after_planning_is_noticed(tmp_path: Path) -> None:
    splits, _ = read(b"1\t2\t3\n4\t5\t6\n", TABS, tmp_path)
    (tmp_path / "table.txt").write_bytes(b"1\t2\t3 4\t5\t6\n")
    with pytest.raises(ConservationError, match="1 rows were found where 2 were counted"):
        parse(splits[0], TABS, source="s", wanted=COLUMNS)


def test_a_row_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="longer than"):
        read(b"x" * (40 << 20), TABS, tmp_path)


def test_a_delimiter_that_cannot_work_is_refused() -> None:
    with pytest.raises(SourceError, match="delimiter"), as_source_error():
        Dialect("||")


@pytest.mark.parametrize(
    "module", ["pipeline.sources.text.delimited", "pipeline.sources", "pipeline.sources.darwin_core.gbif"]
)
def test_modules_can_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


ALPHABET = st.sampled_from(
    [b"\t", b",", b'"', b'""', b"\n", b"\r", b"\r\n", b"\x00", b"\x1f", b"a", b"\xc3\xa9", b"\xff"]
)
SOUP = st.lists(st.one_of(ALPHABET, st.binary(max_size=4)), max_size=60).map(b"".join)
WELL_FORMED = st.lists(st.sampled_from([b'1,"a\nb",c\n', b"x,y,z\n", b'"""q""",,\n']), max_size=8).map(b"".join)


@settings(max_examples=120, deadline=None)
@given(data=st.lists(st.one_of(SOUP, WELL_FORMED), max_size=4).map(b"".join), target=st.integers(1, 80))
@pytest.mark.parametrize("dialect", [TABS, COMMAS, Dialect(newline="\r"), Dialect("\t", encoding="latin-1")])
def test_any_bytes_are_read_and_rows_in_are_rows_out(
    dialect: Dialect, data: bytes, target: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "soup"
    folder.mkdir(exist_ok=True)
    splits, natives = read(data, dialect, folder, target)
    whole_splits, whole = read(data, dialect, folder, 1 << 20)
    for split, native in zip(splits, natives, strict=True):
        assert split.rows == native.table.num_rows + native.ended.num_rows
    assert sum(split.rows for split in splits) == sum(split.rows for split in whole_splits)
    assert rows_of(natives) == rows_of(whole)
    assert [row["locator_offset"] for row in ended_of(natives)] == [row["locator_offset"] for row in ended_of(whole)]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1f"), max_size=12)] * 3),
        max_size=20,
    ),
    target=st.integers(1, 200),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_well_formed_quoted_tables_are_read_without_loss(
    rows: list[tuple[str, str, str]], target: int, line_end: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "csv"
    folder.mkdir(exist_ok=True)
    out = io.StringIO()
    csv.writer(out, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)
    _, natives = read(out.getvalue().encode(), COMMAS, folder, target)
    assert ended_of(natives) == []
    assert rows_of(natives) == [tuple(cell or None for cell in row) for row in rows]


CELLS = st.text(st.sampled_from('a"é\u0085 ,'), max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=8),
    st.booleans(),
    st.sampled_from(["", "\r", "\x00", "\x1f", "\n", "\t"]),
)
def test_the_fast_parser_gives_what_the_careful_one_gives_or_leaves_it(
    rows: list[list[str]], ended: bool, odd: str
) -> None:
    data = ("\n".join("\t".join(row) for row in rows) + odd + ("\n" if ended else "")).encode()
    columns = ("p", "q", "r")
    ends = line_ends(data, Dialect())
    found = parse_plain(data, ends, Dialect(), columns, ("r", "p", "z"))
    paired = odd == "\r" and ended
    lines = data.removesuffix(b"\r\n" if paired else b"\n").split(b"\n")
    regular = bool(len(ends)) and (odd in ("", "\t", "\n") or paired) and all(line.count(b"\t") == 2 for line in lines)
    assert (found is not None) == regular
    if found is not None:
        cells = [line.decode().split("\t") for line in lines]
        assert found.to_pylist() == [{"r": x[2] or None, "p": x[0] or None, "z": None} for x in cells]
