"""What an evaluation leaves: evaluation.json, confusion.parquet, taxa.parquet, and scores.parquet for recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from manifests.recipe import RANKS
from pipeline.evaluate.evaluation import DIGITS, Evaluated
from pipeline.evaluate.labelled import Labelled
from pipeline.evaluate.measures.diagnostics import Diagnostics
from pipeline.model.errors import EvaluationError
from pipeline.storage.files.atomic import write_table, write_text

EVALUATION, CONFUSION, TAXA, SCORES = "evaluation.json", "confusion.parquet", "taxa.parquet", "scores.parquet"
SCORE_KEY = "record_id"
"""The key of scores.parquet, as [[scores]] names it."""


def write_evaluation(folder: Path, pictures: Labelled, found: Evaluated) -> list[str]:
    """Write the files of an evaluation into a folder, and return their names; the document comes last.

    A file of an earlier evaluation that this one has nothing for is removed.
    """
    tables: Mapping[str, pa.Table | None] = {
        CONFUSION: confusion_table(pictures, found),
        TAXA: taxa_table(pictures, found),
        SCORES: None
        if found.diagnostics is None or not pictures.record_ids
        else score_table(pictures, found.diagnostics),
    }
    (folder / EVALUATION).unlink(missing_ok=True)
    written = []
    for name, table in tables.items():
        if table is None:
            (folder / name).unlink(missing_ok=True)
            continue
        write_table(folder / name, table)
        written.append(name)
    write_text(folder / EVALUATION, found.evaluation.text())
    return [*written, EVALUATION]


def confusion_table(pictures: Labelled, found: Evaluated) -> pa.Table:
    """Return the pairs of taxa that were confused: ids, names, pictures, share, height, and keys of the pictures."""
    pairs = found.confusion
    return pa.table(
        {
            "accepted_id": _texts(pictures.classes, [each.true for each in pairs]),
            "accepted_name": _texts(pictures.names, [each.true for each in pairs]),
            "predicted_id": _texts(pictures.classes, [each.predicted for each in pairs]),
            "predicted_name": _texts(pictures.names, [each.predicted for each in pairs]),
            "images": pa.array([each.images for each in pairs], pa.int64()),
            "share": _numbers([each.share for each in pairs]),
            "height": pa.array([each.height for each in pairs], pa.int64()),
            "keys": pa.array([list(each.pictures) for each in pairs], pa.list_(pa.string())),
        }
    )


def taxa_table(pictures: Labelled, found: Evaluated) -> pa.Table:
    """Return the accuracy of each taxon, the worst first: of equal ones that of most pictures, then by id."""
    taxa = sorted(found.taxa, key=lambda each: (each.accuracy is None, each.accuracy or 0.0, -each.images, each.taxon))
    numbers = [each.taxon for each in taxa]
    lineage = {
        rank: pa.array([pictures.ranks[number].get(rank) for number in numbers], pa.string())
        for rank in RANKS
        if pictures.ranks
    }
    return pa.table(
        {
            "accepted_id": _texts(pictures.classes, numbers),
            "accepted_name": _texts(pictures.names, numbers),
            **lineage,
            "images": pa.array([each.images for each in taxa], pa.int64()),
            "right": pa.array([each.right for each in taxa], pa.int64()),
            "accuracy": _numbers([each.accuracy for each in taxa]),
            "predicted": pa.array([each.predicted for each in taxa], pa.int64()),
            "precision": _numbers([each.precision for each in taxa]),
            "mean_height": _numbers([each.height for each in taxa]),
        }
    )


def score_table(pictures: Labelled, found: Diagnostics) -> pa.Table:
    """Return what embeddings say of each picture's label, by the id of its record, as `[[scores]]` reads it.

    `outlier`, `likely_mislabel` (booleans), `outlier_z`, `distance`, `nearest_distance`, `margin` (numbers),
    `suggested_id`, `nearest_id` (ids of accepted taxa): null of pictures that are the only one of their taxon,
    `suggested_id` of those that are no likely mislabel, and `likely_mislabel` of all where more than half of the labels
    come out as wrong. Raises EvaluationError where a record has no id, or two
    pictures, as boxes of one have.
    """
    ids = pictures.record_ids
    if len(ids) != len(found.judged) or not all(ids) or len(set(ids)) != len(ids):
        raise EvaluationError(
            f"{len(set(ids)):,} ids of records for {len(found.judged):,} pictures",
            expected="an id of its own for each picture, by which scores are joined",
        )
    judged = found.judged
    return pa.table(
        {
            SCORE_KEY: pa.array(ids, pa.string()),
            "outlier": pa.array(found.outlier, mask=~judged),
            "outlier_z": _numbers(found.z.tolist()),
            "likely_mislabel": pa.array(found.mislabelled, mask=~judged | (not found.tells_labels)),
            "suggested_id": _texts(pictures.classes, found.suggested.tolist()),
            "margin": _numbers(found.margin.tolist()),
            "distance": _numbers(found.distance.tolist()),
            "nearest_id": _texts(pictures.classes, found.nearest.tolist()),
            "nearest_distance": _numbers(found.nearest_distance.tolist()),
        }
    )


def _texts(names: Sequence[str], numbers: Sequence[int]) -> pa.Array:
    """Return names by their numbers; null for -1, and where there are no names."""
    return pa.array([names[each] if each >= 0 and names else None for each in numbers], pa.string())


def _numbers(values: Sequence[Any]) -> pa.Array:
    """Return numbers of six significant digits, null for None and what is not finite."""
    return pa.array(
        [None if each is None or not np.isfinite(each) else float(f"{each:.{DIGITS}g}") for each in values],
        pa.float64(),
    )
