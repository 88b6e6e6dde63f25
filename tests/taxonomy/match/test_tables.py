from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.commands.cli import main
from taxonomy import Taxonomy, TaxonomyError, resolve_file
from taxonomy.match.tables import Malformed, column_for, columns_of, read_names, written

ROWS = [
    {
        "id": "1",
        "dwc:scientificName": "Felis concolor",
        "scientificNameAuthorship": "Linnaeus, 1771",
        "family": "Felidae",
    },
    {"id": "2", "dwc:scientificName": "Oenanthe", "scientificNameAuthorship": "", "family": ""},
    {"id": "3", "dwc:scientificName": "Oenanthe", "scientificNameAuthorship": "", "family": "Apiaceae"},
    {
        "id": "4",
        "dwc:scientificName": "Felis concolor",
        "scientificNameAuthorship": "Linnaeus, 1771",
        "family": "Felidae",
    },
]


def write(path: Path, rows: list[dict[str, str]] = ROWS) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), delimiter="," if path.suffix == ".csv" else "\t")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_every_input_format_gives_the_same_answers(default: Taxonomy, tmp_path: Path, ending: str) -> None:
    counts = resolve_file(default, write(tmp_path / f"names{ending}"), tmp_path / "out.parquet")
    assert sum(counts.values()) == 4
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["accepted_id"] for row in rows] == ["bm:Puma-concolor", None, "bm:Plantae-Oenanthe", "bm:Puma-concolor"]
    assert (rows[0]["given_family"], rows[0]["family"]) == ("Felidae", "Felidae")
    assert rows[0]["taxonomy_build"] == default.build_id


def test_every_output_format_holds_the_same_cells(default: Taxonomy, tmp_path: Path) -> None:
    source = write(tmp_path / "names.csv")
    for ending in ("parquet", "jsonl", "csv", "tsv"):
        resolve_file(default, source, tmp_path / f"out.{ending}")
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines == [{name: value for name, value in row.items() if value is not None} for row in table]
    for ending, delimiter in (("csv", ","), ("tsv", "\t")):
        with (tmp_path / f"out.{ending}").open(newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter=delimiter))
        assert [row["accepted_id"] for row in rows] == [row["accepted_id"] or "" for row in table]
        assert " | " in rows[1]["issues"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,x\n1,2\n", "no column for the scientific name"),
        ("a.csv", b"scientificName,scientificName\na,b\n", "two columns of one name"),
        ("a.csv", b"scientificName\nPum\xe9\n", "cannot be read"),
        ("a.csv", b"", "cannot be read"),
        ("a.parquet", b"PAR1", "cannot be read"),
        ("a.xlsx", b"", "no table format"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_clear_error(
    default: Taxonomy, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TaxonomyError, match=said):
        resolve_file(default, tmp_path / name, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_header_is_read_up_to_its_limit_and_refused_above_it(default: Taxonomy, tmp_path: Path) -> None:
    path, limit = tmp_path / "a.tsv", 1 << 20
    for size in (limit, limit + 1, limit + limit // 2):
        path.write_text("scientificName\t".ljust(size - 1, "x") + "\nPuma concolor\t1\n")
        if size > limit:
            with pytest.raises(TaxonomyError, match="header is longer than 1048576 bytes"):
                resolve_file(default, path, tmp_path / "out.parquet")
            continue
        assert resolve_file(default, path, tmp_path / "out.parquet") == {"CANONICAL": 1}
        own = pq.read_schema(tmp_path / "out.parquet").names[1]
        assert own == "x" * (limit - len("scientificName\t\n"))


def test_a_ragged_row_costs_one_row_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tsv").write_text("scientificName\tx\nPuma concolor\t1\nPuma\nFelis concolor\t3\n")
    assert main(["taxonomy", "resolve", str(tmp_path / "a.tsv"), "-o", str(tmp_path / "out.jsonl")]) == 0
    told = capsys.readouterr().out
    assert "left out: 1 rows without the columns of the header, the first ones at row 2" in told
    assert "2  rows in" in told
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


def test_the_verbs_print_counts_and_candidates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "names.csv")
    assert main(["taxonomy", "resolve", str(source), "-o", str(tmp_path / "out.jsonl")]) == 0
    assert "4  rows in" in capsys.readouterr().out
    assert main(["taxonomy", "explain", "Oenanthe", "--family", "Apiaceae"]) == 0
    told = capsys.readouterr().out
    assert "bm:Plantae-Oenanthe" in told
    assert "classification -17" in told
    assert main(["taxonomy", "explain", "Oenanthe", "--taxonomy", str(tmp_path)]) == 1
    assert "this is no built taxonomy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("name", "scientific_name"),
        ("Scientific Name", "scientific_name"),
        ("http://rs.tdwg.org/dwc/terms/scientificName", "scientific_name"),
        ("authorship", "name_authorship"),
        ("name_authorship", "name_authorship"),
        ("rank", "rank_verbatim"),
        ("dwc:verbatimTaxonRank", "rank_verbatim"),
        ("taxonID", None),
        ("", None),
    ],
)
def test_a_header_means_a_column_whatever_its_way_of_writing(header: str, column: str | None) -> None:
    assert column_for(header) == column


def test_a_column_without_a_name_is_a_column_like_others(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("scientificName,,family\nPuma concolor,x,Felidae\n")
    (table,) = read_names(path, Malformed())
    assert table.num_rows == 1
    assert table["scientificName"].to_pylist() == ["Puma concolor"]
    assert table["family"].to_pylist() == ["Felidae"]


def test_two_columns_of_one_name_are_named_with_their_file(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError) as caught:
        columns_of(["name", "family", "family"], tmp_path / "names.csv")
    assert caught.value.what == "the table has two columns of one name: family"
    assert caught.value.where == str(tmp_path / "names.csv")


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv", "tsv"])
def test_a_table_that_could_not_be_written_whole_leaves_nothing(tmp_path: Path, ending: str) -> None:
    schema = pa.schema([("name", pa.string())])
    with pytest.raises(OSError, match="full"), written(tmp_path / f"out.{ending}", schema) as writer:
        writer.write_table(pa.table({"name": ["Puma concolor"]}))
        raise OSError("the disk is full")
    assert list(tmp_path.iterdir()) == []
