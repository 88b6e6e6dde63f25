"""Leaks and duplicates, searched again among what was kept, by the exact join and not by what likeness wrote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from dedup import find_leaks, pairs_within
from pipeline.errors import VerifyError
from pipeline.run.folder import RunFolder
from pipeline.stages.likeness import load_held_out
from pipeline.verify.check import Run


def _kept_hashes(folder: RunFolder) -> tuple[list[str], list[str], npt.NDArray[np.uint8]]:
    """Give id, source digest and PDQ of every image that a shard holds, read from fetch's own table."""
    kept = set(pq.read_table(folder.stage("shards") / "manifest.parquet", columns=["image_id"]).column(0).to_pylist())
    media = pq.read_table(folder.stage("fetch") / "media", columns=["image_id", "sha256", "pdq"]).sort_by("image_id")
    rows = [row for row in media.to_pylist() if row["image_id"] in kept]
    packed = np.frombuffer(b"".join(row["pdq"] for row in rows), dtype=np.uint8).reshape(-1, 32)
    return [row["image_id"] for row in rows], [row["sha256"] for row in rows], packed


def leakage(run: Run) -> str:
    """No kept image lies within the leak distance of a held-out one, or has its bytes; found by the exact join."""
    folder, recipe = run.folder, run.recipe
    if not recipe.benchmarks:
        return "no benchmark is held out"
    items = folder.stage("holdout") / "items"
    held = load_held_out(items, recipe.likeness.minimum_quality)
    images, digests, packed = _kept_hashes(folder)
    leaks = find_leaks(packed, np.full(len(packed), 100), held, recipe.likeness.leak_distance)
    if len(leaks.train):
        raise VerifyError(
            f"{len(leaks.train)} kept images leak, such as {images[int(leaks.train[0])]} "
            f"({held.item[int(leaks.held_out[0])]} at distance {int(leaks.distance[0])})"
        )
    table = pq.read_table(items)
    known = set(table.column("sha256").to_pylist()) - {None}
    same = [image for image, digest in zip(images, digests, strict=True) if digest in known]
    if same:
        raise VerifyError(f"{len(same)} kept images have the bytes of a held-out one, such as {same[0]}")
    uncovered = table.num_rows - len(held)
    return (
        f"{len(images):,} kept images and {len(held):,} held-out ones: none within Hamming distance "
        f"{recipe.likeness.leak_distance}; {uncovered} held-out items have no usable hash and are covered by bytes and "
        "id only"
    )


def duplicates(run: Run) -> str:
    """No two kept images lie within the duplicate distance, but different animals in one frame."""
    folder, con, recipe = run.folder, run.con, run.recipe
    images, _, packed = _kept_hashes(folder)
    pairs = pairs_within(packed, recipe.likeness.duplicate_distance)
    taxon = dict(con.execute("SELECT image_id, accepted_id FROM samples").fetchall())
    frame = dict(con.execute("SELECT image_id, media_id FROM media").fetchall())
    low = {
        row[0]
        for row in con.execute(
            f"SELECT image_id FROM media WHERE quality < {recipe.likeness.minimum_quality}"
        ).fetchall()
    }
    for a, b in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True):
        one, two = images[a], images[b]
        if one in low or two in low or (frame[one] == frame[two] and taxon[one] != taxon[two]):
            continue
        raise VerifyError(f"two kept images are alike: {one} and {two}")
    return f"{len(images):,} kept images, none within Hamming distance {recipe.likeness.duplicate_distance} of another"
