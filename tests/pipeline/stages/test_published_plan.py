"""Units read a release that was published as they read it on the disk where it was cut."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from manifests import Recipe, load_recipe
from manifests.recipe import SourceSpec
from pipeline.demo.corpus import build_corpus
from pipeline.model.errors import StorageError
from pipeline.sources import open_source
from pipeline.sources.inat.biotrove import COLUMNS
from pipeline.sources.release.base import Release
from pipeline.stages.ingest import Unit, ingest_planned
from pipeline.stages.planned import read_planned
from pipeline.stages.published_plan import plan_before, published_plan
from pipeline.stages.reading import plan_release
from pipeline.storage.files.atomic import write_table
from pipeline.storage.places import Place, RemotePath, matching
from pipeline.storage.places.publisher import FOLDER, Publisher

SPLIT_BYTES = 9_000


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    corpus = tmp_path_factory.mktemp("published") / "corpus"
    build_corpus(corpus, seed=17, shuffle=0)
    return load_recipe(corpus / "recipe.toml")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemotePath:
    monkeypatch.setenv("BIOMILL_CACHE", str(tmp_path / "cache"))
    read_planned.cache_clear()
    return RemotePath.of(f"memory://{uuid.uuid4().hex}/run")


def in_turn(units: Sequence[Unit], work: Callable[[Unit], None]) -> None:
    for unit in units:
        work(unit)


def tables(folder: Place) -> dict[str, bytes]:
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for part in ("records", "ledger")
        for path in matching(folder / part, "*.parquet")
    }


def releases(recipe: Recipe) -> list[Release]:
    return [open_source(spec.kind).inspect(spec) for spec in recipe.sources]


def test_records_are_those_of_the_disk_when_its_files_are_gone(recipe: Recipe, run: RemotePath, tmp_path: Path) -> None:
    ingest_planned(
        [plan_release(each, tmp_path / "disk", SPLIT_BYTES) for each in releases(recipe)], tmp_path / "disk", in_turn
    )
    folder, publisher = run / "ingest", Publisher(run)
    unpacked = [plan_release(each, folder, SPLIT_BYTES, tmp_path / "driver") for each in releases(recipe)]
    published = [published_plan(each, publisher) for each in unpacked]
    assert sum(len(each.plan.splits) for each in published) > 12
    (tmp_path / "away").mkdir()
    moved: list[tuple[Path, Path]] = []
    for each in unpacked:
        for path in sorted({split.path for split in each.plan.splits} | {each.release.facts["spool"]}):
            if Path(path).exists():
                moved.append((Path(path), tmp_path / "away" / uuid.uuid4().hex))
                Path(path).rename(moved[-1][1])
    try:
        ingest_planned(published, folder, in_turn)
    finally:
        for there, here in reversed(moved):
            here.rename(there)
    assert tables(folder) == tables(tmp_path / "disk")
    found = [plan_before(folder, each.release.spec.name, Publisher(run)) for each in published]
    assert found == published


def test_a_plan_of_which_a_piece_is_gone_is_made_again(recipe: Recipe, run: RemotePath, tmp_path: Path) -> None:
    folder, release = run / "ingest", releases(recipe)[0]
    published = published_plan(plan_release(release, folder, SPLIT_BYTES, tmp_path / "driver"), Publisher(run))
    ingest_planned([published], folder, in_turn)
    gone = published.pieces[-1].piece
    (run / FOLDER / gone.sha256).unlink()
    assert plan_before(folder, release.spec.name, Publisher(run)) is None
    assert plan_before(folder, release.spec.name, None) == published  # nobody here could publish it
    for path in matching(folder / "ledger", "*.parquet"):
        path.unlink()
    for path in matching(folder / "spool", "*.arrow"):
        path.unlink()
    with pytest.raises(StorageError, match="a published input is not there"):
        ingest_planned([published], folder, in_turn)
    publisher = Publisher(run)
    assert published_plan(plan_release(release, folder, SPLIT_BYTES, tmp_path / "driver"), publisher) == published
    assert publisher.uploads == 1


def test_a_damaged_split_is_an_error_and_no_rows(recipe: Recipe, run: RemotePath, tmp_path: Path) -> None:
    folder, release = run / "ingest", releases(recipe)[1]
    published = published_plan(plan_release(release, folder, SPLIT_BYTES, tmp_path / "driver"), Publisher(run))
    broken = run / FOLDER / published.pieces[0].piece.sha256
    broken.write_bytes(broken.read_bytes().replace(b",", b";", 1))
    with pytest.raises(StorageError, match="other bytes than it was published with"):
        ingest_planned([published], folder, in_turn)


def test_a_parquet_release_is_one_object(run: RemotePath, tmp_path: Path) -> None:
    path = tmp_path / "biotrove" / "part 1.parquet"
    table = pa.table({name: [f"{name} {row}" for row in range(50)] for name in COLUMNS})
    write_table(path, table, row_group_size=7)
    release = open_source("biotrove").inspect(SourceSpec("b", "biotrove", str(path.parent)))
    published = published_plan(plan_release(release, run / "ingest", 700, tmp_path / "driver"), Publisher(run))
    assert len(published.plan.splits) > 1 and all(each.whole for each in published.pieces)
    assert len({each.piece for each in published.pieces}) == 1
    ingest_planned([plan_release(release, tmp_path / "disk", 700)], tmp_path / "disk", in_turn)
    path.rename(tmp_path / "away")
    ingest_planned([published], run / "ingest", in_turn)
    assert tables(run / "ingest") == tables(tmp_path / "disk")
