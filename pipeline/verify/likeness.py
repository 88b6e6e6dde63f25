"""Leaks and duplicates, searched again among what was kept, by the exact join and not by what likeness wrote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup import MINIMUM_BUDGET, key_ranges, plan_bands, range_pairs
from pipeline.likeness.certificate import certify
from pipeline.likeness.stored import PLACE_SCHEMA, Stored
from pipeline.likeness.verification import Int, residuals_at, verified
from pipeline.model.errors import VerifyError
from pipeline.storage.run_folder import DiskRunFolder
from pipeline.verify.check import Run


def _kept_images(folder: DiskRunFolder) -> pa.Table:
    """Return id, hash, quality and place of every image that a shard holds, read from fetch's own table."""
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
    """No two kept images lie within the duplicate distance and verify, but different animals in one frame.

    Memory: some 150 bytes an image, beside what `limits.memory_mb` gives the join.
    """
    kept, rules = _kept_images(run.folder), run.recipe.likeness
    telling = kept.filter(pc.greater_equal(kept["quality"], rules.minimum_quality)).combine_chunks()
    frame = telling["media_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    taxon = _taxa(run, telling["image_id"])
    hashes = _hashes(telling["pdq"])
    shown = Stored(run.folder.images / "fetch" / "blobs", telling.select(PLACE_SCHEMA.names).combine_chunks())

    def alike(left: Int, right: Int, distance: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
        keep: npt.NDArray[np.bool_] = (frame[left] != frame[right]) | (taxon[left] == taxon[right])
        at = np.flatnonzero(keep)
        keep[at] = verified(residuals_at(shown, left[at], right[at]), rules.duplicate_residual)
        return keep

    plan = plan_bands(256, rules.duplicate_distance)
    for piece in key_ranges(hashes, plan, max(MINIMUM_BUDGET, run.recipe.limits.memory_mb << 17)):
        pairs = range_pairs(hashes, plan, piece, accept=alike, collapse=False)
        if len(pairs):
            one, other = (telling["image_id"][int(side[0])].as_py() for side in (pairs.left, pairs.right))
            raise VerifyError(f"two kept images are alike: {one} and {other}")
    return f"{kept.num_rows:,} kept images, none within Hamming distance {rules.duplicate_distance} of another"


def _hashes(column: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """Return the hashes of 32 bytes each as uint8[k, 32]."""
    return np.frombuffer(b"".join(value.as_py() for value in column), np.uint8).reshape(-1, 32)


def _taxa(run: Run, images: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Number the accepted taxa of images, in their order."""
    known = run.con.sql("SELECT DISTINCT image_id, accepted_id FROM samples").to_arrow_table()
    place = pc.index_in(images, value_set=known["image_id"].combine_chunks())
    taxa = known["accepted_id"].combine_chunks().take(place.combine_chunks()).dictionary_encode().indices
    numbers: npt.NDArray[np.int64] = pc.fill_null(taxa, -1).to_numpy().astype(np.int64)
    return numbers
