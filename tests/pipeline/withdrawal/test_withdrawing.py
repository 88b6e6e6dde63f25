"""Lists of withdrawals mean what they say: read whole or refused, and matched by one rule."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import RecipeError
from manifests.recipe import Recipe, SourceSpec
from pipeline.likeness.taxa import HELD_TAXA_SCHEMA
from pipeline.model.records import RECORD_SCHEMA
from pipeline.stages.screen import screening_sql
from pipeline.storage import database as sql
from pipeline.withdrawal import gather, read_withdrawals
from taxonomy import RESOLVED_SCHEMA

IDS = pa.schema([(name, pa.string()) for name in ("benchmark", "media_key", "record_key", "occurrence_key")])
COLUMNS = ("record_id", "source", "source_record_id", "media_key", "occurrence_key", "creator", "rights_holder")
RECORDS = (
    ("1", "gbif", "77", "inat:5", "o1", "Ana  Müller", "Museum"),
    ("2", "eol", "8", "inat:5", "o1", None, None),
    ("3", "eol", "77", "inat:6", "", "ana müller", ""),
    ("4", "gbif", "78", "", "o2", "Bo", "Museum"),
    ("5", "gbif", "78", "", "o2", "Bo", None),
)


def withdrawn(tmp_path: Path, text: str) -> dict[str, str]:
    """Screen the records with a list; the key that withdrew each, by record."""
    common = {"media_type": "StillImage", "license_family": "CC-BY", "name_id": "n", "locator_file": "f"}
    rows = [{**common, **dict(zip(COLUMNS, row, strict=True)), "locator_row": 1} for row in RECORDS]
    name = {"name_id": "n", "accepted_id": "m", "genus": "Puma", "match_type": "EXACT"}
    for part, table in (
        ("records", pa.Table.from_pylist(rows, RECORD_SCHEMA)),
        ("names", pa.Table.from_pylist([name], RESOLVED_SCHEMA)),
        ("ids", IDS.empty_table()),
        ("items", IDS.empty_table()),
        ("taxa", HELD_TAXA_SCHEMA.empty_table()),
    ):
        (tmp_path / part).mkdir()
        pq.write_table(table, tmp_path / part / "a.parquet")
    (tmp_path / "w.csv").write_text(text, encoding="utf-8")
    recipe = Recipe("r", sources=tuple(SourceSpec(name=n, kind="eol", path="x") for n in ("gbif", "eol")))
    tables = [sql.parquet(tmp_path / part) for part in ("records", "names", "ids", "items", "taxa")]
    with sql.connect(256, tmp_path) as con:
        gather(con, read_withdrawals([tmp_path / "w.csv"]), tables[0])
        query = screening_sql(recipe, *tables, withdrawn="withdrawn")  # type: ignore[misc]
        found = con.execute(f"SELECT record_id, evidence FROM ({query}) WHERE outcome = 'withdrawn'").fetchall()
    return {record: json.loads(evidence)["rule"] for record, evidence in found}


@pytest.mark.parametrize(
    ("header", "row", "meant"),
    [
        ("media_key", "inat:5", "12"),
        ("media_key", "https://www.inaturalist.org/photos/5", "12"),
        ("record_key", "gbif:77", "1"),
        ("record_key", "gbif:78", "45"),
        ("record_key", "78", ""),
        ("record_key,source", "78,gbif", "45"),
        ("occurrence_key", "o1", "12"),
        ("occurrence_key", "eol:o1", "2"),
        ("creator", "ANA MÜLLER", "123"),
        ("creator", unicodedata.normalize("NFD", "ana\u00a0müller"), "123"),
        ("creator,source", "ana müller,eol", "3"),
        ("rights_holder", "museum", "124"),
        ("key", "4", "4"),
        ("creator", "Müller", ""),
        ("media_key,occurrence_key", "inat:6,o2", "345"),
        ("Media_Key , REASON", "inat:6,because", "3"),
        ("media_key", "", ""),
        ("media_key", "x' OR '1'='1", ""),
    ],
)
def test_a_key_means_its_records_and_no_others(tmp_path: Path, header: str, row: str, meant: str) -> None:
    assert "".join(sorted(withdrawn(tmp_path, f"{header}\n{row}\n"))) == meant


def test_evidence_is_the_first_key_that_means_the_record(tmp_path: Path) -> None:
    found = withdrawn(tmp_path, "media_key,creator\n,bo\ninat:5,\n,ana müller\n")
    rules = {**dict.fromkeys("12", "withdrawn media key"), **dict.fromkeys("345", "withdrawn creator")}
    assert found == rules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column to withdraw by"),
        ("reason,date\nx,y\n", "no column to withdraw by"),
        ("mediaKey\nx\n", "'mediakey', which would not be read"),
        ("media_key,creators\nx,y\n", "'creators', which would not be read"),
        ("media_key;reason\nx;y\n", "no column to withdraw by"),
        ("creator,reason\nDoe, Jane,asked\n", "more cells than the header"),
        ("media_key,media_key\na,b\n", "comes twice"),
        ('creator\n"Doe\nRoe\n', "row 1 has a quote that is not closed"),
    ],
)
def test_a_list_that_would_be_read_as_less_than_it_says_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(RecipeError, match=said):
        read_withdrawals([tmp_path / "w.csv"])


@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(categories=["L", "N"], include_characters=':,"\n'), max_size=6)] * 3),
        max_size=5,
    ),
    line=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
)
def test_every_filled_cell_is_one_key_whatever_the_line_ends(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], line: str, bom: bool
) -> None:
    import csv
    import io

    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=line).writerows(
        [("media_key", "notes", "creator", "reason"), *[(one, "ignored", two, reason) for one, two, reason in rows]]
    )
    path = tmp_path_factory.mktemp("lists") / "w.csv"
    path.write_bytes(b"\xef\xbb\xbf" * bom + buffer.getvalue().encode())
    table = read_withdrawals([path])
    wanted = [
        (kind, cell.strip(), reason.strip())
        for one, two, reason in rows
        for kind, cell in (("media_key", one), ("creator", two))
        if cell.strip()
    ]
    assert list(zip(*(table[name].to_pylist() for name in ("kind", "value", "reason")), strict=True)) == wanted
    assert table["position"].to_pylist() == list(range(len(wanted)))
