"""What the likeness stage leaves of its decisions: every record once, with its evidence and its group."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import BenchmarkSpec, LikenessRules, Recipe
from pipeline.likeness import DecisionRules, Edges, Leak, decide_duplicates
from pipeline.likeness.labels import lowered_id
from pipeline.likeness.records import record_texts as texts_module
from pipeline.likeness.records.groups import shared_keys
from pipeline.likeness.records.lineages import RANK_IDS
from pipeline.likeness.records.record_texts import RecordTexts
from pipeline.likeness.write import Decided, write_decisions
from pipeline.storage.files.atomic import write_table
from pipeline.storage.run_folder import RunFolder
from taxonomy import RESOLVED_SCHEMA

RULES = LikenessRules()
TABLES = {"kept", "clusters", "leaks", "quarantine", "ledger", "groups", "labels", "unknown"}


def recipe(held: bool = True, **rules: object) -> Recipe:
    made = Recipe("r", (), benchmarks=(BenchmarkSpec("b", "b.csv"),) if held else ())
    return replace(made, likeness=replace(RULES, **rules))  # type: ignore[arg-type]


def records(*ids: str, flat: str = "") -> pa.Table:
    """Records of one genus, each of a species of its own but `d` and `c`; `flat`: ids of images that say little."""
    species = ["t:d" if each in "cd" else f"t:{each}" for each in ids]
    columns = {name: [f"{name} of {each}" for each in ids] for name in ("source", "image_id", "media_id", "name_id")}
    columns |= {name: [""] * len(ids) for name in ("occurrence_key", "specimen_key", "media_key")}
    columns |= {"record_id": list(ids), "pixel_sha256": [f"pixels of {each}" for each in ids], "accepted_id": species}
    table = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    table |= {name: pa.nulls(len(ids), pa.string()) for name in RANK_IDS}
    table |= {"genus_id": pa.array(["t:G"] * len(ids), pa.string()), "species_id": pa.array(species, pa.string())}
    table["quality"] = pa.array([3 if each in flat else 90 for each in ids], pa.int16())
    table["box"] = pa.array([False] * len(ids), pa.bool_())
    return pa.table(table)


IDS = ("d", "c", "b", "a", "e")
PAIRS = [(0, 1, 3), (2, 3, 4)]
LEAKS = {4: Leak("b", "item", "leak_pair", 12, 3, 7)}


def written(
    tmp_path: Path,
    table: pa.Table | None = None,
    pairs: list[tuple[int, int, int]] | None = None,
    leaks: dict[int, Leak] | None = None,
    asked: Recipe | None = None,
    deciding: DecisionRules | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Decide, write and read again: d and c are alike, b and a contradict each other, e leaks."""
    table = records(*IDS) if table is None else table
    left, right, distance = np.array(PAIRS if pairs is None else pairs, np.int64).reshape(-1, 3).T
    node = np.arange(table.num_rows)
    decisions, cluster = decide_duplicates(
        table, node, Edges(left, right, distance), LEAKS if leaks is None else leaks, deciding or DecisionRules()
    )
    texts, usable = RecordTexts.of(table), table["quality"].to_numpy() >= 50
    folder = RunFolder(tmp_path)
    decided = Decided.of(decisions, cluster, shared_keys(table), texts.by_name(), usable)
    unknown = write_decisions(folder, asked or recipe(), texts, decided)
    tables = {
        path.parent.name: pq.read_table(path).to_pylist()
        for path in sorted((tmp_path / "likeness").rglob("part.parquet"))
    }
    assert set(tables) == TABLES and len(tables["unknown"]) == unknown
    return tables


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
            "image_id": "image_id of d",
            "media_id": "media_id of d",
            "group_id": "c",  # the smallest id of those that are alike
            "name_id": "name_id of d",
        }
    ]


def test_what_ended_names_the_record_or_the_held_out_item_that_it_fell_to(tmp_path: Path) -> None:
    ledger = written(tmp_path)["ledger"]
    assert {row["row_id"]: row["other_id"] for row in ledger} == {"a": "b", "b": "a", "c": "d", "e": "b/item"}
    proofs = {row["row_id"]: json.loads(row["evidence"]) for row in ledger}
    assert proofs["c"] == {"rule": "hamming", "distance": 3}
    assert proofs["a"] == proofs["b"] == {"rule": "alike, labelled differently", "taxa": ["t:a", "t:b"]}
    assert (proofs["e"]["rule"], proofs["e"]["phash_distance"]) == ("leak_pair", 7)
    assert {row["source"] for row in ledger} == {f"source of {each}" for each in "abce"}


