"""The biota to train on, through the whole pipeline: every row ends as its truth says, in the split that it says."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from manifests import BenchmarkSpec, load_recipe
from pipeline.catalog import open_catalog
from pipeline.catalog.closing import closing_lines
from pipeline.demo.tree import Biota, Parameters, build_biota
from pipeline.demo.tree.life_tree import SEEN, UNSEEN_GENERA, UNSEEN_SPECIES
from pipeline.demo.tree.tree_demo import run_tree_demo
from pipeline.engine.engine import EngineOptions
from pipeline.feed import Feed, Rules, View
from pipeline.model.errors import RunError
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.conftest import assert_same_run

PARAMETERS = Parameters(species=24, images=16, mislabelled_percent=4)
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")


@pytest.fixture(scope="module")
def biota(tmp_path_factory: pytest.TempPathFactory) -> Biota:
    return build_biota(tmp_path_factory.mktemp("tree") / "biota", 11, PARAMETERS)


@pytest.fixture(scope="module")
def out(biota: Biota, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tree") / "out"
    run(load_recipe(biota.recipe), out, options=EngineOptions(workers=1))
    return out


@pytest.fixture(scope="module")
def truth(biota: Biota) -> dict[str, dict[str, str]]:
    with biota.truth.open(encoding="utf-8", newline="") as file:
        return {row["row_id"]: row for row in csv.DictReader(file)}


def test_every_row_is_kept_under_its_label_with_its_lineage(out: Path, truth: dict[str, dict[str, str]]) -> None:
    with open_catalog(out) as con:
        assert con.execute("SELECT count(*) FROM ledger WHERE outcome <> 'kept'").fetchone() == (0,)
        rows = con.execute(
            "SELECT record_id, s.accepted_name, r.sex, r.life_stage, r.individual_key, r.location_key, r.event_year "
            "FROM samples s JOIN records r USING (record_id)"
        ).fetchall()
    assert {row[0] for row in rows} == truth.keys() and len(rows) == len(truth)
    for record_id, name, sex, stage, individual, location, year in rows:
        said = truth[record_id]
        assert name == said["label"]
        assert (sex.lower(), stage.lower(), individual) == (said["sex"], said["life_stage"], said["individual"])
        assert location.startswith("site-") and year == 2024


def test_a_run_that_holds_nothing_out_suggests_no_look_at_leaks(biota: Biota, out: Path) -> None:
    recipe = load_recipe(biota.recipe)
    assert not any("leaks" in line for line in closing_lines(out, out, recipe))
    held_out = replace(recipe, benchmarks=(BenchmarkSpec(name="b", path="b"),))
    assert [line for line in closing_lines(out, out, held_out) if "FROM leaks" in line]


def test_splits_are_what_the_tree_promises(out: Path, truth: dict[str, dict[str, str]]) -> None:
    with open_catalog(out) as con:
        rows = con.execute("SELECT record_id, split, accepted_name, genus, family FROM samples").fetchall()
    role_of = {row["species"]: row["role"] for row in truth.values()}
    held: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    individuals: dict[str, set[str]] = defaultdict(set)
    for record_id, split, name, genus, family in rows:
        assert split in ({"train", "val"} if role_of[name] == SEEN else {role_of[name]})
        held[split].add((name, genus, family))
        individuals[truth[record_id]["individual"]].add(split)
    species, genera, families = (
        {split: {each[level] for each in found} for split, found in held.items()} for level in range(3)
    )
    counts = Counter(role_of.values())
    assert (counts[UNSEEN_SPECIES], counts[UNSEEN_GENERA]) == (5, 4)
    assert {split: len(found) for split, found in species.items()} == {
        "train": counts[SEEN],
        "val": counts[SEEN],
        UNSEEN_SPECIES: counts[UNSEEN_SPECIES],
        UNSEEN_GENERA: counts[UNSEEN_GENERA],
    }
    assert not species[UNSEEN_SPECIES] & species["train"] and genera[UNSEEN_SPECIES] <= genera["train"]
    assert not genera[UNSEEN_GENERA] & genera["train"] and families[UNSEEN_GENERA] <= families["train"]
    assert all(len(found) == 1 for found in individuals.values()), "an individual is trained on and tested with"


def test_captions_have_the_lineage_and_never_a_variant(out: Path, truth: dict[str, dict[str, str]]) -> None:
    manifest = Feed(str(out), Rules(batch=8), View()).manifest
    texts = [
        getattr(manifest.captions(number), kind).lower()
        for number in range(len(manifest.names))
        for kind in ("sci", "com", "taxon", "sci_com", "taxon_com")
    ]
    assert texts
    variants = {word for row in truth.values() for word in (row["sex"], row["life_stage"], row["individual"])}
    assert variants >= {"female", "male", "adult", "juvenile"}
    words = {word.strip(".") for text in texts for word in text.split()}
    assert not words & variants
    common = [manifest.captions(number).com for number in range(len(manifest.names))]
    assert all(len(text.split()) == 4 for text in common), "a common name is one word of its own"
    assert len(set(common)) == len(common)
    labels = {row["label"].lower() for row in truth.values() if row["role"] == SEEN}
    assert all(any(label in text for text in texts) for label in labels)


def test_the_run_keeps_all_its_promises(out: Path) -> None:
    assert [check for check in verify(out) if not check.ok] == []


def test_other_workers_and_another_order_give_the_same_run(out: Path, tmp_path: Path) -> None:
    shuffled = build_biota(tmp_path / "biota", 11, PARAMETERS, shuffle=4)
    run(load_recipe(shuffled.recipe), tmp_path / "out", options=EngineOptions(workers=2))
    assert_same_run(out, tmp_path / "out")


def test_the_demo_draws_once_and_refuses_a_folder_of_other_arguments(tmp_path: Path) -> None:
    asked = Parameters(species=4, images=4, side=48)
    for _ in range(2):
        for _ in run_tree_demo(tmp_path, 3, asked, 0, "ingest", EngineOptions(workers=1)):
            pass
    package = tmp_path / "corpus" / "camtrap-dp" / "biota.zip"
    before = package.stat().st_mtime_ns
    assert (tmp_path / "run" / "ingest" / "_done.json").is_file()
    with pytest.raises(RunError, match="images 5, found 4"):
        list(run_tree_demo(tmp_path, 3, replace(asked, images=5), 0, "ingest", EngineOptions(workers=1)))
    assert package.stat().st_mtime_ns == before
