from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from tests.conftest import Demo


def test_originals_are_kept_on_request_and_named_by_their_content(demo: Demo, tmp_path: Path) -> None:
    recipe = replace(demo.recipe, image=replace(demo.recipe.image, originals=True))
    run(recipe, tmp_path / "out", until="fetch", options=EngineOptions())
    rows = pq.read_table(tmp_path / "out/fetch/media").to_pylist()
    stored = {row["sha256"] for row in rows if row["outcome"] is None and row["sha256"]}
    files = [path for path in (tmp_path / "out/fetch/originals").rglob("*") if path.is_file()]
    assert {path.stem for path in files} == stored and stored
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.stem for path in files)
    assert not (demo.out / "fetch/originals").exists()
