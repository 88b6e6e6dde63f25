"""Evaluate a run's pictures from files: embeddings, and where they are given texts, traits and an untrained model's."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.condition import chosen_by
from pipeline.evaluate.embeddings import read_embeddings
from pipeline.evaluate.evaluate import evaluate
from pipeline.evaluate.evaluation import Evaluated, EvaluationRules
from pipeline.evaluate.labelled import Labelled, read_run
from pipeline.evaluate.measures.vectors import Vectors
from pipeline.evaluate.text_vectors import TextVectors, read_text_vectors
from pipeline.evaluate.traits import Traits, read_traits
from pipeline.model.errors import EvaluationError

Given = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class RunEvaluation:
    """The pictures that were evaluated, those with an embedding, and what was found."""

    pictures: Labelled
    found: Evaluated


def evaluate_run(
    where: Given,
    embeddings: Given,
    texts: Given | None = None,
    traits: Given | None = None,
    untrained: Given | None = None,
    rules: EvaluationRules | None = None,
    partial: bool = False,
    condition: str = "",
) -> RunEvaluation:
    """Evaluate the samples of a run: its folder or that of its shards, or the address of either.

    The others are Parquet files: `embeddings` and `untrained` with columns `key` and `vector`, `texts` with
    `accepted_id` or `caption` and `vector`, `traits` with `accepted_id` and columns of numbers. `partial`: pictures
    without a vector, and vectors of none, are left out and counted. `condition`: in SQL on the view `samples`, or a
    SELECT of keys; pictures of which it is true are judged, and those of the split that teaches teach in any case.
    Raises EvaluationError where a file cannot be read, or does not fit, for a split other than `train` that the run
    does not have, and where no picture is to be judged, FeedError for a condition that cannot be answered, RunError
    where the run is not finished.
    """
    rules = rules or EvaluationRules()
    pictures = read_run(where)
    if rules.train != EvaluationRules().train:
        pictures.check_split(rules.train)
    chosen = chosen_by(where, condition, pictures)
    needed = chosen | pictures.in_split(rules.train)
    vectors = read_embeddings(embeddings, pictures.keys, partial)
    mine = needed[vectors.rows]
    rows = vectors.rows[mine]
    if not chosen[rows].any():
        raise EvaluationError(
            "no picture that is chosen has an embedding",
            where=str(embeddings),
            expected=f"vectors of some of {int(chosen.sum()):,} pictures",
            remedy="embed them, or choose others with --where",
        )
    matrix = vectors.vectors if mine.all() else vectors.vectors[mine]
    pictures = pictures.take(rows)
    beside = _read_beside(pictures, texts, traits, untrained, partial, bool(condition))
    return RunEvaluation(
        pictures,
        evaluate(
            pictures,
            matrix,
            beside.texts,
            beside.traits,
            beside.untrained,
            rules,
            int(needed.sum()) - len(rows),
            condition,
            chosen[rows],
        ),
    )


def check_beside(
    where: Given,
    texts: Given | None,
    traits: Given | None,
    untrained: Given | None,
    train: str,
    partial: bool,
    condition: str,
) -> Labelled:
    """Return the samples of a run; raise what `evaluate_run` raises of all but the embeddings.

    It is for those who make the embeddings first, which takes long. That of each picture is taken to be made.
    """
    pictures = read_run(where)
    needed = chosen_by(where, condition, pictures) | pictures.in_split(train)
    _read_beside(pictures.take(np.flatnonzero(needed)), texts, traits, untrained, partial, bool(condition))
    return pictures


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is given beside the embeddings."""

    texts: TextVectors | None
    traits: Traits | None
    untrained: Vectors | None


def _read_beside(
    pictures: Labelled,
    texts: Given | None,
    traits: Given | None,
    untrained: Given | None,
    partial: bool,
    conditioned: bool,
) -> _Beside:
    """Read the files beside the embeddings, of the pictures that are evaluated."""
    others = None
    if untrained is not None:
        found = read_embeddings(untrained, pictures.keys, partial or conditioned)
        if found.missing:
            raise EvaluationError(
                f"the untrained model has embeddings of {len(found.rows):,} of {len(pictures):,} pictures",
                where=str(untrained),
                expected="an embedding of each picture that is evaluated",
            )
        others = found.vectors
    return _Beside(
        None if texts is None else read_text_vectors(texts, pictures, partial),
        None if traits is None else read_traits(traits, pictures.classes),
        others,
    )
