"""Sets of vectors beside a copy of the demo's run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.catalog import open_catalog
from pipeline.embed.vector_files import DONE, folder_of, part_name, write_part
from pipeline.evaluate.measures.vectors import Vectors
from pipeline.storage.files.atomic import write_json
from tests.conftest import Demo


def copied(demo: Demo, folder: Path) -> tuple[Path, list[str]]:
    """Return a copy of the run, and its keys, ascending."""
    shutil.copytree(demo.out, folder / "run")
    with open_catalog(folder / "run") as con:
        keys = con.execute("SELECT key FROM samples ORDER BY key").fetchall()
    return folder / "run", [key for (key,) in keys]


def unit(rows: int, width: int, seed: int = 0) -> Vectors:
    found = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def write_set(run: Path, name: str, keys: Sequence[str], vectors: Vectors, part: int = 37) -> Path:
    """Write a finished set, in parts of so many, as `biomill embed` does."""
    folder = Path(str(folder_of(run, name)))
    for number, start in enumerate(range(0, len(keys), part)):
        write_part(folder / part_name(number), keys[start : start + part], name, vectors[start : start + part])
    facts = {"model": name, "width": vectors.shape[1], "pictures": len(keys), "digest": "", "weights": "w"}
    write_json(folder / DONE, {**facts, "preprocessing": "p"})
    return folder
