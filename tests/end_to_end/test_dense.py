"""The whole run decides alike whether near images are folded as a dense group first or joined pair by pair."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.catalog import open_catalog
from pipeline.judgement import alike
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.conftest import Demo


def test_the_demo_ends_alike_when_all_its_near_images_are_dense_groups(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(demo.out, tmp_path / "copy"))
    monkeypatch.setattr(alike, "dense_rows", lambda hashes, distance: np.ones(len(hashes), np.bool_))
    recipe = demo.recipe
    smaller = replace(recipe.limits, memory_mb=recipe.limits.memory_mb // 2)
    run(replace(recipe, limits=smaller), copy)
    assert len(list((copy / "likeness" / "shown").glob("*.npy"))) == 1
    assert pq.read_table(copy / "likeness" / "pairs").num_rows < pq.read_table(demo.out / "likeness" / "pairs").num_rows
    said = []
    for out in (demo.out, copy):
        with open_catalog(out) as con:
            said.append(con.execute("SELECT row_id, outcome, other_id FROM ledger ORDER BY ALL").fetchall())
    assert said[0] == said[1]
    assert all(check.ok for check in verify(copy))
