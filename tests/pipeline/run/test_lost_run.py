"""A run whose network is lost ends with status 3 and goes on, by the same command, as if nothing had been."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.demo import build_corpus
from pipeline.demo.web import HOSTS
from pipeline.errors import NetworkLostError
from pipeline.run.engine import explain_failure
from tests.pipeline.media.lost_network import inside, why_not

needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


def outcomes(run: Path) -> dict[str, tuple[str | None, int]]:
    paths = sorted((run / "fetch" / "media").glob("[!-]*.parquet"))
    return {
        row["image_id"]: (row["outcome"], row["attempts"]) for path in paths for row in pq.read_table(path).to_pylist()
    }


@needs_namespaces
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_without_a_resolver_goes_on_by_the_same_command(tmp_path: Path, workers: int) -> None:
    corpus = build_corpus(tmp_path / "corpus")

    def typed(name: str) -> list[str]:
        settings = [f"fetch.allow_private={json.dumps(HOSTS)}", "fetch.patience=2", "fetch.attempts=1"]
        options = ["--until", "fetch", "--workers", str(workers), *(w for s in settings for w in ("--set", s))]
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


def test_a_lost_network_survives_beams_wrapping() -> None:
    error = NetworkLostError("the network is lost: the route failed", where="a.org: no route", remedy="mend it")
    found = explain_failure(
        f"Traceback\nRuntimeError: pipeline.errors.NetworkLostError: {error} [while running 'x']", "fetch"
    )
    assert isinstance(found, NetworkLostError)
    assert (found.what, found.where, found.remedy) == (error.what, error.where, error.remedy)
