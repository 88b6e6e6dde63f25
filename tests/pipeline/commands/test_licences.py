"""`biomill licences`: the same answers from every kind of file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import BiomillError
from pipeline.commands.cli import main
from pipeline.commands.licences import HEADER, licences_of

STATED = ["cc-by 3.0", "http://creativecommons.org/licenses/by-nc-nd/4.0/", "cc-by 3.0", "", 'a "quoted", one']


def test_text_tables_and_parquet_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(STATED) + "\n")
    for name, delimiter in (("a.csv", ","), ("a.tsv", "\t")):
        with (tmp_path / name).open("w", newline="", encoding="utf-8-sig") as handle:
            csv.writer(handle, delimiter=delimiter).writerows([["id", "License Name"], *(["1", s] for s in STATED)])
    pq.write_table(pa.table({"id": [1] * 5, "license": [s or None for s in STATED]}), tmp_path / "a.parquet")
    expected = licences_of(tmp_path / "a.txt")
    assert [(row["rows"], row["family"]) for row in expected] == [
        (2, "CC-BY"),
        (1, "UNSPECIFIED"),
        (1, "UNKNOWN"),
        (1, "CC-BY-NC-ND"),
    ]
    assert {row["family"]: row["may_share"] for row in expected}["CC-BY-NC-ND"] is False
    for name in ("a.csv", "a.tsv", "a.parquet"):
        assert licences_of(tmp_path / name) == expected


def test_the_command_prints_csv_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text('rights,n\n"CC BY, 4.0",1\nJ. Doe,2\n')
    assert main(["licences", str(tmp_path / "a.csv")]) == 0
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert tuple(header) == HEADER
    assert dict(zip(header, rows[0], strict=True))["raw"] == "CC BY, 4.0"
    assert main(["licences", str(tmp_path / "a.csv"), "--column", "rights", "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["family"], row["may_sell"]) for row in objects] == [("CC-BY", True), ("UNKNOWN", None)]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(BiomillError, match="does not exist"):
        licences_of(tmp_path / "absent.txt")
    (tmp_path / "a.csv").write_text("id,terms\n1,x\n")
    with pytest.raises(BiomillError, match="no column is called"):
        licences_of(tmp_path / "a.csv")
    with pytest.raises(BiomillError, match="no column 'licence'"):
        licences_of(tmp_path / "a.csv", "licence")
    (tmp_path / "b.csv").write_text('license\n"' + "x" * (1 << 21) + "\n")
    with pytest.raises(BiomillError, match="cannot be read"):
        licences_of(tmp_path / "b.csv")
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    with pytest.raises(BiomillError, match="cannot be read"):
        licences_of(tmp_path / "c.parquet")


def test_the_wild_statements_of_a_real_collection_are_counted(tmp_path: Path) -> None:
    path = Path(__file__).parents[3] / "../shared/data/sources/licences/gold.csv"
    if not path.exists():
        pytest.skip("the folder of real input files is not beside this repository")
    with path.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    column = "raw" if "raw" in rows[0] else next(iter(rows[0]))
    found = licences_of(path, column)
    assert sum(row["rows"] for row in found) == len(rows) > 100
    assert all(row["may_share"] is None for row in found if row["family"] in ("UNKNOWN", "AMBIGUOUS"))
