"""A run whose network is lost ends with status 3 and goes on, by the same command, as if nothing had been."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manifests import load_recipe
from pipeline.demo import Corpus
from pipeline.demo.web import HOSTS
from pipeline.run.driver import run
from tests.end_to_end.lost_network import inside, why_not

needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


def outcomes(out: Path) -> dict[str, tuple[str | None, int]]:
    paths = sorted((out / "fetch" / "media").glob("[!-]*.parquet"))
    return {
        row["image_id"]: (row["outcome"], row["attempts"]) for path in paths for row in pq.read_table(path).to_pylist()
    }


SETTINGS = (f"fetch.allow_private={json.dumps(HOSTS)}", "fetch.patience=2", "fetch.attempts=1")


@pytest.fixture(scope="module")
def screened(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that stands before its fetch."""
    out = tmp_path_factory.mktemp("screened") / "run"
    run(load_recipe(corpus.recipe, SETTINGS), out, until="screen")
    return out


@needs_namespaces
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_without_a_resolver_goes_on_by_the_same_command(
    corpus: Corpus, screened: Path, tmp_path: Path, workers: int
) -> None:
    for name in ("whole", "lost"):
        shutil.copytree(screened, tmp_path / name)

    def typed(name: str) -> list[str]:
        options = ["--until", "fetch", "--workers", str(workers), *(w for s in SETTINGS for w in ("--set", s))]
        return ["run", str(corpus.recipe), "-o", str(tmp_path / name), *options]

    whole, lost, after = inside(
        [typed("whole"), typed("lost"), typed("lost")], demo=str(corpus.folder), resolver_only=[0, 2]
    )
    assert whole["status"] == 0, whole["err"]
    assert lost["status"] == 3, lost["err"]
    assert "the network is lost: the resolver failed" in lost["err"]
    assert "images are still to be asked for" in lost["err"]
    assert f"go on:  biomill run {corpus.recipe}" in lost["err"]
    assert after["status"] == 0, after["err"]
    assert outcomes(tmp_path / "lost") == outcomes(tmp_path / "whole")
    assert any(outcome is None for outcome, _ in outcomes(tmp_path / "lost").values())
    shutil.rmtree(tmp_path)
