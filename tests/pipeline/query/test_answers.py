"""Answers of `biomill sql`: whole, in every format, with counts beside them, and errors that say what is near."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.commands.cli import main
from pipeline.query import answers
from pipeline.query.formats import lines
from pipeline.query.table import MEASURED, box, markdown, table, widths
from pipeline.query.values import cells, cut, json_text, plain, unique
from tests.conftest import Demo

VALUES = """SELECT NULL AS nothing, '' AS empty, 'a,"b"' || chr(10) || 'c' AS text, [1, NULL] AS list,
  {'x': 'y'} AS object,
  'nan'::DOUBLE AS nan, '-inf'::DOUBLE AS inf, TIMESTAMP '2020-01-02 03:04:05.5' AS at, DATE '2020-01-02' AS day,
  1.10::DECIMAL(4, 2) AS price, 123456789012345678.123::DECIMAL(30, 3) AS long, 7::HUGEINT AS huge, true AS yes,
  '\\xAA\\x01'::BLOB AS bytes, repeat('x', 300) AS wide, 1 AS n, 2 AS n"""


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> tuple[str, str]:
    assert main(["sql", *words]) == status
    said = capsys.readouterr()
    return said.out, said.err


def test_every_format_holds_whole_values(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    out = {
        form: told(capsys, str(demo.out), VALUES, "--format", form)[0]
        for form in ("table", "box", "csv", "json", "jsonl", "markdown")
    }
    expected = {
        "nothing": None, "empty": "", "text": 'a,"b"\nc', "list": [1, None], "object": {"x": "y"}, "nan": None,
        "inf": None, "at": "2020-01-02T03:04:05.500000", "day": "2020-01-02", "price": 1.1,
        "long": "123456789012345678.123", "huge": 7, "yes": True, "bytes": "aa01", "wide": "x" * 300, "n": 1, "n_1": 2,
    }  # fmt: skip
    assert json.loads(out["jsonl"]) == expected
    assert json.loads(out["json"]) == [expected]
    assert list(json.loads(out["jsonl"])) == list(expected)
    rows = list(csv.reader(io.StringIO(out["csv"])))
    assert rows[0] == list(expected)
    assert rows[1][2] == 'a,"b"\nc' and rows[1][14] == "x" * 300 and rows[1][9] == "1.10"
    assert out["csv"].split("\n")[1].startswith(',"",')  # nothing and an empty text are two things
    for form in ("table", "box", "markdown"):
        assert "NULL" in out[form] and "x" * 300 in out[form] and "…" not in out[form]
        assert '{"x": "y"}' in out[form] and '"b"\\nc' in out[form]


def test_rows_of_a_csv_are_broken_by_line_feeds_alone(demo: Demo) -> None:
    asked = "SELECT 'a' || chr(8232) || 'b' || chr(133) || 'c' || chr(28) AS x, 2 AS y"
    assert list(answers(demo.out, asked, "csv")) == ["x,y", "a\u2028b\x85c\x1c,2"]


def test_counts_stand_beside_the_data(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = told(capsys, str(demo.out), "SELECT 1 AS a; SELECT range AS b FROM range(1200)", "--format", "jsonl")
    assert len(out.splitlines()) == 1201
    assert err == "1 row\n1,200 rows\n"
    for form, nothing in (("json", "[\n]\n"), ("csv", "a\n"), ("jsonl", ""), ("table", "a\n")):
        assert told(capsys, str(demo.out), "SELECT 1 AS a LIMIT 0", "--format", form) == (nothing, "0 rows\n")


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "jsonl", "md", "txt"])
def test_a_file_is_written_whole_in_the_format_of_its_ending(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    path = tmp_path / f"answer.{ending}"
    path.write_text("what was there before")
    query = "SELECT key, accepted_name, lat, nullif(genus, 'Puma') AS genus FROM samples ORDER BY key"
    out, _ = told(capsys, str(demo.out), query, "-o", str(path))
    assert out == f"317 rows in {path}\n"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    if ending in ("md", "txt"):
        assert len(path.read_text().splitlines()) == 317 + (2 if ending == "md" else 1)
        return
    reader = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json", "jsonl": "read_json"}[ending]
    found = duckdb.execute(f"SELECT * FROM {reader}('{path}') ORDER BY key").fetchall()
    expected = [tuple(json.loads(line).values()) for line in answers(demo.out, query, "jsonl")]
    assert [(str(key), *row) for key, *row in found] == expected


def test_a_file_that_cannot_be_written_leaves_what_was_there(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answer.parquet"
    path.write_text("before")
    for query in ("FROM nothing", "SELECT error('late') FROM samples", "SELECT 1; SELECT 2"):
        told(capsys, str(demo.out), query, "-o", str(path), status=1)
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1
    for place in (tmp_path, demo.out / "answer.csv", demo.out / "shards" / "x.csv", tmp_path / "answer.xyz"):
        told(capsys, str(demo.out), "SELECT 1", "-o", str(place), status=1)
    assert not (demo.out / "answer.csv").exists()


def test_the_question_comes_from_a_file_or_standard_input(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "q.sql"
    path.write_text("\ufeff-- how many\nSELECT count(*) AS n\nFROM samples;\n", encoding="utf-8")
    assert told(capsys, str(demo.out), "--format", "csv", "-f", str(path))[0] == "n\n317\n"
    for words in (["-"], []):
        monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT count(*) AS n FROM samples"))
        assert told(capsys, str(demo.out), *words, "--format", "csv")[0] == "n\n317\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    assert "nothing is asked" in told(capsys, str(demo.out), status=1)[1]
    assert "No such file" in told(capsys, str(demo.out), "-f", str(tmp_path / "none.sql"), status=1)[1]
    for words in (["SELECT 1", "-f", str(path)], ["SELECT 1", "--format", "parquet"], ["a", "b"], ["--format", "xml"]):
        with pytest.raises(SystemExit) as left:
            main(["sql", str(demo.out), *words])
        assert left.value.code == 2
    # Options may stand anywhere.
    for words in (
        ["--format", "csv", str(demo.out), "SELECT 1 AS a"],
        [str(demo.out), "--format", "csv", "SELECT 1 AS a"],
        [str(demo.out), "SELECT 1 AS a", "--format", "csv"],
    ):
        assert told(capsys, *words)[0] == "a\n1\n"


@pytest.mark.parametrize(
    ("query", "hints"),
    [
        ("SELECT acepted_name FROM samples", ["Candidate bindings", "LINE 1", "^^^^", "accepted_name is a column of"]),
        ("SELECT creator FROM taxa", ["creator is a column of attribution, records, samples"]),
        ("FROM sampels", ['Did you mean "samples"?', "near names: samples"]),
        ("FROM caped(3)", ['Did you mean "capped"?', "capped()"]),
        ("SELECT 1 FROM ledger WHERE outcome = gone", ["a value stands in single quotes: 'gone'"]),
        ("SELEC 1", ["syntax error", "LINE 1"]),
        ("FROM images_per_taxon('fam')", ["no such rank: fam"]),
    ],
)
def test_an_error_keeps_the_hints_and_names_what_is_near(
    demo: Demo, capsys: pytest.CaptureFixture[str], query: str, hints: list[str]
) -> None:
    out, err = told(capsys, str(demo.out), query, status=1)
    assert out == ""
    assert [hint for hint in hints if hint not in err] == []
    assert "Traceback" not in err


def test_a_word_that_is_no_outcome_is_said(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(
        capsys, str(demo.out), "SELECT count(*) AS n FROM ledger WHERE outcome IN ('licence_unknwon', 'gone')"
    )
    assert "no outcome is called 'licence_unknwon'; near: licence_unknown" in err and "'gone'" not in err
    assert "near: fetch" in told(capsys, str(demo.out), "SELECT 1 FROM ledger WHERE stage = 'fetsh'")[1]


def test_only_questions_are_answered(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    for query in ("SET threads = 1", "SELECT 1; DROP VIEW samples", "COPY samples TO 'x.csv'", "ATTACH 'x.db'"):
        assert "--write" in told(capsys, str(demo.out), query, status=1)[1]
    assert told(capsys, str(demo.out), "PIVOT ledger ON stage USING count(*) GROUP BY source", "--format", "csv")[0]
    assert "Projection" in told(capsys, str(demo.out), "EXPLAIN SELECT 1")[0]
    told(capsys, str(demo.out), "SELECT * FROM read_text('/etc/hostname')", status=1)


def test_large_answers_stream(demo: Demo, tmp_path: Path) -> None:
    """Ten times the rows take no more memory; in a process of its own, whose greatest memory is asked for."""
    script = (
        "import resource, sys\n"
        "from pipeline.query import answers\n"
        "from pathlib import Path\n"
        "for line in answers(Path(sys.argv[1]), sys.argv[2], sys.argv[3]): pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    for form in ("csv", "table"):
        peak = []
        for rows in (20_000, 150_000):
            query = f"SELECT range AS a, repeat('x', 200) || range AS b FROM range({rows})"
            done = subprocess.run(
                [sys.executable, "-c", script, str(demo.out), query, form], capture_output=True, text=True
            )
            peak.append(int(done.stdout))  # nothing else is on standard output
        assert peak[1] < peak[0] + 60_000, (form, peak)


def test_widths_are_those_of_the_first_rows_and_later_ones_are_whole() -> None:
    rows: list[tuple[Any, ...]] = [("a", 1)] * MEASURED + [("long" * 5, 2)]
    found = list(table(["x", "n"], [False, True], rows))
    assert found[1] == "a  1" and found[-1] == "long" * 5 + "  2"


@given(
    st.lists(st.lists(st.text(max_size=40), min_size=3, max_size=3), max_size=5),
    st.integers(min_value=1, max_value=60),
)
def test_no_line_is_wider_than_the_room(rows: list[list[str]], room: int) -> None:
    names, right = ["one", "two", "three"], [False, True, False]
    for form in (table, box):
        for line in form(names, right, rows, room):
            assert cells(line) <= room
    whole = list(table(names, right, rows, None))
    assert len(whole) == len(rows) + 1
    for row, line in zip(rows, whole[1:], strict=True):
        assert all(plain(value).rstrip() in line for value in row)
    assert all("\n" not in line for line in markdown(names, right, rows))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 120))
def test_widths_use_the_room_they_have(wide: list[int], room: int) -> None:
    names = ["x" * width for width in wide]
    found = widths(names, [], 2, room)
    total = sum(found) + 2 * (len(found) - 1)
    assert all(one <= full for one, full in zip(found, wide, strict=True))
    if sum(wide) + 2 * (len(wide) - 1) > room and min(wide) >= 4 and 6 * len(wide) <= room:
        assert total == room


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals() | st.datetimes() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(json_values, json_values), max_size=4))
def test_json_is_json_whatever_the_values(rows: list[tuple[Any, Any]]) -> None:
    def strict(constant: str) -> None:
        raise AssertionError(constant)

    written = "\n".join(lines("json", ["a", "a"], [False, False], rows, None))
    found = json.loads(written, parse_constant=strict)
    assert [list(row) for row in found] == [["a", "a_1"]] * len(rows)
    each = [json.loads(line, parse_constant=strict) for line in lines("jsonl", ["a", "a"], [False] * 2, rows, None)]
    assert each == found
    for row, told_of in zip(rows, found, strict=True):
        if isinstance(row[0], str | int) and not isinstance(row[0], bool):
            assert told_of["a"] == row[0]
        assert "\n" not in json_text(row[0])


@given(st.text(max_size=30), st.integers(0, 20))
def test_what_is_cut_says_so(text: str, width: int) -> None:
    shown = cut(text, width)
    assert cells(shown) <= width
    assert shown == text or width == 0 or shown.endswith("…")


def test_column_names_are_numbered() -> None:
    assert unique(["a", "a_1", "a", "a"]) == ["a", "a_1", "a_2", "a_3"]


def test_parquet_keeps_the_types(demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.parquet"
    told(capsys, str(demo.out), VALUES, "-o", str(path))
    kinds = {field.name: str(field.type) for field in pq.read_schema(path)}
    assert (
        kinds["price"].startswith("decimal")
        and kinds["at"].startswith("timestamp")
        and kinds["list"].startswith("list")
    )
    assert kinds["object"].startswith("struct") and kinds["day"] == "date32[day]" and "n_1" in kinds
