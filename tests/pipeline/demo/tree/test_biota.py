"""A biota on disk: the same bytes for the same arguments, a package that says what was drawn, and a true table."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tomllib
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from manifests import load_recipe
from pipeline.demo.tree import Biota, Parameters, build_biota
from pipeline.demo.tree.life_tree import SEEN, UNSEEN_GENERA, UNSEEN_SPECIES, grow_tree
from pipeline.model.errors import StorageError

SMALL = Parameters(species=24, images=16, side=48, mislabelled_percent=10)
ARCHIVE = "camtrap-dp/biota.zip"


@pytest.fixture(scope="module")
def biota(tmp_path_factory: pytest.TempPathFactory) -> Biota:
    return build_biota(tmp_path_factory.mktemp("tree") / "biota", 5, SMALL)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def members(biota: Biota) -> tuple[dict[str, bytes], dict[str, list[dict[str, str]]]]:
    """Return the package's files, and its three tables."""
    with zipfile.ZipFile(biota.folder / ARCHIVE) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    names = ("deployments", "media", "observations")
    return files, {name: list(csv.DictReader(io.StringIO(files[f"{name}.csv"].decode()))) for name in names}


def test_the_same_arguments_give_the_same_bytes(biota: Biota, tmp_path: Path) -> None:
    assert digests(build_biota(tmp_path / "again", 5, SMALL).folder) == digests(biota.folder)
    other = digests(build_biota(tmp_path / "other", 6, SMALL).folder)
    assert not {name for name, digest in digests(biota.folder).items() if other.get(name) == digest}


def test_a_shuffled_package_has_the_same_content_in_another_order(biota: Biota, tmp_path: Path) -> None:
    shuffled = build_biota(tmp_path / "shuffled", 5, SMALL, shuffle=3)
    (files, tables), (theirs, their_tables) = members(biota), members(shuffled)
    assert list(files) != list(theirs)
    assert {name: data for name, data in files.items() if not name.endswith(".csv")} == {
        name: data for name, data in theirs.items() if not name.endswith(".csv")
    }
    for name, rows in tables.items():
        assert sorted(map(str, rows)) == sorted(map(str, their_tables[name]))
    assert tables["observations"] != their_tables["observations"]
    assert {k: v for k, v in digests(biota.folder).items() if k != ARCHIVE} == {
        k: v for k, v in digests(shuffled.folder).items() if k != ARCHIVE
    }


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="not empty"):
        build_biota(tmp_path, 5, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_truth_has_a_row_for_every_picture_and_the_records_agree_with_it(biota: Biota) -> None:
    files, tables = members(biota)
    truth = {row["media_key"]: row for row in table(biota.truth)}
    observed = {row["mediaID"]: row for row in tables["observations"]}
    assert len(truth) == 24 * 16 and truth.keys() == observed.keys()
    for medium in tables["media"]:
        row, seen = truth[medium["mediaID"]], observed[medium["mediaID"]]
        said = (seen["scientificName"], seen["sex"], seen["lifeStage"], seen["individualID"])
        assert said == (row["label"], row["sex"], row["life_stage"], row["individual"])
        assert Image.open(io.BytesIO(files[medium["filePath"]])).size == (48, 48)
        # Neither a path nor an id tells what is in the picture.
        assert not any(word.lower() in str(medium).lower() for word in row["species"].split())
    pictures = [hashlib.sha256(files[row["filePath"]]).digest() for row in tables["media"]]
    assert len(set(pictures)) == len(pictures)


def test_labels_are_wrong_where_the_truth_says_so_and_only_among_trained_species(biota: Biota) -> None:
    rows = table(biota.truth)
    roles = {row["species"]: row["role"] for row in rows}
    wrong = [row for row in rows if row["species"] != row["label"]]
    trained = sum(role == SEEN for role in roles.values()) * 16
    assert len(wrong) == round(trained * 0.1)
    assert all(roles[row["species"]] == roles[row["label"]] == SEEN for row in wrong)
    assert [row["note"] for row in wrong] == ["mislabelled"] * len(wrong)
    assert all(not row["note"] for row in rows if row["species"] == row["label"])
    near = sum(row["species"].split()[0] == row["label"].split()[0] for row in wrong)
    assert 0 < near < len(wrong)


def test_individuals_have_one_sex_and_stage_and_all_four_kinds_are_in_every_species(biota: Biota) -> None:
    kinds: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    combinations: dict[str, set[tuple[str, str]]] = defaultdict(set)
    times: Counter[str] = Counter()
    for row in table(biota.truth):
        kinds[row["individual"]].add((row["species"], row["sex"], row["life_stage"]))
        combinations[row["species"]].add((row["sex"], row["life_stage"]))
        times[row["individual"]] += 1
    assert all(len(found) == 1 for found in kinds.values())
    assert all(len(found) == 4 for found in combinations.values())
    assert set(times.values()) == {2}


def test_without_variants_no_record_states_sex_or_stage(tmp_path: Path) -> None:
    plain = build_biota(tmp_path / "plain", 5, Parameters(species=4, images=4, side=48, variants=False))
    assert {(row["sex"], row["life_stage"]) for row in table(plain.truth)} == {("", "")}


def test_places_and_times_do_not_tell_the_species(biota: Biota) -> None:
    _, tables = members(biota)
    cameras: dict[str, set[str]] = defaultdict(set)
    for row in tables["observations"]:
        cameras[row["scientificName"]].add(row["deploymentID"])
    assert all(len(found) >= 6 for found in cameras.values())


def test_the_taxonomy_holds_the_whole_tree_and_the_package_its_lineages(biota: Biota) -> None:
    tree = grow_tree(5, SMALL)
    rows = {row["taxonID"]: row for row in table(biota.taxonomy, "\t")}
    assert len(rows) == sum(map(len, tree.taxa))
    files, _ = members(biota)
    listed: Any = {item["scientificName"]: item for item in json.loads(files["datapackage.json"])["taxonomic"]}
    for number, species in enumerate(tree.species):
        lineage, row = [], next(row for row in rows.values() if row["scientificName"] == species.name)
        assert row["vernacularName"] == listed[species.name]["vernacularNames"]["eng"] == species.common
        assert all(row[rank] == listed[species.name][rank] for rank in ("kingdom", "order", "genus"))
        while row:
            lineage.append(row["scientificName"])
            row = rows.get(row["parentNameUsageID"], {})
        assert tuple(reversed(lineage)) == tree.lineage(number)


def test_lists_name_what_is_unseen_and_shares_are_theirs(biota: Biota) -> None:
    tree, recipe = grow_tree(5, SMALL), load_recipe(biota.recipe)
    listed = {
        split.name: {row["taxon"] for row in table(Path(split.keys))} for split in recipe.splits or () if split.keys
    }
    assert listed == {
        role: {tree.species[number].name for number in tree.of_role(role)} for role in (UNSEEN_SPECIES, UNSEEN_GENERA)
    }
    for split in recipe.splits or ():
        if split.name in listed:
            assert split.percent == pytest.approx(100 * len(listed[split.name]) / 24, abs=1e-5)


def test_a_biota_without_anything_unseen_has_two_splits(tmp_path: Path) -> None:
    one = build_biota(tmp_path / "one", 5, Parameters(species=1, images=4, side=48))
    recipe = tomllib.loads(one.recipe.read_text("utf-8"))
    assert [split["name"] for split in recipe["splits"]] == ["train", "val"]
    assert not (one.folder / "splits").exists()
    load_recipe(one.recipe)
