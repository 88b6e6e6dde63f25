"""Benchmarks that are held out: as a folder, as a hash list, and with images that cannot be read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dedup import write_hash_list
from manifests import BenchmarkSpec, RecipeError
from pipeline.catalog import open_catalog
from pipeline.run.driver import run
from pipeline.storage.run_folder import STAGES
from pipeline.verify import verify
from tests.conftest import Demo


def leaks(out: Path) -> list[tuple[str, str]]:
    with open_catalog(out) as con:
        return con.execute("SELECT row_id, outcome FROM ledger WHERE outcome LIKE 'leak%' ORDER BY ALL").fetchall()


@pytest.fixture
def copy(demo: Demo, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo.out, tmp_path / "copy"))


def test_a_hash_list_holds_out_what_its_images_would(demo: Demo, copy: Path, tmp_path: Path) -> None:
    """As Parquet; as CSV it is the same list."""
    items = pa.concat_tables([pq.read_table(p) for p in sorted((demo.out / "holdout" / "items").glob("*.parquet"))])
    held = []
    for suffix, until in (("csv", "holdout"), ("parquet", STAGES[-1])):
        path = tmp_path / f"heldout.{suffix}"
        write_hash_list(path, items)
        benchmark = replace(demo.recipe.benchmarks[0], path=str(path))
        run(replace(demo.recipe, benchmarks=(benchmark,)), copy, until)
        held.append(pq.read_table(copy / "holdout" / "items").to_pylist())
    assert held[0] == held[1]
    assert leaks(copy) == leaks(demo.out)
    assert len({outcome for _, outcome in leaks(copy)}) == 4
    assert all(check.ok for check in verify(copy))


def test_a_held_out_image_that_cannot_be_read_is_listed_as_not_covered(demo: Demo, copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    shutil.copytree(demo.recipe.benchmarks[0].path, folder)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    (folder / "notes.txt").write_text("not an image, and not one of the set")
    run(replace(demo.recipe, benchmarks=(replace(demo.recipe.benchmarks[0], path=str(folder)),)), copy)
    with open_catalog(copy) as con:
        rows = con.execute("SELECT item, outcome, hashed FROM benchmarks WHERE NOT hashed").fetchall()
    assert [(item, hashed) for item, _, hashed in rows] == [("broken.jpg", False)]
    assert rows[0][1]
    assert leaks(copy) == leaks(demo.out)
    said = next(check for check in verify(copy) if check.name == "leakage")
    assert said.ok
    assert "1 held-out items have no usable hash" in said.detail


def test_a_benchmark_folder_without_images_is_an_error_not_an_empty_promise(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    benchmark = BenchmarkSpec("nothing", str(tmp_path / "empty"))
    with pytest.raises(RecipeError, match="no images"):
        run(replace(demo.recipe, benchmarks=(benchmark,)), tmp_path / "out")


def test_ids_without_a_known_column_are_an_error(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("photo\n1\n")
    benchmark = replace(demo.recipe.benchmarks[0], ids=str(tmp_path / "ids.csv"))
    with pytest.raises(RecipeError, match="media_key"):
        run(replace(demo.recipe, benchmarks=(benchmark,)), tmp_path / "out")
