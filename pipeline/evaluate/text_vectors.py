"""Embeddings of the classes' texts, brought as Parquet: by the id of the accepted taxon, or by the caption itself.

Several rows of one class are its templates: each is normalised, and their mean is (`zero_shot.class_texts`). A caption
is of every class that has it among its five captions (docs/shards.md); so classes that captions do not tell apart, a
species and its subspecies, have one vector, and the first of them is predicted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.embeddings import check_directions, read_vectors
from pipeline.evaluate.labelled import Labelled
from pipeline.evaluate.measures.vectors import Codes, Numbers, Vectors, unit
from pipeline.model.errors import EvaluationError
from pipeline.shards import captions

TAXON, CAPTION = "accepted_id", "caption"


@dataclass(frozen=True, slots=True)
class TextVectors:
    """The text vectors of the classes that have one: the candidates of zero-shot classification."""

    classes: Codes
    """int64[candidates]: numbers of the classes, ascending."""
    vectors: Vectors
    """float32[candidates, dimensions], of length one."""
    templates: int
    """The most texts of a class."""
    unknown: int
    """Rows of the file that are of no class."""


def text_vectors(classes: Codes, vectors: npt.NDArray[Any]) -> TextVectors:
    """Return the texts of some classes, a vector each.

    >>> text_vectors(np.array([2, 0]), np.array([[2.0, 0.0], [0.0, 3.0]])).vectors.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if len(classes) != len(vectors) or len(np.unique(classes)) != len(classes):
        counted = f"{len(classes):,} classes, of which {len(np.unique(classes)):,} differ, and {len(vectors):,} texts"
        raise EvaluationError(f"there are {counted}", expected="one vector for each class")
    order = np.argsort(classes, kind="stable")
    return TextVectors(np.asarray(classes, np.int64)[order], unit(vectors[order], "class texts"), 1, 0)


def read_text_vectors(path: str | os.PathLike[str], pictures: Labelled, partial: bool = False) -> TextVectors:
    """Read the text vectors of the classes of some pictures.

    Raises EvaluationError for a file that is no such table, a class with pictures that has no text, and, unless
    `partial`, a row that is of no class.
    """
    numbers = _numbers(path, pictures)
    sums: Numbers | None = None
    counts = np.zeros(len(pictures.classes), np.int64)
    unknown, strange = 0, ""
    for part in read_vectors(path, (TAXON, CAPTION)):
        check_directions(path, part)
        directions = unit(part.vectors, "class texts")
        if sums is None:
            sums = np.zeros((len(pictures.classes), directions.shape[1]))
        for key, direction in zip(part.keys.to_pylist(), directions, strict=True):
            mine = numbers.get(key, ())
            if not mine:
                unknown, strange = unknown + 1, strange or key
            for number in mine:
                sums[number] += direction
                counts[number] += 1
    missing = np.setdiff1d(np.unique(pictures.labels), np.flatnonzero(counts))
    if missing.size or sums is None:
        taxon = pictures.classes[int(missing[0])]
        named = pictures.names[int(missing[0])] if pictures.names else ""
        raise EvaluationError(
            f"{missing.size:,} classes with pictures have no text",
            where=f"{path}, such as {taxon!r} {named}",
            expected="a text for each accepted taxon of the pictures",
            remedy='embed a caption of each: biomill sql RUN "SELECT DISTINCT accepted_id, accepted_name FROM samples"',
        )
    if unknown and not partial:
        raise EvaluationError(
            f"{unknown:,} texts are of no class of the run",
            where=f"{path}, such as {strange!r}",
            expected="ids of accepted taxa, or captions, of the run's samples",
            remedy="leave them out, or evaluate the others with --partial",
        )
    there = np.flatnonzero(counts)
    return TextVectors(there, unit(sums[there], "means of class texts"), int(counts.max()), unknown)


def _numbers(path: str | os.PathLike[str], pictures: Labelled) -> Mapping[str, tuple[int, ...]]:
    """Return the classes that each key of a file can be of: ids of taxa, or their captions."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except (OSError, pa.ArrowException):
        names = [TAXON]  # what is wrong is told when the file is read
    if TAXON in names or CAPTION not in names:
        return {taxon: (number,) for number, taxon in enumerate(pictures.classes)}
    found: dict[str, tuple[int, ...]] = {}
    for number, ranks in enumerate(pictures.ranks):
        each = captions(ranks, pictures.vernaculars[number] or None)
        for text in dict.fromkeys((each.sci, each.com, each.taxon, each.sci_com, each.taxon_com)):
            found[text] = (*found.get(text, ()), number)
    return found
