"""What the likeness stage leaves of its decisions: every record once, with its evidence and its group."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import BenchmarkSpec, LikenessRules, Recipe
from pipeline.likeness import Decision, Leak
from pipeline.likeness.write import write_decisions, write_unknown
from pipeline.model.outcomes import Outcome
from pipeline.storage.run_folder import RunFolder

RULES = LikenessRules()


def recipe(**rules: object) -> Recipe:
    made = Recipe("r", (), benchmarks=(BenchmarkSpec("b", "b.csv"),))
    return replace(made, likeness=replace(RULES, **rules))  # type: ignore[arg-type]


def records(*ids: str) -> pa.Table:
    return pa.table(
        {
            "record_id": list(ids),
            "source": [f"source of {each}" for each in ids],
            "image_id": [f"image of {each}" for each in ids],
            "media_id": [f"medium of {each}" for each in ids],
            "name_id": [f"name of {each}" for each in ids],
            "accepted_id": [f"taxon of {each}" for each in ids],
            "occurrence_key": [""] * len(ids),
            "specimen_key": [""] * len(ids),
            "media_key": [""] * len(ids),
        }
    )


KEPT = Decision(None, "", None)
IDS = ("d", "c", "b", "a", "e")
DECISIONS = [
    KEPT,
    Decision(Outcome.NEAR_DUPLICATE, '{"distance": 3}', 0),
    Decision(Outcome.LABEL_CONFLICT, '{"rule": "x"}', 3),
    Decision(Outcome.LABEL_CONFLICT, '{"rule": "x"}', 2),
    Decision(Outcome.LEAK_HAMMING, '{"rule": "hamming"}', None, "b/item"),
]
CLUSTER = np.array([0, 0, 2, 2, 4])
LEAKS = {4: Leak("b", "item", "leak_pair", 12, 3, 7)}


def written(tmp_path: Path, decisions: list[Decision] = DECISIONS, **rules: object) -> dict[str, list[dict[str, Any]]]:
    folder = RunFolder(tmp_path)
    write_decisions(
        folder, recipe(**rules), records(*IDS[: len(decisions)]), decisions, CLUSTER[: len(decisions)], LEAKS
    )
    stage = folder.stage("likeness")
    return {path.parent.name: pq.read_table(path).to_pylist() for path in sorted((tmp_path / "likeness").rglob("part.parquet"))}


def test_every_record_is_kept_or_ended_and_each_table_is_sorted_by_its_id(tmp_path: Path) -> None:
    tables = written(tmp_path)
    assert [row["record_id"] for row in tables["kept"]] == ["d"]
    assert [(row["row_id"], row["outcome"]) for row in tables["ledger"]] == [
        ("a", "label_conflict"),
        ("b", "label_conflict"),
        ("c", "near_duplicate"),
        ("e", "leak_hamming"),
    ]
    for name in ("clusters", "quarantine"):
        assert [row["record_id"] for row in tables[name]] == sorted(row["record_id"] for row in tables[name])


def test_what_is_kept_has_its_image_its_name_and_its_group(tmp_path: Path) -> None:
    assert written(tmp_path)["kept"] == [
        {
            "record_id": "d",
            "source": "source of d",
            "image_id": "image of d",
            "media_id": "medium of d",
            "group_id": "c",  # the smallest id of those that are alike
            "name_id": "name of d",
        }
    ]


def test_what_ended_names_the_record_or_the_held_out_item_that_it_fell_to(tmp_path: Path) -> None:
    others = {row["row_id"]: (row["other_id"], row["evidence"]) for row in written(tmp_path)["ledger"]}
    assert others == {
        "a": ("b", '{"rule": "x"}'),
        "b": ("a", '{"rule": "x"}'),
        "c": ("d", '{"distance": 3}'),
        "e": ("b/item", '{"rule": "hamming"}'),
    }


def test_clusters_are_of_two_records_or_more_and_bear_the_id_of_the_first(tmp_path: Path) -> None:
    told = [(row["record_id"], row["cluster_id"], row["outcome"]) for row in written(tmp_path)["clusters"]]
    assert told == [
        ("a", "b", "label_conflict"),
        ("b", "b", "label_conflict"),
        ("c", "d", "near_duplicate"),
        ("d", "d", "kept"),
    ]


def test_conflicts_are_set_aside_only_where_the_recipe_says_so(tmp_path: Path) -> None:
    (first, second) = written(tmp_path / "one", label_conflict="quarantine")["quarantine"]
    assert (first["record_id"], first["cluster_id"], first["accepted_id"]) == ("a", "b", "taxon of a")
    assert (second["record_id"], second["image_id"], second["other_id"]) == ("b", "image of b", "a")
    assert written(tmp_path / "two", label_conflict="drop")["quarantine"] == []


def test_a_leak_is_told_with_both_distances(tmp_path: Path) -> None:
    assert written(tmp_path)["leaks"] == [
        {"record_id": "e", "source": "source of e", "benchmark": "b", "item": "item", "rule": "leak_pair"}
        | {"distance": 12, "variant": 3, "phash_distance": 7}
    ]


def test_no_records_leave_every_table_empty(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_decisions(folder, recipe(), records(), [], np.zeros(0, np.int64), {})
    tables = {path.parent.name: pq.read_table(path) for path in folder.stage("likeness").rglob("part.parquet")}
    assert set(tables) == {"kept", "clusters", "leaks", "quarantine", "ledger", "groups", "labels"}
    assert [table.num_rows for table in tables.values()] == [0] * 7


def unknown(
    tmp_path: Path, leaks: dict[int, Leak], usable: list[bool], decisions: list[Decision], held: bool = True
) -> list[dict[str, Any]]:
    folder = RunFolder(tmp_path)
    asked = recipe() if held else replace(recipe(), benchmarks=())
    count = write_unknown(folder, asked, records(*IDS[: len(usable)]), leaks, np.array(usable), decisions)
    rows: list[dict[str, Any]] = pq.read_table(folder.stage("likeness") / "unknown" / "part.parquet").to_pylist()
    assert count == len(rows)
    return rows


def test_what_no_hash_can_clear_is_listed_with_its_reason_and_what_became_of_it(tmp_path: Path) -> None:
    doubtful = Leak("b", "item", "doubtful", 3, 0)
    gone = Decision(Outcome.LEAK_UNKNOWN, "", None)
    rows = unknown(tmp_path, {1: doubtful}, [False, True, True], [KEPT, gone, KEPT])
    assert [(row["record_id"], row["decision"]) for row in rows] == [("c", "drop"), ("d", "keep")]
    assert rows[0]["reason"] == "near b/item, whose hash carries too little information"
    assert rows[1]["reason"] == "the hash carries too little information"
    assert (rows[0]["source"], rows[0]["image_id"]) == ("source of c", "image of c")


def test_a_proven_leak_is_not_unknown(tmp_path: Path) -> None:
    proven = Leak("b", "item", "bytes", 0, 0)
    assert unknown(tmp_path, {0: proven}, [False], [Decision(Outcome.LEAK_BYTES, "", None, "b/item")]) == []


def test_without_a_benchmark_nothing_needs_to_be_cleared(tmp_path: Path) -> None:
    assert unknown(tmp_path, {}, [False], [KEPT], held=False) == []
