"""Evidence of a finished run as pictures: leaking pairs and clusters, from the images that the run fetched."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
from PIL import Image

from pipeline.catalog import open_catalog
from pipeline.likeness.sheets import MAX_ROWS, Row, thumbnail_picture, write_sheets
from pipeline.likeness.stored import stored_image
from pipeline.media import Processed
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import Place
from pipeline.storage.run_folder import DiskRunFolder, on_disk
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


class _Pictures:
    """Gives the picture of a record's stored image, or of a held-out item ('held-out: BENCHMARK/ITEM')."""

    def __init__(self, folder: DiskRunFolder, con: duckdb.DuckDBPyConnection) -> None:
        self._blobs = folder.images / "fetch" / "blobs"
        self._con = con
        items = read_table(folder.stage("holdout") / "items", columns=["benchmark", "item", "thumbnail"]).to_pylist()
        self._items = {f"held-out: {row['benchmark']}/{row['item']}": row["thumbnail"] for row in items}

    def __call__(self, name: str) -> Image.Image | None:
        if name in self._items:
            return thumbnail_picture(self._items[name])
        found = self._con.execute(
            _SQL("blob"),
            [name],
        ).fetchall()
        image = stored_image(self._blobs, *found[0]) if found else None
        return None if isinstance(image, Processed) else image


def run_sheets(root: Place, out: Path) -> list[Path]:
    """Write `leaks.html` (training image and held-out image side by side) and `clusters.html` of a run.

    Rows are sorted by decision, distance and id, and cut at MAX_ROWS; held-out images are shown by their thumbnails.
    """
    folder = on_disk(root)
    with open_catalog(folder.root) as con:
        pictures = _Pictures(folder, con)
        leaks = []
        for record, benchmark, item, rule, distance, variant, phash, outcome in con.execute(
            _SQL("leaks", most=MAX_ROWS)
        ).fetchall():
            said = f"{rule}, distance {distance}, variant {variant}" + (f", pHash {phash}" if phash >= 0 else "")
            pair = ((record, outcome), (f"held-out: {benchmark}/{item}", said))
            leaks.append(Row(f"{record}: {outcome}", pair))
        clusters: dict[str, list[tuple[str, str]]] = {}
        for cluster, record, outcome, evidence in con.execute(_SQL("clusters")).fetchall():
            proof = json.loads(evidence) if evidence else {}
            said = ", ".join([outcome, *(f"{key} {proof[key]}" for key in sorted(proof) if key != "rule")])
            clusters.setdefault(cluster, []).append((record, said))
        rows = [Row(f"{name}: {len(inside)} records", tuple(inside)) for name, inside in clusters.items()]
        return [
            *write_sheets(out, "leaks", "Training image | held-out image", leaks, pictures),
            *write_sheets(out, "clusters", "Images that are alike", rows, pictures),
        ]
