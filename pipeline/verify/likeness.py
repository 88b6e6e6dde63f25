"""Leaks and duplicates, searched again among what was kept, by the exact join and not by what likeness wrote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup import MINIMUM_BUDGET, key_ranges, plan_bands, range_pairs
from pipeline.errors import VerifyError
from pipeline.likeness.certificate import certify
from pipeline.likeness.stored import PLACE_SCHEMA, Stored
from pipeline.likeness.verification import Int, residuals_at, verified
from pipeline.run.folder import RunFolder
from pipeline.verify.check import Run


def _kept_images(folder: RunFolder) -> pa.Table:
    """Give id, hash, quality and place of every image that a shard holds, read from fetch's own table."""
    kept = pq.read_table(folder.stage("shards") / "manifest.parquet", columns=["image_id"]).column(0).unique()
    columns = ["image_id", "media_id", "pdq", "quality", *PLACE_SCHEMA.names]
    media = pq.read_table(folder.stage("fetch") / "media", columns=columns)
    return media.filter(pc.is_in(media["image_id"], kept)).sort_by("image_id")


def leakage(run: Run) -> str:
    """Every sentence of the certificate holds: the search is made again, with canaries and a brute-force audit."""
    said = list(certify(run.folder.root, run.con))
    broken = [part.sentence for part in said if not part.holds]
    if broken:
        raise VerifyError("; ".join(broken))
    return "; ".join(part.sentence for part in said)


def duplicates(run: Run) -> str:
    """No two kept images lie within the duplicate distance and verify, but different animals in one frame."""
    kept, rules = _kept_images(run.folder), run.recipe.likeness
    telling = kept.filter(pc.greater_equal(kept["quality"], rules.minimum_quality))
    images, frame = telling["image_id"].to_pylist(), telling["media_id"].to_pylist()
    taxon = dict(run.con.execute("SELECT image_id, accepted_id FROM samples").fetchall())
    hashes = np.frombuffer(b"".join(telling["pdq"].to_pylist()), np.uint8).reshape(-1, 32)
    shown = Stored(run.folder.stage("fetch") / "blobs", telling.select(PLACE_SCHEMA.names).combine_chunks())

    def alike(left: Int, right: Int, distance: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        keep = np.array(
            [
                frame[a] != frame[b] or taxon[images[a]] == taxon[images[b]]
                for a, b in zip(left.tolist(), right.tolist(), strict=True)
            ],
            np.bool_,
        )
        at = np.flatnonzero(keep)
        keep[at] = verified(residuals_at(shown, left[at], right[at]), rules.duplicate_residual)
        return keep

    plan = plan_bands(256, rules.duplicate_distance)
    for piece in key_ranges(hashes, plan, max(MINIMUM_BUDGET, run.recipe.limits.memory_mb << 17)):
        pairs = range_pairs(hashes, plan, piece, accept=alike, collapse=False)
        if len(pairs):
            raise VerifyError(f"two kept images are alike: {images[pairs.left[0]]} and {images[pairs.right[0]]}")
    return f"{kept.num_rows:,} kept images, none within Hamming distance {rules.duplicate_distance} of another"
