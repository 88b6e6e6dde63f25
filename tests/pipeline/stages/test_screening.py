"""What is held out stays out, also in another source's words."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.recipe import Recipe, SourceSpec
from pipeline.likeness.taxa import HELD_TAXA_SCHEMA
from pipeline.model.records import RECORD_SCHEMA
from pipeline.stages.screen import screening_sql
from pipeline.storage import database as sql
from taxonomy import RESOLVED_SCHEMA

IDS = pa.schema([(name, pa.string()) for name in ("benchmark", "media_key", "record_key", "occurrence_key")])


def test_the_medium_of_a_held_out_record_is_held_out_in_every_source(tmp_path: Path) -> None:
    common: dict[str, object] = {"media_type": "StillImage", "license_family": "CC-BY", "name_id": "n"}
    common |= {"locator_file": "f", "locator_row": 1}
    rows = [
        {
            **common,
            "record_id": number,
            "source": source,
            "source_record_id": record,
            "media_key": key,
            "locator_row": 1,
        }
        for number, source, record, key in (
            ("1", "gbif", "77", "inat:5"),
            ("2", "eol", "8", "inat:5"),
            ("3", "eol", "77", "inat:6"),
            ("4", "eol", "9", "inat:7"),
        )
    ]
    name = {"name_id": "n", "accepted_id": "m", "genus": "Puma", "match_type": "EXACT"}
    held = [("b", None, "gbif:77", None), ("b", "inat:7", None, None)]
    for part, table in (
        ("records", pa.Table.from_pylist(rows, RECORD_SCHEMA)),
        ("names", pa.Table.from_pylist([name], RESOLVED_SCHEMA)),
        ("ids", pa.Table.from_pylist([dict(zip(IDS.names, row, strict=True)) for row in held], IDS)),
        ("items", IDS.empty_table()),
        ("taxa", HELD_TAXA_SCHEMA.empty_table()),
    ):
        (tmp_path / part).mkdir()
        pq.write_table(table, tmp_path / part / "a.parquet")
    recipe = Recipe("r", sources=tuple(SourceSpec(name=n, kind="eol", path="x") for n in ("gbif", "eol")))
    tables = [sql.parquet(tmp_path / part) for part in ("records", "names", "ids", "items", "taxa")]
    with sql.connect(256, tmp_path) as con:
        query = f"SELECT record_id, outcome, held_by, evidence FROM ({screening_sql(recipe, *tables)}) ORDER BY 1"
        found = {row[0]: row[1:] for row in con.execute(query).fetchall()}
    assert {key: row[0] for key, row in found.items()} == {"1": "leak_id", "2": "leak_id", "3": None, "4": "leak_id"}
    assert {found[key][1] for key in "124"} == {"b"}
    rules = [json.loads(found[key][2])["rule"] for key in "124"]
    assert rules == ["held-out record", "medium of a held-out record", "held-out media key"]
