from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from manifests.recipe import Recipe, SourceSpec
from pipeline.demo import Corpus, build_corpus
from pipeline.demo.species import SPECIES, load_species
from pipeline.model.errors import StorageError
from pipeline.model.outcomes import Outcome
from tests.pipeline.demo.conftest import DemoRows

Truth = list[dict[str, str]]
PLANTED = {
    # outcome: how many times at least
    Outcome.MALFORMED_ROW: 2,
    Outcome.ORPHAN_MEDIA: 2,
    Outcome.NO_MEDIA: 3,
    Outcome.NO_URL: 2,
    Outcome.NO_BOX: 2,
    Outcome.BAD_BOX: 2,
    Outcome.REJECTED_LABEL: 2,
    Outcome.NON_ORGANISM: 2,
    Outcome.MERGED_BOX: 2,
    Outcome.DUPLICATE_RECORD: 2,
    Outcome.NOT_IMAGE: 2,
    Outcome.NOT_PRESENT: 2,
    Outcome.LEAK_ID: 5,
    Outcome.LICENCE_UNKNOWN: 3,
    Outcome.LICENCE_NOT_ALLOWED: 3,
    Outcome.NAME_UNRESOLVED: 4,
    Outcome.NAME_AMBIGUOUS: 2,
    Outcome.RANK_TOO_HIGH: 5,
    Outcome.BAD_URL: 2,
    Outcome.HOST_NOT_ALLOWED: 2,
    Outcome.MEDIA_LABEL_CONFLICT: 4,
    Outcome.SAME_MEDIUM: 7,
    Outcome.MISSING_FILE: 2,
    Outcome.GONE: 3,
    Outcome.BLOCKED: 2,
    Outcome.THROTTLED: 2,
    Outcome.HTTP_ERROR: 1,
    Outcome.TOO_MANY_REDIRECTS: 1,
    Outcome.SHORT_BODY: 1,
    Outcome.EMPTY: 1,
    Outcome.NOT_AN_IMAGE: 2,
    Outcome.UNSUPPORTED_FORMAT: 1,
    Outcome.TRUNCATED: 2,
    Outcome.TOO_MANY_PIXELS: 1,
    Outcome.TOO_SMALL: 2,
    Outcome.PLACEHOLDER: 15,
    Outcome.BOX_OUTSIDE: 1,
    Outcome.LEAK_BYTES: 4,
    Outcome.LEAK_HAMMING: 4,
    Outcome.LEAK_UNKNOWN: 3,
    Outcome.LABEL_CONFLICT: 4,
    Outcome.EXACT_DUPLICATE: 8,
    Outcome.NEAR_DUPLICATE: 6,
    Outcome.KEPT: 250,
}


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(folder: Path) -> dict[str, object]:
    """Every file as an order-free value: tables as multisets of rows, lists and archives as sets."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            continue
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    data = archive.read(member)
                    text = member.endswith((".txt", ".tab"))
                    found[f"{name}!{member}"] = Counter(data.split(b"\n")) if text else data
        elif path.suffix == ".tgz":
            with tarfile.open(path) as archive:
                text_of = {m: archive.extractfile(m).read().decode() for m in sorted(archive.getnames())}  # type: ignore[union-attr]
            rows = [tuple(row) for text in text_of.values() for row in csv.reader(io.StringIO(text, newline=""))]
            found[name] = Counter(rows)
            found[f"{name} headers"] = [text.startswith("EOL content ID") for text in text_of.values()]
        elif path.name == "images.json":
            images = json.loads(path.read_text("utf-8"))
            found[name] = {
                image["uuid"]: image | {"boundingBoxes": sorted(image["boundingBoxes"], key=lambda box: box["uuid"])}
                for image in images
            }
        elif path.suffix == ".csv":
            found[name] = Counter(path.read_bytes().split(b"\n"))
        else:
            found[name] = path.read_bytes()
    return found


def test_two_builds_are_the_same_bytes(corpus: Corpus, tmp_path: Path) -> None:
    again = build_corpus(tmp_path / "again")
    assert tree(again.folder) == tree(corpus.folder)


def test_shuffling_changes_the_order_of_every_table_and_no_content(corpus: Corpus, shuffled: Corpus) -> None:
    assert contents(shuffled.folder) == contents(corpus.folder)
    one, two = tree(corpus.folder), tree(shuffled.folder)
    assert {name.split("/")[0] for name in one if one[name] != two[name]} == {
        "gbif",
        "eol",
        "bioscan",
        "fathomnet",
        "benchmarks",
    }
    assert one["truth.csv"] == two["truth.csv"]


def test_another_seed_draws_other_pictures_of_the_same_rows(
    corpus: Corpus, truth: Truth, read_rows: Callable[[Corpus], DemoRows], tmp_path: Path
) -> None:
    other = build_corpus(tmp_path / "other", seed=18)
    with other.truth.open(encoding="utf-8", newline="") as file:
        outcomes = Counter(row["outcome"] for row in csv.DictReader(file))
    assert outcomes == Counter(row["outcome"] for row in truth)
    jpegs = {digest for name, digest in tree(corpus.www).items() if name.endswith(".jpg")}
    shared = jpegs & {digest for name, digest in tree(other.www).items() if name.endswith(".jpg")}
    assert len(shared) <= 8  # flat images, placeholders, pages called JPEGs and empty bodies hold nothing drawn


def test_every_input_row_has_exactly_one_expected_end(rows: DemoRows, truth: Truth) -> None:
    assert Counter((row.row_id, row.source) for row in rows) == Counter((t["row_id"], t["source"]) for t in truth)


def test_shuffled_rows_have_the_same_ids(
    rows: DemoRows, shuffled: Corpus, read_rows: Callable[[Corpus], DemoRows]
) -> None:
    assert Counter(row.row_id for row in read_rows(shuffled)) == Counter(row.row_id for row in rows)


def test_everything_a_curator_meets_is_planted(truth: Truth) -> None:
    counts = Counter(row["outcome"] for row in truth)
    assert {outcome.code: counts[outcome.code] for outcome in PLANTED if counts[outcome.code] < PLANTED[outcome]} == {}
    assert set(counts) == {outcome.code for outcome in PLANTED}


def test_each_source_has_its_share_of_rows(truth: Truth) -> None:
    counts = Counter(row["source"] for row in truth)
    assert counts["gbif"] > 180 and counts["eol"] > 70 and counts["bioscan"] > 50 and counts["fathomnet"] > 75


def test_duplicates_name_a_kept_row_and_leaks_a_held_out_file(corpus: Corpus, truth: Truth) -> None:
    kept = {row["row_id"] for row in truth if row["outcome"] == "kept"}
    ends = {row["row_id"]: row["outcome"] for row in truth}
    items = {path.name for path in (corpus.folder / "benchmarks" / "biota-heldout" / "images").iterdir()}
    for row in truth:
        if row["outcome"] in ("exact_duplicate", "near_duplicate"):
            assert row["other"] in kept
        elif row["outcome"] in ("same_medium", "merged_box"):
            assert row["other"] in ends
            assert ends[row["other"]] != "same_medium"
        elif row["outcome"] in ("leak_bytes", "leak_hamming"):
            assert row["other"] in items
        else:
            assert row["other"] == ""
    assert len(items) >= 20


def test_malformed_rows_stay_below_the_recipes_limit(corpus: Corpus, truth: Truth) -> None:
    limit = tomllib.loads(corpus.recipe.read_text("utf-8"))["limits"]["reject_percent"]
    total = Counter(row["source"] for row in truth)
    for source, broken in Counter(row["source"] for row in truth if row["outcome"] == "malformed_row").items():
        assert 100 * broken / total[source] < limit


def test_the_recipe_names_only_known_fields_and_existing_files(corpus: Corpus) -> None:
    recipe = tomllib.loads(corpus.recipe.read_text("utf-8"))
    assert set(recipe) <= {field.name for field in fields(Recipe)}
    for source in recipe["sources"]:
        assert set(source) <= {field.name for field in fields(SourceSpec)}
        for field in ("path", "hierarchy", "media"):
            assert (corpus.folder / source.get(field, ".")).exists()
    benchmark = recipe["benchmarks"][0]
    assert (corpus.folder / benchmark["path"]).is_dir() and (corpus.folder / benchmark["ids"]).is_file()


def test_the_recipe_passes_the_loader(corpus: Corpus) -> None:
    manifests = pytest.importorskip("manifests.loader", reason="no recipe loader in this checkout")
    recipe = manifests.load_recipe(corpus.recipe)
    assert [source.name for source in recipe.sources] == ["gbif", "eol", "bioscan", "fathomnet"]
    assert recipe.fetch.hosts == ("*.biota.test",) and "CC-BY-NC-ND" in recipe.licences.allow


def test_the_cast_is_some_forty_species_of_four_kingdoms_with_distinct_looks() -> None:
    cast = load_species()
    assert len(cast) == len(set(SPECIES)) >= 45
    assert {species.lineage[0] for species in cast.values()} == {"Animalia", "Plantae", "Fungi", "Chromista"}
    assert len({species.look for species in cast.values()}) == len(cast)


def test_a_used_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("keep me")
    with pytest.raises(StorageError, match="not empty"):
        build_corpus(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
