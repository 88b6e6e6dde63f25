"""Duplicates of any images or hashes, without a recipe: the mill's own decision on tables of `hash_set`.

What is kept is the first in one order: more pixels, then the smaller name. Every image that is dropped names a kept one
that it was verified against. Images that are alike under different labels are conflicts, where labels are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dedup import pairs_within
from manifests import LikenessRules
from pipeline.likeness.search import packed
from pipeline.likeness.settle import RANK_IDS, Edges, Verdicts, settle
from pipeline.likeness.verification import pair_residuals, verified

DECISION_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("item", "decision", "outcome", "other", "cluster", "group")),
        pa.field("label", pa.string()),
        pa.field("pixels", pa.int64()),
        pa.field("quality", pa.int16()),
        pa.field("evidence", pa.string()),  # JSON object: rule, distance, residual
    ]
)
"""One row per image: kept or dropped, why, and by which kept image; `group` is the given one (occurrence, sequence)."""
PAIRS_SCHEMA = pa.schema(
    [
        pa.field("left", pa.string()),
        pa.field("right", pa.string()),
        pa.field("distance", pa.int32()),
        pa.field("residual", pa.float64()),
        pa.field("verified", pa.bool_()),
        pa.field("same_group", pa.bool_()),
    ]
)
"""One row per pair of distinct hashes within the distance, named by the preferred image of each."""
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found among the images."""

    decisions: pa.Table
    """DECISION_SCHEMA, sorted by item."""
    pairs: pa.Table
    """PAIRS_SCHEMA, sorted by names."""

    def count(self, outcome: str) -> int:
        """Give the number of images with that outcome."""
        return int(self.decisions["outcome"].to_pylist().count(outcome))


