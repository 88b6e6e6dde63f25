"""A release and a published taxonomy with the same fault in a row: both readers name it, and lose that row alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manifests.tables import BOM, Dialect, guess_dialect, read_header
from pipeline.sources.text.delimited import cut, parse
from taxonomy.readers.delimited import inspect, read_batches
from taxonomy.readers.taxon_schema import Issues

HEADER = b"taxonID,scientificName,taxonRank\n"
GOOD = b"".join(b'%d,"Aus bus, %d",species\n' % (i, i) for i in range(40))


def as_release(path: Path, dialect: Dialect, wanted: tuple[str, ...]) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows of a file, and code and number of each malformed one."""
    header = read_header(path.read_bytes(), dialect)
    splits = cut(path, dialect, table="t", origin="t", columns=header.columns, start=header.start, target_bytes=1 << 20)
    natives = [parse(split, dialect, source="s", wanted=wanted) for split in splits]
    rows = [row for native in natives for row in native.table.select(wanted).to_pylist()]
    ended = [row for native in natives for row in native.ended.to_pylist()]
    return rows, [f"{json.loads(row['evidence'])['code']} {row['locator_row']}" for row in ended]


def as_taxonomy(path: Path, wanted: tuple[str, ...]) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows of a file, and issue and number of each broken one."""
    issues = Issues()
    table = inspect(path.name, lambda: path.open("rb"))
    batches = list(read_batches(table, {name: name for name in wanted}, issues))
    said = [f"{kind} {int(each[-9:])}" for kind, examples in issues.examples.items() for each in examples]
    return [row for batch, _ in batches for row in batch.to_pylist()], said


@pytest.mark.parametrize(
    ("row", "code", "issue"),
    [
        (b"1,2\n", "RAGGED_SHORT", "row_does_not_fit_header"),
        (b"1,2,3,4\n", "RAGGED_LONG", "row_does_not_fit_header"),
        (b"1,\x00,3\n", "NUL", "row_has_control_characters"),
        (b"1,\x1f,3\n", "UNIT_SEPARATOR", "row_has_control_characters"),
        (b"1,caf\xe9,3\n", "ENCODING_MISMATCH", "row_is_not_utf8"),
        (b'1,"never closed,3\n', "UNBALANCED_QUOTE", "row_has_unbalanced_quotes"),
        (b'1,"text" behind,3\n', "UNBALANCED_QUOTE", "row_has_unbalanced_quotes"),
        (b"\n", "BLANK_LINE", ""),
    ],
)
def test_a_fault_costs_one_row_in_both_and_has_one_number(row: bytes, code: str, issue: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + GOOD[: GOOD.index(b"7,")] + row + GOOD[GOOD.index(b"7,") :])
    wanted = ("taxonID", "scientificName", "taxonRank")
    released, ended = as_release(path, Dialect(",", quoted=True), wanted)
    published, issues = as_taxonomy(path, wanted)
    assert len(released) == 40
    assert released == published
    assert ended == [f"{code} 8"]
    assert issues == ([f"{issue} 8"] if issue else [])


def test_a_stray_carriage_return_costs_one_row_in_both(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    rows = "".join(f"{i}\tAus\tspecies\n" for i in range(40)).replace("7\tAus", "7\tA\rus", 1)
    path.write_bytes(HEADER.replace(b",", b"\t") + rows.encode())
    released, ended = as_release(path, Dialect(), ("taxonID",))
    published, issues = as_taxonomy(path, ("taxonID",))
    assert released == published
    assert [row["taxonID"] for row in published] == [str(i) for i in range(40) if i != 7]
    assert (ended, issues) == (["STRAY_LINE_END 8"], ["row_has_stray_line_end 8"])


@pytest.mark.parametrize(
    "data",
    [
        BOM + b"taxonID\tname\n1\tAus\n",
        b"taxonID\tname\r1\tAus\r",
        b"taxonID\tname\r\n1\tAus\r\n\r\n",
        b'"taxonID"\t"name"\n1\t"Aus"\n',
        b"taxonID\tname\t\n1\tAus\tx\n",
    ],
)
def test_every_way_of_writing_a_table_is_understood_by_both(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(data)
    released, ended = as_release(path, guess_dialect(data), ("taxonID", "name"))
    published, issues = as_taxonomy(path, ("taxonID", "name"))
    assert (released, ended) == ([{"taxonID": "1", "name": "Aus"}], [])
    assert (published, issues) == (released, [])


def test_a_remark_in_another_encoding_costs_no_row_of_a_taxonomy_that_does_not_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + GOOD.replace(b"species", b"esp\xe8ce"))
    published, issues = as_taxonomy(path, ("taxonID", "scientificName"))
    released, ended = as_release(path, Dialect(",", quoted=True), ("taxonID", "scientificName"))
    assert (len(published), issues) == (40, [])
    # A record's ledger speaks of the whole row.
    assert (len(released), len(ended)) == (0, 40)
