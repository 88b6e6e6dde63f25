"""Run folders as fetch leaves them, of any number of images and without their pictures, for likeness to decide."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from dedup import HASH_LIST_SCHEMA
from manifests import load_recipe
from pipeline.demo import generate_records
from pipeline.model.records import ENDED_SCHEMA
from pipeline.stages.base import Context
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import write_json, write_table
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
NAMES = 4000


def arrived(root: Path, count: int) -> Context:
    """Write what likeness reads of a run with so many images; the same count gives the same rows."""
    with tempfile.TemporaryDirectory() as bulk:
        recipe = load_recipe(generate_records(Path(bulk), 8))
    folder = RunFolder(root)
    picture = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(picture, "JPEG")
    blobs = folder.stage("fetch") / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "all.bin").write_bytes(picture.getvalue())
    write_table(folder.stage("holdout") / "items" / "part.parquet", HASH_LIST_SCHEMA.empty_table())
    write_table(folder.stage("fetch") / "ledger" / "part.parquet", ENDED_SCHEMA.empty_table())
    with sql.connect(recipe.limits.memory_mb, root) as con:
        con.execute(_SQL("images", count=count))
        candidates = _SQL("candidates", names=NAMES)
        media = _SQL("media", length=len(picture.getvalue()))
        for path, query in (
            ("fetch/media", f"SELECT * EXCLUDE (source) FROM ({media})"),
            ("screen/candidates", f"{candidates} ORDER BY record_id"),
            ("fetch/arrived", f"SELECT record_id, source, image_id, media_id FROM ({candidates}) ORDER BY record_id"),
            ("resolve/names", _SQL("names", names=NAMES)),
        ):
            (root / path).mkdir(parents=True, exist_ok=True)
            sql.copy(con, query, root / path / "part.parquet")
    write_json(folder.plan("likeness"), {"digest": "", "outputs": []})
    return Context(recipe, folder, print)