def find_duplicates(
    images: pa.Table,
    rules: LikenessRules | None = None,
    labels: Mapping[str, str] | None = None,
    group_of: Mapping[str, str] | None = None,
) -> Duplicates:
    """Decide which of the images of `hash_set` are kept.

    `labels`: what an image is said to show, by item; images alike under different labels all become label_conflict.
    `group_of`: the observation (occurrence, sequence, specimen) of an image: its images are no duplicates of each other
    unless their pixels are equal, and share the `group` that a split must keep together. Images without a hash are
    unreadable; those whose hash carries too little information are kept, unless their pixels are equal to another's.
    Memory: some KB per image. LikenessError: a distance of half the bits or more.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from pipeline.likeness.hashing import hash_set
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     picture = Image.effect_mandelbrot((200, 150), (-2, -1.5, 1, 1.5), 100)
    ...     picture.save(Path(folder, "small.png"))
    ...     picture.resize((400, 300), Image.Resampling.BICUBIC).save(Path(folder, "large.png"))
    ...     found = find_duplicates(hash_set([Path(folder)], turned=False))
    >>> found.decisions.select(["item", "outcome", "other"]).to_pylist()
    [{'item': 'large.png', 'outcome': 'kept', 'other': None},
     {'item': 'small.png', 'outcome': 'near_duplicate', 'other': 'large.png'}]
    """
    rules, labels, group_of = rules or LikenessRules(), labels or {}, group_of or {}
    rows = images.to_pylist()
    readable = sorted(
        (row for row in rows if row["outcome"] is None and row["pdq"] and row["quality"] is not None),
        key=lambda row: (-(row["width"] or 0) * (row["height"] or 0), row["item"]),
    )
    names = [row["item"] for row in readable]
    hashes, _ = packed([row["pdq"] for row in readable], 32)
    usable = np.array([row["quality"] >= rules.minimum_quality for row in readable], np.bool_)
    nodes, first = _nodes(readable, hashes, usable, group_of)
    near = pairs_within(hashes[first[: usable[first].sum()]], rules.duplicate_distance)
    ends = [(int(first[a]), int(first[b])) for a, b in zip(near.left.tolist(), near.right.tolist(), strict=True)]
    residual = pair_residuals([readable[a]["thumbnail"] for a, _ in ends], [readable[b]["thumbnail"] for _, b in ends])
    together = np.array([_same_group(names[a], names[b], group_of) for a, b in ends], np.bool_)
    said = verified(residual, rules.duplicate_residual)
    counted = said & ~together
    edges = Edges(near.left[counted], near.right[counted], near.distance[counted].astype(np.int64), residual[counted])
    records = pa.table(
        {
            "quality": pa.array([row["quality"] for row in readable], pa.int16()),
            "pixel_sha256": [row["pixel_sha256"] or row["item"] for row in readable],
            "sha256": [row["sha256"] for row in readable],
            "media_id": names,
            "box": [False] * len(names),
            "accepted_id": pa.array([labels.get(name) for name in names], pa.string()),
            **{rank: pa.nulls(len(names), pa.string()) for rank in RANK_IDS},
        }
    )
    fates, cluster = settle(records, nodes, edges, {}, Verdicts(rules.minimum_quality, uninformative=None))
    decided = []
    for index, (row, fate) in enumerate(zip(readable, fates, strict=True)):
        outcome = fate.outcome.code if fate.outcome else "kept"
        decided.append(
            {
                "item": row["item"],
                "decision": "kept" if fate.outcome is None else "dropped",
                "outcome": outcome,
                "other": names[fate.other] if fate.other is not None else None,
                "cluster": names[int(cluster[index])],
                "group": group_of.get(row["item"]),
                "label": labels.get(row["item"]),
                "pixels": (row["width"] or 0) * (row["height"] or 0),
                "quality": row["quality"],
                "evidence": fate.evidence or None,
            }
        )
    taken = set(names)
    decided += [
        {"item": row["item"], "decision": "dropped", "outcome": UNREADABLE, "evidence": row["outcome"]}
        for row in rows
        if row["item"] not in taken
    ]
    pairs = [
        {"left": min(names[a], names[b]), "right": max(names[a], names[b]), "distance": d, "residual": r}
        | {"verified": v, "same_group": g}
        for (a, b), d, r, v, g in zip(
            ends, near.distance.tolist(), residual.tolist(), said.tolist(), together.tolist(), strict=True
        )
    ]
    return Duplicates(
        pa.Table.from_pylist(sorted(decided, key=lambda row: str(row["item"])), DECISION_SCHEMA),
        pa.Table.from_pylist(sorted(pairs, key=lambda row: (str(row["left"]), str(row["right"]))), PAIRS_SCHEMA),
    )


def _same_group(one: str, two: str, group_of: Mapping[str, str]) -> bool:
    group = group_of.get(one)
    return bool(group) and group == group_of.get(two)


def _nodes(
    readable: list[dict[str, object]],
    hashes: np.typing.NDArray[np.uint8],
    usable: np.typing.NDArray[np.bool_],
    group_of: Mapping[str, str],
) -> tuple[np.typing.NDArray[np.int64], np.typing.NDArray[np.int64]]:
    """Give every image's node, and the first image of each: equal hashes are one, useless ones go by their pixels.

    Images of one observation with equal hashes and other pixels are nodes of their own. Nodes of usable hashes come
    first, in order of their first image.
    """
    keys: list[tuple[str, ...]] = []
    for index, row in enumerate(readable):
        pixels = str(row["pixel_sha256"] or row["sha256"] or row["item"])
        if not usable[index]:
            keys.append(("pixels", pixels))
        elif group_of.get(str(row["item"])):
            keys.append(("hash", hashes[index].tobytes().hex(), pixels))
        else:
            keys.append(("hash", hashes[index].tobytes().hex()))
    first: dict[tuple[str, ...], int] = {}
    for index, key in enumerate(keys):
        first.setdefault(key, index)
    ordered = sorted(first, key=lambda key: (key[0] != "hash", first[key]))
    place = {key: number for number, key in enumerate(ordered)}
    return np.array([place[key] for key in keys], np.int64), np.array([first[key] for key in ordered], np.int64)
