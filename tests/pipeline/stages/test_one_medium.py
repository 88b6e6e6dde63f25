"""One medium, several records: the preferred one goes on, contradicting ones do not, and every row has one end."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.recipe import LikenessRules, Recipe, SourceSpec
from pipeline.likeness.records.lineages import LABEL_COLUMNS, Lineages
from pipeline.model import ids
from pipeline.model.media_keys import page_media_key
from pipeline.model.records import RANK_COLUMNS, RECORD_SCHEMA
from pipeline.stages.one_medium import ALTERNATES
from pipeline.stages.screen import PASSED_SCHEMA, collapse
from pipeline.storage import database as sql
from taxonomy import RESOLVED_SCHEMA

TAXA = {
    "Felidae": ("", "", "", "", "Felidae", "", ""),
    "Felinae": ("", "", "", "", "Felidae", "", ""),  # a subfamily: between two main ranks
    "Puma": ("", "", "", "", "Felidae", "Puma", ""),
    "Puma concolor": ("", "", "", "", "Felidae", "Puma", "Puma concolor"),
    "Puma concolor couguar": ("", "", "", "", "Felidae", "Puma", "Puma concolor"),
    "Puma concolor cabrerae": ("", "", "", "", "Felidae", "Puma", "Puma concolor"),
    "Lynx": ("", "", "", "", "Felidae", "Lynx", ""),
    "Lynx lynx": ("", "", "", "", "Felidae", "Lynx", "Lynx lynx"),
}
RECIPE = Recipe(
    "r",
    sources=tuple(
        SourceSpec(name=name, kind="eol", path="x", priority=place) for place, name in enumerate(("one", "two"))
    ),
)


@dataclass(frozen=True)
class Collapsed:
    kept: dict[str, dict[str, Any]]
    ended: dict[str, dict[str, Any]]
    media_records: list[dict[str, Any]]


def record(number: int, taxon: str = "Puma concolor", key: str = "inat:1", **more: Any) -> dict[str, Any]:
    given_ = {"record_id": f"id-{number:03}", "source": "one", "media_key": key, "name_id": taxon, "box_x": None}
    address = {"address": f"http://x.test/{number}.jpg", "license_family": "CC-BY", "passed": True, "pixels": None}
    return {"media_type": "StillImage", **given_, **address, **more}


def names(taxa: Mapping[str, Sequence[str]]) -> pa.Table:
    rows = []
    for taxon, lineage in taxa.items():
        ranks = {f"{rank}_id": name or None for rank, name in zip(RANK_COLUMNS, lineage, strict=True)}
        rows.append({"name_id": taxon, "accepted_id": taxon, "match_type": "EXACT", **ranks})
    return pa.Table.from_pylist(rows, RESOLVED_SCHEMA)


def collapsed(
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    taxa: Mapping[str, Sequence[str]] = TAXA,
    recipe: Recipe = RECIPE,
) -> Collapsed:
    for name in ("passed", "records", "names"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    passed = []
    for row in rows:
        media = ids.media_id(row["address"])
        box = "" if row["box_x"] is None else str(row["box_x"])
        made = {"media_id": media, "image_id": ids.image_id(media, box), "store": "", "host": "x.test"}
        passed.append({**row, **made})
    pq.write_table(pa.Table.from_pylist([r for r in passed if r["passed"]], PASSED_SCHEMA), folder / "passed/a.parquet")
    pq.write_table(pa.Table.from_pylist([dict(r) for r in rows], RECORD_SCHEMA), folder / "records/a.parquet")
    pq.write_table(names(taxa), folder / "names/a.parquet")
    with sql.connect(256, folder) as con:
        collapse(con, recipe, sql.parquet(folder / "records"), sql.parquet(folder / "names"), folder)
    kept = pq.read_table(folder / "candidates").to_pylist()
    ended = pq.read_table(folder / "ledger").to_pylist()
    assert len(kept) + len(ended) == sum(bool(row["passed"]) for row in rows)
    result = Collapsed(
        {row["record_id"]: row for row in kept},
        {row["row_id"]: row for row in ended},
        pq.read_table(folder / "media_records").to_pylist(),
    )
    assert len(result.kept) + len(result.ended) == len(kept) + len(ended)
    return result


def test_the_preferred_record_of_a_medium_goes_on_and_the_others_name_it(tmp_path: Path) -> None:
    read = collapsed(
        [
            record(1, "Puma", license_family="CC0"),
            record(2, license_family="CC-BY-NC"),
            record(3, source="two"),
            record(4, source="one"),
            record(5, source="one", pixels=300),
            record(6, source="two", pixels=400),
            record(7, key="inat:2"),
            record(8, key=""),
            record(9, key=""),
        ],
        tmp_path,
    )
    # The species before the genus, CC-BY before CC-BY-NC, declared pixels before unknown ones, more before fewer.
    assert set(read.kept) == {"id-006", "id-007", "id-008", "id-009"}
    assert {row["outcome"] for row in read.ended.values()} == {"same_medium"}
    assert {row["other_id"] for row in read.ended.values()} == {"id-006"}
    assert json.loads(read.ended["id-001"]["evidence"]) == {"rule": "media key", "value": "inat:1"}
    tried = [at["address"][-5] for at in read.kept["id-006"]["alternates"]]
    assert tried == ["5", "4", "3"]
    assert len(tried) == ALTERNATES
    assert read.kept["id-007"]["alternates"] is None
    assert {row["record_id"] for row in read.media_records} == {f"id-00{n}" for n in range(1, 7)}
    assert {row["kept_id"] for row in read.media_records} == {"id-006"}
    assert {row["label_conflict"] for row in read.media_records} == {True}


def test_records_of_one_address_are_one_medium_without_alternates(tmp_path: Path) -> None:
    read = collapsed([record(n, address="http://x.test/a.jpg") for n in range(5)], tmp_path)
    assert set(read.kept) == {"id-000"}
    assert read.kept["id-000"]["alternates"] is None
    assert {row["label_conflict"] for row in read.media_records} == {False}


def test_taxa_that_exclude_each_other_end_every_record_of_the_medium(tmp_path: Path) -> None:
    read = collapsed([record(1, "Puma concolor"), record(2, "Lynx lynx"), record(3, "Felidae")], tmp_path)
    assert read.kept == {}
    assert {row["outcome"] for row in read.ended.values()} == {"media_label_conflict"}
    assert (read.ended["id-001"]["other_id"], read.ended["id-002"]["other_id"]) == ("id-002", "id-001")
    assert json.loads(read.ended["id-003"]["evidence"])["taxa"] == ["Lynx lynx", "Puma concolor"]
    assert {row["kept_id"] for row in read.media_records} == {None}


def test_two_animals_in_one_camera_event_are_no_conflict_but_several_labels(tmp_path: Path) -> None:
    event = {"occurrence_key": "event 1", "image_category": "camera_trap"}
    rows = [record(1, "Puma concolor", **event), record(2, "Lynx lynx", **event)]
    assert {row["outcome"] for row in collapsed(rows, tmp_path / "one").ended.values()} == {"multi_label"}
    rows[1]["occurrence_key"] = "event 2"
    assert {row["outcome"] for row in collapsed(rows, tmp_path / "two").ended.values()} == {"media_label_conflict"}


def test_a_conflict_goes_on_record_by_record_where_it_is_to_be_lowered(tmp_path: Path) -> None:
    recipe = replace(RECIPE, likeness=LikenessRules(label_conflict="ancestor"))
    rows = [record(1, "Puma concolor"), record(2, "Lynx lynx"), record(3, key="inat:2"), record(4, key="inat:2")]
    read = collapsed(rows, tmp_path, recipe=recipe)
    assert set(read.kept) == {"id-001", "id-002", "id-003"}
    assert {row["outcome"] for row in read.ended.values()} == {"same_medium"}


def test_of_equally_named_records_the_vouched_one_goes_on(tmp_path: Path) -> None:
    rows = [record(1, license_family="CC0", provenance=1), record(2, license_family="CC-BY", provenance=0)]
    assert set(collapsed(rows, tmp_path).kept) == {"id-002"}


def test_a_record_that_may_not_be_used_still_contradicts(tmp_path: Path) -> None:
    read = collapsed([record(1), record(2, "Lynx lynx", passed=False)], tmp_path)
    assert read.ended["id-001"]["outcome"] == "media_label_conflict"
    assert read.ended["id-001"]["other_id"] == "id-002"
    read = collapsed([record(1), record(2, "Lynx lynx", passed=False, occurrence_status="ABSENT")], tmp_path / "absent")
    assert set(read.kept) == {"id-001"}


def test_boxes_of_one_frame_never_collapse(tmp_path: Path) -> None:
    boxes = [record(n, taxon, box_x=float(n), address="a") for n, taxon in enumerate(("Puma", "Lynx", "Lynx lynx"))]
    read = collapsed([*boxes, record(7), record(8)], tmp_path)
    assert set(read.kept) == {"id-000", "id-001", "id-002", "id-007"}


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(sorted(TAXA)), st.integers(1, 3), st.booleans(), st.sampled_from(("CC0", "CC-BY"))),
        max_size=12,
    ),
    seed=st.integers(0, 99),
)
def test_a_medium_is_kept_exactly_when_all_its_labels_are_compatible(
    rows: list[tuple[str, int, bool, str]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against the pairwise rule that likeness uses, and in any order of rows."""
    records = [
        record(n, taxon, f"inat:{key}", passed=passed, license_family=family)
        for n, (taxon, key, passed, family) in enumerate(rows)
    ]
    read = collapsed(records, tmp_path_factory.mktemp("a"))
    random.Random(seed).shuffle(records)
    assert collapsed(records, tmp_path_factory.mktemp("b")) == read
    media = defaultdict(list)
    for row in records:
        media[row["media_key"]].append(row)
    for group in media.values():
        labels = [(row["name_id"], *TAXA[row["name_id"]]) for row in group]
        columns = dict(zip(LABEL_COLUMNS, map(list, zip(*labels, strict=True)), strict=True))
        lineages, label = Lineages.labelling(pa.table(columns))
        fine = all(lineages.compatible(label, np.full(len(label), one)).all() for one in label)
        passed = sorted(row["record_id"] for row in group if row["passed"])
        assert sum(row in read.kept for row in passed) == (1 if fine and passed else 0)
        assert all(read.ended[row]["outcome"] == "media_label_conflict" for row in passed if not fine)