def test_clusters_are_of_two_records_or_more_and_bear_the_id_of_the_first(tmp_path: Path) -> None:
    told = [(row["record_id"], row["cluster_id"], row["outcome"]) for row in written(tmp_path)["clusters"]]
    assert told == [
        ("a", "b", "label_conflict"),
        ("b", "b", "label_conflict"),
        ("c", "d", "near_duplicate"),
        ("d", "d", "kept"),
    ]


def test_conflicts_are_set_aside_only_where_the_recipe_says_so(tmp_path: Path) -> None:
    (first, second) = written(tmp_path / "one", asked=recipe(label_conflict="quarantine"))["quarantine"]
    assert (first["record_id"], first["cluster_id"], first["accepted_id"]) == ("a", "b", "t:a")
    assert (second["record_id"], second["image_id"], second["other_id"]) == ("b", "image_id of b", "a")
    assert written(tmp_path / "two", asked=recipe(label_conflict="drop"))["quarantine"] == []


def test_a_leak_is_told_with_both_distances(tmp_path: Path) -> None:
    assert written(tmp_path)["leaks"] == [
        {"record_id": "e", "source": "source of e", "benchmark": "b", "item": "item", "rule": "leak_pair"}
        | {"distance": 12, "variant": 3, "phash_distance": 7}
    ]


def test_no_records_leave_every_table_empty(tmp_path: Path) -> None:
    assert all(rows == [] for rows in written(tmp_path, records(), [], {}).values())


def test_a_lowered_label_is_a_name_of_its_own(tmp_path: Path) -> None:
    names = [{"name_id": f"name_id of {each}", "genus": "G", "genus_id": "t:G"} for each in IDS]
    write_table(tmp_path / "resolve" / "names" / "part.parquet", pa.Table.from_pylist(names, RESOLVED_SCHEMA))
    tables = written(tmp_path, asked=recipe(label_conflict="ancestor"), deciding=DecisionRules(lower=True))
    lowered = lowered_id("name_id of b", "t:G")
    assert [(row["record_id"], row["name_id"]) for row in tables["kept"]] == [("b", lowered), ("d", "name_id of d")]
    assert [(row["name_id"], row["accepted_id"]) for row in tables["labels"]] == [(lowered, "t:G")]


def test_shared_keys_are_told_record_by_record_in_the_order_of_their_kinds(tmp_path: Path) -> None:
    table = records(*IDS)
    for name, values in (("occurrence_key", ["1", "1", "", "2", "1"]), ("media_key", ["k", "", "", "k", "k"])):
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    table = table.set_column(table.column_names.index("source"), "source", pa.array(["s"] * 5))
    rows = written(tmp_path, table)["groups"]
    assert [(row["record_id"], row["kind"], row["key"]) for row in rows] == [
        ("a", "alike", "b"),
        ("a", "media_key", "k"),
        ("b", "alike", "b"),
        ("c", "alike", "d"),
        ("c", "occurrence", "s:1"),
        ("d", "alike", "d"),
        ("d", "media_key", "k"),
        ("d", "occurrence", "s:1"),
        ("e", "media_key", "k"),
        ("e", "occurrence", "s:1"),
    ]
    assert {row["group_id"] for row in rows} == {"a"}


def test_what_no_hash_can_clear_is_listed_with_its_reason_and_what_became_of_it(tmp_path: Path) -> None:
    doubtful = {1: Leak("b", "item", "doubtful", 3, 0)}
    staying = DecisionRules(uninformative=None)
    rows = written(tmp_path, records("d", "c", "b", flat="d"), [], doubtful, deciding=staying)["unknown"]
    assert [(row["record_id"], row["decision"]) for row in rows] == [("c", "drop"), ("d", "keep")]
    assert rows[0]["reason"] == "near b/item, whose hash carries too little information"
    assert rows[1]["reason"] == "the hash carries too little information"
    assert (rows[0]["source"], rows[0]["image_id"]) == ("source of c", "image_id of c")


def test_a_proven_leak_is_not_unknown(tmp_path: Path) -> None:
    proven = {0: Leak("b", "item", "bytes", 0, 0)}
    assert written(tmp_path, records("d", flat="d"), [], proven)["unknown"] == []


def test_without_a_benchmark_nothing_needs_to_be_cleared(tmp_path: Path) -> None:
    assert written(tmp_path, records("d", flat="d"), [], {}, recipe(held=False))["unknown"] == []


def test_the_files_are_the_same_however_many_records_pass_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "at once")
    for rows in (1, 2, 3):
        monkeypatch.setattr(texts_module, "BATCH_ROWS", rows)
        written(tmp_path / str(rows))
        for path in (tmp_path / "at once").rglob("*.parquet"):
            assert (tmp_path / str(rows) / path.relative_to(tmp_path / "at once")).read_bytes() == path.read_bytes()
