"""Leaks and duplicates, searched again among what was kept, by the exact join and not by what likeness wrote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from dedup import pairs_within
from pipeline.errors import VerifyError
from pipeline.likeness.certificate import certify
from pipeline.likeness.hashing import thumbnail
from pipeline.likeness.units import stored_image
from pipeline.likeness.verification import pair_residuals, verified
from pipeline.media import Processed
from pipeline.run.folder import RunFolder
from pipeline.verify.check import Run


def _kept_hashes(folder: RunFolder) -> tuple[list[str], npt.NDArray[np.uint8]]:
    """Give id and PDQ of every image that a shard holds, read from fetch's own table."""
    kept = set(pq.read_table(folder.stage("shards") / "manifest.parquet", columns=["image_id"]).column(0).to_pylist())
    media = pq.read_table(folder.stage("fetch") / "media", columns=["image_id", "pdq"]).sort_by("image_id")
    rows = [row for row in media.to_pylist() if row["image_id"] in kept]
    packed = np.frombuffer(b"".join(row["pdq"] for row in rows), dtype=np.uint8).reshape(-1, 32)
    return [row["image_id"] for row in rows], packed


def leakage(run: Run) -> str:
    """Every sentence of the certificate holds: the search is made again, with canaries and a brute-force audit."""
    said = list(certify(run.folder.root, run.con))
    broken = [part.sentence for part in said if not part.holds]
    if broken:
        raise VerifyError("; ".join(broken))
    return "; ".join(part.sentence for part in said)


def duplicates(run: Run) -> str:
    """No two kept images lie within the duplicate distance and verify, but different animals in one frame."""
    folder, con, recipe = run.folder, run.con, run.recipe
    images, packed = _kept_hashes(folder)
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
        shown = [_thumbnail(run, image) for image in (one, two)]
        if not verified(pair_residuals(shown[:1], shown[1:]), recipe.likeness.duplicate_residual).all():
            continue
        raise VerifyError(f"two kept images are alike: {one} and {two}")
    return f"{len(images):,} kept images, none within Hamming distance {recipe.likeness.duplicate_distance} of another"


def _thumbnail(run: Run, image: str) -> bytes | None:
    query = """SELECT unit, "offset", "length" FROM read_parquet('fetch/media/*.parquet') WHERE image_id = ?"""
    raster = stored_image(run.folder.stage("fetch") / "blobs", *run.con.execute(query, [image]).fetchall()[0])
    return None if isinstance(raster, Processed) else thumbnail(raster)
