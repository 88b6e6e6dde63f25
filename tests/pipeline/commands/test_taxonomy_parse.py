from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import BiomillError
from pipeline.commands.taxonomy.name_table import read_names
from pipeline.commands.taxonomy.parse import FIELDS

CSV = 'occurrenceID,dwc:scientificName,scientificNameAuthorship,taxonRank\n1,Puma concolor,"(Linnaeus, 1771)",SPECIES\n'


def parse(*args: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pipeline.commands.cli", "taxonomy", "parse", *args]
    return subprocess.run(command, input=given, capture_output=True, timeout=120)


def test_lines_from_standard_input_become_rows_of_csv() -> None:
    done = parse("-", given="\ufeffPuma concolor\nParus cf. major\n\nSalix aurita × S. caprea\n".encode() + b"\xff\n")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert list(rows[0]) == list(FIELDS)
    assert [(row["verbatim"], row["kind"], row["canonical"]) for row in rows] == [
        ("Puma concolor", "scientific", "Puma concolor"),
        ("Parus cf. major", "informal", "Parus major"),
        ("", "placeholder", ""),
        ("Salix aurita × S. caprea", "hybrid", "Salix"),
        ("\\xff", "unparsable", ""),
    ]


def test_a_table_gives_json_with_authorship_and_rank(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text(CSV, encoding="utf-8")
    done = parse(str(path), "--json")
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (row["canonical"], row["authorship"], row["year"], row["rank"], row["type"]) == (
        "Puma concolor",
        "(Linnaeus, 1771)",
        "1771",
        "species",
        "SCIENTIFIC",
    )


def test_names_are_read_from_text_tables_and_parquet_alike(tmp_path: Path) -> None:
    text, packed, table = tmp_path / "a.tsv", tmp_path / "a.csv.gz", tmp_path / "a.parquet"
    text.write_text("scientificName\ttaxonRank\nPuma\tgenus\nPuma\n", encoding="utf-8")
    packed.write_bytes(gzip.compress(b"scientificName,taxonRank\nPuma,genus\nPuma,\n"))
    pq.write_table(pa.table({"scientific_name": ["Puma", "Puma"], "taxonRank": ["genus", None]}), table)
    rows = [list(read_names(path)) for path in (text, packed, table)]
    assert rows == [[("Puma", "", "genus"), ("Puma", "", "")]] * 3


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",x,y\n1,2,3\n", encoding="utf-8")
    with pytest.raises(BiomillError, match="no column is called as names are"):
        list(read_names(path))
    with pytest.raises(BiomillError, match="no column 'z'"):
        list(read_names(path, "z"))
    assert [row[0] for row in read_names(path, "x")] == ["2"]
    with pytest.raises(BiomillError, match="does not exist"):
        list(read_names(tmp_path / "none.csv"))
    broken = tmp_path / "b.txt.gz"
    broken.write_bytes(gzip.compress(b"Puma\n" * 1000)[:30])
    with pytest.raises(BiomillError, match="archive is broken"):
        list(read_names(broken))
    missing = parse(str(tmp_path / "none.txt"))
    assert (missing.returncode, missing.stdout) == (1, b"")
