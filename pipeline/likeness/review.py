"""Pairs of kept images that look alike and did not verify, for a person to judge: written-on copies and new frames.

No residual tells a line of text from an animal that walked in, so what is refused is listed, the nearest first.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from dedup import pairs_within
from pipeline.likeness.deduplicate import PAIRS_SCHEMA
from pipeline.likeness.digests import packed
from pipeline.likeness.sheets import Row, thumbnail_picture, write_sheets
from pipeline.likeness.verification import Given, residuals_at

REVIEW_SCHEMA = pa.schema([PAIRS_SCHEMA.field(name) for name in ("left", "right", "distance", "residual")])
"""One row per pair of kept images, the nearest first."""
MOST = 1_000_000
"""Most pairs that are listed; a person looks at fewer."""


def review_pairs(images: pa.Table, decisions: pa.Table, distance: int, minimum_quality: int) -> pa.Table:
    """Return the pairs of kept images whose hashes lie within `distance`: REVIEW_SCHEMA, by distance and names.

    `images`, `decisions`: of `hash_set` and `find_duplicates`. Images of one observation are left out. PairLimitError:
    more than MOST pairs, as of a camera whose frames were all kept. LikenessError: a distance of half the bits or more.

    >>> from pipeline.likeness.deduplicate import find_duplicates
    >>> from pipeline.likeness.hashing import HASHED_SCHEMA
    >>> hashes = {"a": "0" * 64, "b": "fff" + "0" * 61, "c": "f" * 64}
    >>> rows = [{"item": name, "pdq": pdq, "quality": 90} for name, pdq in hashes.items()]
    >>> images = pa.Table.from_pylist(rows, HASHED_SCHEMA)
    >>> review_pairs(images, find_duplicates(images).decisions, 30, 50).to_pylist()
    [{'left': 'a', 'right': 'b', 'distance': 12, 'residual': -1.0}]
    """
    kept = decisions.filter(pc.equal(decisions["decision"], "kept"))
    group_of = dict(zip(kept["item"].to_pylist(), kept["group"].to_pylist(), strict=True))
    chosen = pc.and_(pc.is_in(images["item"], kept["item"].combine_chunks()), images["pdq"].is_valid())
    telling = pc.fill_null(pc.greater_equal(images["quality"], minimum_quality), False)
    rows = images.filter(pc.and_(chosen, telling)).sort_by("item")
    names = rows["item"].to_pylist()
    hashes, _ = packed(rows["pdq"].to_pylist(), 32)
    pairs = pairs_within(hashes, distance, collapse=False, most=MOST)
    residual = residuals_at(Given(rows["thumbnail"].to_pylist()), pairs.left, pairs.right)
    found = [
        {"left": names[a], "right": names[b], "distance": d, "residual": r}
        for a, b, d, r in zip(
            pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist(), residual.tolist(), strict=True
        )
        if not group_of[names[a]] or group_of[names[a]] != group_of[names[b]]
    ]
    found.sort(key=lambda row: (row["distance"], row["left"], row["right"]))
    return pa.Table.from_pylist(found, REVIEW_SCHEMA)


def review_sheets(folder: Path, images: pa.Table, pairs: pa.Table) -> list[Path]:
    """Write the pairs side by side: `review.html` and its pictures."""
    shown = set(pairs["left"].to_pylist()) | set(pairs["right"].to_pylist())
    thumbnails = {
        item: thumbnail
        for item, thumbnail in zip(images["item"].to_pylist(), images["thumbnail"].to_pylist(), strict=True)
        if item in shown
    }
    rows = [
        Row(
            f"distance {row['distance']}, residual {row['residual']}",
            ((row["left"], row["left"]), (row["right"], row["right"])),
        )
        for row in pairs.to_pylist()
    ]
    title = "Images that are alike and did not verify"
    return write_sheets(folder, "review", title, rows, lambda name: thumbnail_picture(thumbnails.get(name)))
