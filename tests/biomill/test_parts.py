"""Parts alone by the API, on real small inputs: what they answer is what the commands answer."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import biomill
from biomill.arrow_input import as_table
from pipeline.commands.cli import main
from pipeline.demo.gbif import ARCHIVE
from taxonomy import RESOLVED_SCHEMA, Policy, Taxonomy
from tests.conftest import Demo
from tests.pipeline.likeness.pictures import grain, jpeg, lay

MORUS = {"scientificName": ["Morus", "Felis concolor"], "kingdom": ["Plantae", None]}


def test_names_come_back_in_their_order_one_row_each() -> None:
    found = biomill.resolve_names(["Puma concolor", "Morus", None, "Puma concolor", "xyz"])
    assert found.schema == RESOLVED_SCHEMA
    assert found["scientific_name"].to_pylist() == ["Puma concolor", "Morus", None, "Puma concolor", "xyz"]
    assert found["match_type"].to_pylist() == ["CANONICAL", "AMBIGUOUS", "NONE", "CANONICAL", "NONE"]
    assert found["accepted_id"].null_count == 3
    assert biomill.resolve_names([]).num_rows == 0


@pytest.mark.parametrize(
    "names",
    [
        MORUS,
        pa.table(MORUS),
        pa.record_batch(MORUS),
        pa.table(MORUS).to_reader(),
        pd.DataFrame(MORUS),
        duckdb.sql("SELECT * FROM (VALUES ('Morus', 'Plantae'), ('Felis concolor', NULL)) t(scientificName, kingdom)"),
        {"scientific_name": MORUS["scientificName"], "kingdom": MORUS["kingdom"]},
        {"dwc:scientificName": MORUS["scientificName"], "Kingdom": MORUS["kingdom"], "other": [1, 2]},
    ],
    ids=["mapping", "table", "batch", "reader", "pandas", "duckdb", "spelt-as-ours", "darwin-core"],
)
def test_a_table_of_any_library_brings_its_hints(names: object) -> None:
    found = biomill.resolve_names(names)  # type: ignore[arg-type]
    assert found["accepted_id"].to_pylist() == ["bm:Plantae-Morus", "bm:Puma-concolor"]


@pytest.mark.parametrize(
    "names",
    [
        ("Morus", "Puma concolor"),
        iter(["Morus", "Puma concolor"]),
        pd.Series(["Morus", "Puma concolor"]),
        np.array(["Morus", "Puma concolor"]),
        pa.array(["Morus", "Puma concolor"]),
        pa.chunked_array([["Morus"], ["Puma concolor"]]),
        pa.array(["Morus", "Puma concolor"]).dictionary_encode(),
    ],
    ids=["tuple", "iterator", "series", "numpy", "array", "chunked", "dictionary"],
)
def test_texts_of_any_kind_are_names(names: object) -> None:
    found = biomill.resolve_names(names)  # type: ignore[arg-type]
    assert found["match_type"].to_pylist() == ["AMBIGUOUS", "CANONICAL"]


def test_the_taxonomy_is_the_one_that_is_named_and_its_policy_holds(demo: Demo) -> None:
    folder = demo.out / "taxonomy"
    build = Taxonomy.open(folder).build_id
    for given in (folder, str(folder), Taxonomy.open(folder)):
        assert biomill.resolve_names(["Puma concolor"], given)["taxonomy_build"].to_pylist() == [build]
    strict = biomill.Policy(strict=True)
    synonym = ["Felis concolour"]
    assert biomill.resolve_names(synonym, folder)["match_type"].to_pylist() == ["FUZZY"]
    assert biomill.resolve_names(synonym, folder, policy=strict)["match_type"].to_pylist() == ["NONE"]
    assert biomill.resolve_names(synonym, policy=Policy(fuzzy=False))["match_type"].to_pylist() != ["FUZZY"]
    with pytest.raises(biomill.UsageError, match="a policy of its own"):
        biomill.resolve_names(synonym, Taxonomy.open(folder), policy=strict)


def test_what_is_no_list_of_names_is_an_error_of_ours(tmp_path: Path) -> None:
    for wrong in ("Puma concolor", 5, [1, 2], [["Puma"]], {"scientificName": ["a"], "kingdom": ["a", "b"]}):
        with pytest.raises(biomill.UsageError):
            biomill.resolve_names(wrong)  # type: ignore[arg-type]
    with pytest.raises(biomill.TaxonomyError, match="no column for the scientific name"):
        biomill.resolve_names({"label": ["Puma concolor"]})
    with pytest.raises(biomill.TaxonomyError):
        biomill.resolve_names(["Puma concolor"], tmp_path)


def test_a_table_keeps_its_columns_and_a_single_column_is_no_table() -> None:
    assert as_table(pa.table(MORUS), "x").column_names == ["scientificName", "kingdom"]
    assert as_table(pd.Series(["a"], name="kept"), "x").column_names == ["x"]


def test_a_release_is_inspected_as_the_command_does(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    archive = demo.corpus.folder / ARCHIVE
    findings = biomill.inspect(str(archive))
    assert findings.kind == "gbif-dwca" and findings.core_rows > 100
    capsys.readouterr()
    main(["inspect", str(archive)])
    assert f"{findings}\n" == capsys.readouterr().out
    main(["inspect", str(archive), "--json"])
    assert json.loads(capsys.readouterr().out).items() >= findings.as_json().items()
    with pytest.raises(biomill.SourceError):
        biomill.inspect(demo.corpus.folder / "nothing")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    one, two = grain(1), grain(2)
    return lay(tmp_path / "photos", a=one, b=one.resize((120, 90)), c=two, d=jpeg(two), e=b"no picture")


def test_duplicates_are_those_of_the_command(photos: Path, tmp_path: Path) -> None:
    found = biomill.deduplicate(photos)
    outcomes = dict(zip(found.decisions["item"].to_pylist(), found.decisions["outcome"].to_pylist(), strict=True))
    assert outcomes["b.jpg"] == "near_duplicate" and outcomes["e.jpg"] == "unreadable"
    assert found.count("kept") == 2
    main(["dedup", str(photos), "-o", str(tmp_path / "out")])
    for name, table in (("decisions", found.decisions), ("pairs", found.pairs)):
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet").equals(table), name
    several = biomill.deduplicate([photos / "a.jpg", str(photos / "c.jpg")])
    assert several.decisions.num_rows == 2


def test_labels_and_groups_are_by_item(photos: Path) -> None:
    conflict = biomill.deduplicate(photos, labels={"a.jpg": "Puma concolor", "b.jpg": "Lynx lynx"})
    assert conflict.count("label_conflict") == 2
    together = biomill.deduplicate(photos, groups={"a.jpg": "one", "b.jpg": "one"})
    assert together.count("near_duplicate") == 0
    assert biomill.deduplicate(photos, residual=0.0).count("near_duplicate") == 0


def test_bad_arguments_about_images_are_errors_of_ours(photos: Path, tmp_path: Path) -> None:
    for distance in (-1, 128):
        with pytest.raises(biomill.LikenessError):
            biomill.deduplicate(photos, distance=distance)
        with pytest.raises(biomill.LikenessError):
            biomill.check_leakage(photos, photos, distance=distance)
    with pytest.raises(biomill.LikenessError):
        biomill.check_leakage(photos, photos, phash_distance=32)
    with pytest.raises(biomill.LikenessError):
        biomill.check_leakage(photos, photos, review_distances=(40, 100))
    with pytest.raises(biomill.UsageError, match="0 threads"):
        biomill.deduplicate(photos, threads=0)
    with pytest.raises(biomill.BiomillError, match="no image is named in the labels"):
        biomill.deduplicate(photos, labels={"photos/a.jpg": "Puma concolor"})
    with pytest.raises(biomill.BiomillError, match="no such file"):
        biomill.deduplicate(tmp_path / "none")
    with pytest.raises(biomill.BiomillError):
        biomill.deduplicate([])


def test_nothing_that_can_be_read_is_no_success_unless_that_is_meant(photos: Path, tmp_path: Path) -> None:
    broken = lay(tmp_path / "broken", a=b"none", b=b"none either")
    with pytest.raises(biomill.EmptyResultError, match="no image was kept"):
        biomill.deduplicate(broken)
    assert biomill.deduplicate(broken, allow_empty=True).count("unreadable") == 2
    for train, heldout, what in ((broken, photos, "training"), (photos, lay(tmp_path / "x", a=b"else"), "held-out")):
        with pytest.raises(biomill.EmptyResultError, match=f"no {what} image was hashed"):
            biomill.check_leakage(train, heldout)
        assert biomill.check_leakage(train, heldout, allow_empty=True).state("leaked") == 0


def test_leaks_are_those_of_the_command(photos: Path, tmp_path: Path) -> None:
    held = lay(tmp_path / "held", turned=grain(1).rotate(180), other=grain(9))
    report = biomill.check_leakage(photos, held)
    assert {row["train"] for row in report.leaks.to_pylist() if row["decision"] == "leak"} == {"a.jpg", "b.jpg"}
    assert (report.state("leaked"), report.state("clean")) == (1, 1)
    main(["leakage", "check", "--train", str(photos), "--heldout", str(held), "-o", str(tmp_path / "out")])
    for name, table in (("leaks", report.leaks), ("items", report.items)):
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet").equals(table), name
    off = biomill.check_leakage(photos, held, distance=0, pair_distances=(-1, -1), review_distances=(-1, -1))
    assert off.count("leak") < report.count("leak")
