"""Decisions on kept records: by the batch as they would be one by one."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from manifests.recipe import Recipe, SelectRules, SourceSpec
from pipeline.model.ids import hash64, make_id
from pipeline.splits.select_decisions import decide, split_of
from pipeline.storage import database as sql

TAXA = ["t:a", "t:a", "t:b", "t:c", None, None]
"""By name: two names of one taxon, and two of none."""
RECORDS = [
    {"record_id": make_id("r", str(n)), "source": f"s{n % 2}", "image_id": f"i{n}", "media_id": f"m{n}"}
    | {"group_id": f"g{n % 17}", "name_id": f"n{min(n % 9, 5)}"}
    for n in range(200)
]


@pytest.mark.parametrize("cap", [0, 1, 7, 1000])
def test_quota_split_and_weight_are_those_of_each_record(tmp_path: Path, cap: int) -> None:
    recipe = Recipe("r", (SourceSpec("s", "gbif-dwca", "x"),), seed=3, select=SelectRules(30.0, cap))
    with sql.connect(256, tmp_path) as con:
        con.register("kept", pa.Table.from_pylist(RECORDS[::-1]))
        con.register("names", pa.table({"name_id": [f"n{n}" for n in range(len(TAXA))], "accepted_id": TAXA}))
        parts = list(decide(con, "kept", "names", recipe))
    kept, ended = ([row for part in parts for row in part[which].to_pylist()] for which in (0, 1))
    taxon = {f"n{n}": each for n, each in enumerate(TAXA)}
    of_taxon = defaultdict(list)
    for row in RECORDS:
        of_taxon[taxon[row["name_id"]]].append(row["record_id"])
    for each in of_taxon.values():
        each.sort(key=lambda key: hash64(3, f"quota:{key}"))
    stays = {key for each in of_taxon.values() for key in (each[:cap] if cap else each)}
    assert [row["record_id"] for row in kept] == sorted(stays)
    assert [row["row_id"] for row in ended] == sorted(
        row["record_id"] for row in RECORDS if row["record_id"] not in stays
    )
    by_id = {row["record_id"]: row for row in RECORDS}
    for row in kept:
        total = len(of_taxon[row["accepted_id"]])
        assert row == by_id[row["record_id"]] | {
            "accepted_id": taxon[row["name_id"]],
            "split": split_of(3, row["group_id"], 30.0),
            "weight": (min(total, cap) if cap else total) ** -0.5,
        }
    for row in ended:
        assert (row["outcome"], row["source"]) == ("over_quota", by_id[row["row_id"]]["source"])
        of = taxon[by_id[row["row_id"]]["name_id"]]
        text = "null" if of is None else f'"{of}"'
        assert row["evidence"] == f'{{"cap":{cap},"images":{len(of_taxon[of])},"rule":"cap_per_taxon","taxon":{text}}}'
