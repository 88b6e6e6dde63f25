"""Weights go both ways between `biomill train` and open_clip, and their models train in ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracles.environment import ROOT, ran
from tests.train.drawn import write_dataset

NEEDS = ("torch", "open_clip", "fsspec", "numpy", "pyarrow", "duckdb", "PIL")
SCRIPT = str(Path(__file__).with_name("open_clip_weights.py"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("drawn") / "shards")


def test_weights_go_both_ways_and_others_are_refused(drawn: Path, tmp_path: Path) -> None:
    said = ran([SCRIPT, str(drawn), str(tmp_path)], NEEDS)
    assert said.strip().splitlines() == [
        "ours in open_clip: the same features",
        "open_clip's in ours: the same features",
        "stopped and gone on: the same weights",
        "replay goes on bit for bit, and open_clip loads the model alone",
        "a vision transformer, a ResNet and a trunk of timm have two projections of one trunk",
        "a model without a projection: refused",
        "weights of another architecture: refused",
        "a model that is none: refused",
    ]
    assert (ROOT / "pipeline" / "train").is_dir()
