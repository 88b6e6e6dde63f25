"""Same input, same bytes: whatever the runner, the workers, and the order of rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import load_recipe
from pipeline.demo import build_corpus, serve
from pipeline.demo.run import connected
from pipeline.run.driver import run
from pipeline.run.engine import EngineOptions
from tests.conftest import Demo, assert_same_run


def test_a_second_run_gives_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    run(demo.recipe, tmp_path / "out")
    assert_same_run(demo.out, tmp_path / "out")


def test_shuffled_source_rows_give_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    corpus = build_corpus(tmp_path / "shuffled", shuffle=5)
    with serve(corpus.folder) as server:
        run(connected(load_recipe(corpus.recipe), server.address), tmp_path / "out")
    assert_same_run(demo.out, tmp_path / "out")


@pytest.mark.parametrize(
    "options",
    [EngineOptions(workers=2), EngineOptions(runner="portable")],
    ids=["two worker processes", "job service and SDK workers apart"],
)
def test_another_runner_gives_the_same_bytes(demo: Demo, tmp_path: Path, options: EngineOptions) -> None:
    run(demo.recipe, tmp_path / "out", options=options)
    assert_same_run(demo.out, tmp_path / "out")
