"""Same input, same bytes: in a second run and in another order of rows; test_killed_workers has workers and runners."""

from __future__ import annotations

from pathlib import Path

from manifests import load_recipe
from pipeline.demo import build_corpus, serve
from pipeline.demo.run import connected
from pipeline.run.driver import run
from tests.conftest import Demo, assert_same_run


def test_a_second_run_gives_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    run(demo.recipe, tmp_path / "out")
    assert_same_run(demo.out, tmp_path / "out")


def test_shuffled_source_rows_give_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    corpus = build_corpus(tmp_path / "shuffled", shuffle=5)
    with serve(corpus.folder) as server:
        run(connected(load_recipe(corpus.recipe), server.address), tmp_path / "out")
    assert_same_run(demo.out, tmp_path / "out")
