"""Lists of URLs as people have them: every kind of file, every fault, and columns that stay."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.cli import main
from pipeline.model.errors import SourceError, UsageError
from pipeline.run.fetch_list import OWN_COLUMNS
from pipeline.run.url_list import Listed, own_names, read_list


def read(path: Path, column: str = "url") -> tuple[list[Listed], list[dict[str, object]]]:
    kept = path.parent / "columns.parquet"
    rows = [row for batch in read_list(path, column, kept, OWN_COLUMNS) for row in batch]
    return rows, pq.read_table(kept).to_pylist()


ROWS = [("https://e.org/1.jpg", 'A "big" cat,\nasleep'), ("https://e.org/2.jpg", "Fuß"), ("", "no URL")]


def written(form: str, folder: Path) -> Path:
    path = folder / f"list{form}"
    kind = form.removesuffix(".gz").removesuffix("-utf16").removesuffix("-crlf")
    buffer = io.StringIO()
    if kind == ".jsonl":
        buffer.write("\n".join(json.dumps({"url": url, "caption": text}) for url, text in ROWS) + "\n")
    elif kind == ".parquet":
        pq.write_table(pa.table({"url": [url for url, _ in ROWS], "caption": [text for _, text in ROWS]}), path)
        return path
    else:
        end = "\r\n" if "crlf" in form else "\n"
        table = csv.writer(buffer, delimiter="\t" if kind == ".tsv" else ",", lineterminator=end)
        table.writerows([("url", "caption"), *ROWS])
    data = buffer.getvalue().encode("utf-16" if "utf16" in form else "utf-8-sig" if "crlf" in form else "utf-8")
    path = folder / f"list{kind}{'.gz' if form.endswith('.gz') else ''}"
    path.write_bytes(gzip.compress(data) if form.endswith(".gz") else data)
    return path


@pytest.mark.parametrize(
    "form", [".csv", ".csv-crlf", ".csv-utf16", ".csv.gz", ".tsv", ".tsv-utf16.gz", ".jsonl", ".jsonl.gz", ".parquet"]
)
def test_every_kind_of_list_gives_the_same_rows_and_captions(form: str, tmp_path: Path) -> None:
    rows, kept = read(written(form, tmp_path))
    assert [(row.url or "", row.fault) for row in rows] == [(url, "") for url, _ in ROWS]
    assert kept == [{"row": number, "caption": text} for number, (_, text) in enumerate(ROWS, start=1)]


def test_a_text_holds_a_url_per_line_and_remarks(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for data in (
        b"# mine\nhttps://e.org/1.jpg\r\n\n  https://e.org/2.jpg",
        b"\xef\xbb\xbfhttps://e.org/1.jpg\nhttps://e.org/2.jpg\n",
    ):
        for name, packed in (("a.txt", data), ("a.txt.gz", gzip.compress(data))):
            path = tmp_path / name
            path.write_bytes(packed)
            rows, kept = read(path)
            assert [row.url for row in rows] == ["https://e.org/1.jpg", "https://e.org/2.jpg"]
            assert kept == [{"row": 1}, {"row": 2}]


def test_a_text_that_is_a_table_with_the_column_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "multimedia.txt"
    path.write_text("gbifID\tidentifier\n7\thttps://e.org/1.jpg\n")
    rows, kept = read(path, "identifier")
    assert [row.url for row in rows] == ["https://e.org/1.jpg"]
    assert kept == [{"row": 1, "gbifID": "7", "identifier": "https://e.org/1.jpg"}]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'"https://e.org/x.jpg,never closed\n', "quote"),
        (b'"https://e.org/x.jpg" and more,text\n', "misplaced quotes"),
        (b"https://e.org/x.jpg,a,b\n", "3 cells where the header has 2"),
        (b"https://e.org/x.jpg,caf\xe9\n", "no UTF-8: https://e.org/x.jpg,caf\\xe9"),
    ],
)
def test_a_bad_row_costs_one_row(line: bytes, fault: str, tmp_path: Path) -> None:
    good = [f'https://e.org/{number}.jpg,"text ""{number}"", with\n two lines"\n'.encode() for number in range(4)]
    path = tmp_path / "a.csv"
    path.write_bytes(b"url,caption\n" + b"".join([*good[:2], line, *good[2:]]))
    rows, kept = read(path)
    assert [row.url for row in rows] == [f"https://e.org/{n}.jpg" if n != "x" else None for n in (0, 1, "x", 2, 3)]
    assert [bool(row.fault) for row in rows] == [False, False, True, False, False]
    assert fault in rows[2].fault
    assert kept[4]["caption"] == 'text "3", with\n two lines'


def test_short_rows_and_a_delimiter_at_the_end_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('URL;Caption\nhttps://e.org/1.jpg\nhttps://e.org/2.jpg;5" lens;\n\n')
    rows, kept = read(path)
    assert [(row.url, row.fault) for row in rows] == [("https://e.org/1.jpg", ""), ("https://e.org/2.jpg", "")]
    assert [row["Caption"] for row in kept] == [None, '5" lens']


def test_a_line_that_is_no_object_costs_one_row_and_values_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"url": "https://e.org/1.jpg", "n": 3}\n[1]\nnot\n{"tags": ["a"], "half": "\\ud800", "url": null}\n'
    )
    rows, kept = read(path)
    assert [bool(row.fault) for row in rows] == [False, True, True, False]
    assert kept[0] == {"row": 1, "n": "3", "tags": None, "half": None}
    assert kept[3] == {"row": 4, "n": None, "tags": '["a"]', "half": "\\ud800"}


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table(
        {"label": pa.array([3, None], pa.int16()), "tags": [["a"], []], "url": ["https://e.org/1.jpg", None]}
    )
    pq.write_table(table, path)
    rows, _ = read(path)
    kept = pq.read_table(tmp_path / "columns.parquet")
    assert [row.url for row in rows] == ["https://e.org/1.jpg", None]
    assert kept.select(["label", "tags"]).equals(table.select(["label", "tags"]))


@pytest.mark.parametrize(
    ("name", "data", "parts"),
    [
        ("a.csv", b"", ["empty"]),
        ("a.csv", b"https://e.org/1.jpg,cat\n", ["no header", "line 1", "'url,caption'"]),
        ("a.csv", b"url,URL,url\n1,2,3\n", ["2 columns are called 'url'"]),
        ("a.csv", b"image_url,x\n1,2\n", ["no column 'url'", "image_url, x", "--column image_url"]),
        ("a.csv", "url,x\n1,2\n".encode("utf-16-le"), ["UTF-16 without a byte order mark"]),
        ("a.csv", b"PK\x03\x04....", ["a zip archive or a workbook", "save it as CSV"]),
        ("a.csv.gz", gzip.compress(b"url\n" + b"https://e.org/1.jpg\n" * 999, mtime=0)[:60], ["archive is broken"]),
        ("a.jsonl", b"1\n2\n", ["no line is a JSON object"]),
        ("a.parquet", b"PAR1", ["cannot be read"]),
        ("a.xls", b"\xd0\xcf\x11\xe0", ["not read: 'a.xls'", ".csv or .tsv with a header"]),
    ],
)
def test_what_is_no_list_is_said(name: str, data: bytes, parts: list[str], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises((SourceError, UsageError)) as caught:
        read(tmp_path / name)
    for part in parts:
        assert part in str(caught.value)
    assert str(tmp_path / name) in caught.value.where


def test_a_missing_list_and_a_folder_are_said(tmp_path: Path) -> None:
    (tmp_path / "urls.csv").write_text("url\n")
    with pytest.raises(SourceError, match=r"no such file(.|\n)*did you mean .*urls.csv"):
        read(tmp_path / "url.csv")
    with pytest.raises(SourceError, match="the list is a folder"):
        read(tmp_path)


names = st.text(st.sampled_from("uURrLlow_#é"), min_size=1, max_size=5) | st.sampled_from([*OWN_COLUMNS, "list_row"])


@given(st.lists(names, max_size=8, unique=True))
def test_own_columns_never_take_a_name_of_ours_or_of_each_other(columns: list[str]) -> None:
    kept = own_names(columns, columns[0] if columns else "", OWN_COLUMNS)
    lower = [name.lower() for name in kept.values()]
    assert len(set(lower) | {name.lower() for name in OWN_COLUMNS}) == len(lower) + len(OWN_COLUMNS)
    assert set(columns) - set(kept) <= {columns[0]} if columns else kept == {}


def test_outcomes_stand_beside_the_lists_own_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("label,url,outcome,row\n7,ftp://e.org/1.jpg,mine,9\n8,ftp://e.org/2.jpg,b,c,d\n")
    assert main(["fetch", str(tmp_path / "a.csv"), "-o", str(tmp_path / "out")]) == 4
    first, second = pq.read_table(tmp_path / "out" / "outcomes.parquet").to_pylist()
    assert list(first) == [*OWN_COLUMNS, "label", "list_outcome", "list_row"]
    assert (first["row"], first["outcome"], first["label"], first["list_outcome"]) == (1, "bad_url", "7", "mine")
    assert (second["row"], second["outcome"], second["label"]) == (2, "malformed_row", None)
    assert "5 cells" not in str(first["detail"])
    assert "0 of 2 rows have an image" in capsys.readouterr().out