def test_real_media_on_several_pages_are_one_medium_or_a_conflict(tmp_path: Path) -> None:
    path = Path(__file__).parents[3] / "../shared/data/sources/eol/eol_api_media_records.jsonl.gz"
    if not path.exists():
        pytest.skip("the folder of real input files is not beside this repository")
    media = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    taxa: dict[str, tuple[str, ...]] = {}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for item in media:
        name = item["scientific_name"]
        genus, _, rest = name.partition(" ")
        taxa[name] = ("", "", "", "", "", genus, name if rest else "")
        key = page_media_key(item["source_url"] or "", item["full_size_url"])
        place = (str(item["eol_page_id"]), item["full_size_url"])
        rows[place] = record(0, name, key, record_id="|".join(place), address=item["full_size_url"])
    read = collapsed(list(rows.values()), tmp_path, taxa)
    said: dict[str, set[str]] = defaultdict(set)
    for row in rows.values():
        said[row["media_key"]].add(row["name_id"])
    # Of 22 addresses that are listed more than once, 12 stand on the pages of two species (one page is mistaken).
    assert sum(count > 1 for count in Counter(item["full_size_url"] for item in media).values()) == 22
    conflicting = {key for key, found in said.items() if len(found) > 1}
    assert len(conflicting) == 12
    outcomes = Counter(row["outcome"] for row in read.ended.values())
    assert outcomes["media_label_conflict"] == 24
    assert outcomes["same_medium"] == len(rows) - 24 - len(read.kept) > 100
    kept_media = [row["media_key"] for row in read.kept.values()]
    assert len(kept_media) == len(set(kept_media))
    assert set(kept_media) == set(said) - conflicting
    assert {row["media_key"] for row in read.media_records if row["label_conflict"]} == conflicting
