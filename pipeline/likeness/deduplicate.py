"""Duplicates of any images or hashes, without a recipe: the pipeline's own decision on tables of `hash_set`.

What is kept is the first in one order: the larger as the pipeline would store it, the one with more colour, more
pixels, more bytes per pixel, then the smaller name. Every image that is dropped names a kept one that it was verified
against. Images that are alike under different labels are conflicts, where labels are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dedup import COLOURS, dense_rows
from manifests import ImageRules, LikenessRules
from pipeline.likeness.decisions import DecisionRules, open_nodes
from pipeline.likeness.dense import NO_GROUP, alike_rule, fold, near_edges
from pipeline.likeness.digests import packed
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.edges import joined
from pipeline.likeness.records.candidates import Candidates, first_equal
from pipeline.likeness.records.lineages import RANK_IDS
from pipeline.likeness.records.nodes import picture_nodes
from pipeline.likeness.verification import UNKNOWN_RESIDUAL, Given, verified

DECISION_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("item", "decision", "outcome", "other", "cluster", "group")),
        pa.field("label", pa.string()),
        pa.field("pixels", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("colours", pa.string()),  # many, few or grey
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
"""One row per pair of pictures within the distance, named by the preferred image of each."""
UNREADABLE = "unreadable"
_STORED = ImageRules()


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found among the images."""

    decisions: pa.Table
    """DECISION_SCHEMA, sorted by item."""
    pairs: pa.Table
    """PAIRS_SCHEMA, sorted by names."""

    def count(self, outcome: str) -> int:
        """Return the number of images with that outcome."""
        return int(self.decisions["outcome"].to_pylist().count(outcome))


def _preferred(row: Mapping[str, Any]) -> tuple[int, int, int, int, str]:
    """Return the place of an image in the order of preference, the least first; what is not known comes last."""
    width, height, colours = row["width"] or 0, row["height"] or 0, row["colours"]
    # Of what the pipeline would store: beyond its side, more pixels are worth less than colour.
    side = min(width, height, _STORED.side)
    grade = COLOURS.index(colours) if colours in COLOURS else len(COLOURS)
    # Between equal numbers of pixels, more bytes are more bytes per pixel.
    return -side, grade, -width * height, -(row["bytes"] or 0), row["item"]


def find_duplicates(
    images: pa.Table,
    rules: LikenessRules | None = None,
    labels: Mapping[str, str] | None = None,
    group_of: Mapping[str, str] | None = None,
    memory_mb: int = 512,
) -> Duplicates:
    """Decide which of the images of `hash_set` are kept.

    `labels`: what an image is said to show, by item; images alike under different labels all become label_conflict.
    `group_of`: the observation (occurrence, sequence, specimen) of an image: its images are no duplicates of each other
    unless their pixels are equal, and share the `group` that a split must keep together. Images without a hash are
    unreadable; those whose hash carries too little information are kept, unless their pixels are equal to another's.
    Memory: some KB per image, `memory_mb` for the join, and the pairs that are listed; `pipeline.likeness.dense` says
    which pairs of hot clusters are not. LikenessError: a distance of half the bits or more.

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
        key=_preferred,
    )
    names = [row["item"] for row in readable]
    hashes, _ = packed([row["pdq"] for row in readable], 32)
    usable = np.array([row["quality"] >= rules.minimum_quality for row in readable], np.bool_)
    keys = [str(row["pixel_sha256"] or row["sha256"] or row["item"]) for row in readable]
    nodes, first, telling = picture_nodes(first_equal(pa.array(keys, pa.string())), usable)
    records = Candidates.of(
        pa.table(
            {
                "quality": pa.array([row["quality"] for row in readable], pa.int16()),
                "pixel_sha256": [row["pixel_sha256"] or row["item"] for row in readable],
                "sha256": pa.array([row["sha256"] for row in readable], pa.string()),
                "media_id": names,
                "box": [False] * len(names),
                "accepted_id": pa.array([labels.get(name) for name in names], pa.string()),
                **{rank: pa.nulls(len(names), pa.string()) for rank in RANK_IDS},
            }
        )
    )
    deciding = DecisionRules(rules.minimum_quality, uninformative=None)
    _, label = open_nodes(records, nodes, np.ones(len(readable), np.bool_))
    groups: dict[str, int] = {}
    group = [
        groups.setdefault(group_of[names[at]], len(groups)) if group_of.get(names[at]) else NO_GROUP for at in first
    ]
    rule = alike_rule(rules, Given([readable[at]["thumbnail"] for at in first]), label, np.array(group, np.int64))
    hashes = hashes[first[:telling]]
    folds = fold(
        hashes, np.arange(telling), dense_rows(hashes, rules.duplicate_distance), rule, rules.duplicate_distance
    )
    near = near_edges(folds, memory_mb << 20)
    together = (rule.group[near.left] == rule.group[near.right]) & (rule.group[near.left] != NO_GROUP)
    said = verified(near.residuals(), rules.duplicate_residual)
    decisions, cluster = decide_duplicates(records, nodes, near.at(said & ~together), {}, deciding, folds)
    decided = []
    for index, (row, decision) in enumerate(zip(readable, decisions, strict=True)):
        outcome = decision.outcome.code if decision.outcome else "kept"
        decided.append(
            {
                "item": row["item"],
                "decision": "kept" if decision.outcome is None else "dropped",
                "outcome": outcome,
                "other": names[decision.other] if decision.other is not None else None,
                "cluster": names[int(cluster[index])],
                "group": group_of.get(row["item"]),
                "label": labels.get(row["item"]),
                "pixels": (row["width"] or 0) * (row["height"] or 0),
                "bytes": row["bytes"],
                "colours": row["colours"],
                "quality": row["quality"],
                "evidence": decision.evidence or None,
            }
        )
    taken = set(names)
    decided += [
        {"item": row["item"], "decision": "dropped", "outcome": UNREADABLE, "evidence": row["outcome"]}
        for row in rows
        if row["item"] not in taken
    ]
    listed = joined([near, folds.edges])
    pairs = [
        {"left": min(names[a], names[b]), "right": max(names[a], names[b]), "distance": d, "residual": r}
        | {"verified": r == UNKNOWN_RESIDUAL or r <= rules.duplicate_residual}
        | {"same_group": bool(group_of.get(names[a])) and group_of.get(names[a]) == group_of.get(names[b])}
        for a, b, d, r in zip(
            *(first[ends].tolist() for ends in (listed.left, listed.right)),
            listed.distance.tolist(),
            listed.residuals().tolist(),
            strict=True,
        )
    ]
    return Duplicates(
        pa.Table.from_pylist(sorted(decided, key=lambda row: str(row["item"])), DECISION_SCHEMA),
        pa.Table.from_pylist(sorted(pairs, key=lambda row: (str(row["left"]), str(row["right"]))), PAIRS_SCHEMA),
    )
