"""Which two values of a column, such as sex or life stage, are the variants that species are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from manifests.recipe import RANKS
from pipeline.evaluate.labelled import Labelled
from pipeline.evaluate.measures.lineages import MISSING
from pipeline.evaluate.measures.variant_directions import PERMUTATIONS, VariantDirections, variant_directions
from pipeline.evaluate.measures.variant_pairs import LEAST, pair_variants
from pipeline.evaluate.measures.vectors import Codes, Vectors
from pipeline.model.errors import EvaluationError

_MOST_VALUES = 6
_SPECIES = RANKS.index("species")


@dataclass(frozen=True, slots=True)
class VariantMeasure:
    """The measures of one column's variants."""

    column: str
    a: str
    b: str
    measures: VariantDirections


def choose_variants(values: Sequence[str | None], species: Codes) -> tuple[str, str]:
    """Return the two values that most species have four pictures or more of; of equal pairs the first by name.

    Only the six most frequent values are looked at. Raises EvaluationError where fewer than two species have enough of
    any two values.

    >>> values = ["Male", "Female", None, "Male", "Female"] * 8
    >>> choose_variants(values, np.arange(40) // 20)
    ('Female', 'Male')
    """
    names, numbers = np.unique(np.array([value or "" for value in values], dtype=np.str_), return_inverse=True)
    sizes = np.bincount(numbers, minlength=len(names))
    known = [number for number in np.argsort(-sizes, kind="stable").tolist() if names[number]][:_MOST_VALUES]
    rows = species != MISSING
    classes = int(species.max(initial=0)) + 1
    enough = {each: np.bincount(species[rows & (numbers == each)], minlength=classes) >= LEAST for each in known}
    pairs = [(int((enough[a] & enough[b]).sum()), a, b) for a, b in combinations(sorted(known), 2)]
    best = max(pairs, key=lambda pair: (pair[0], -pair[1], -pair[2]), default=(0, 0, 0))
    if best[0] < 2:
        raise EvaluationError(
            f"{best[0]} species have {LEAST} pictures or more of each of two values",
            expected="two or more such species",
        )
    return str(names[best[1]]), str(names[best[2]])


def variant_measure(
    pictures: Labelled, vectors: Vectors, column: str, permutations: int = PERMUTATIONS, seed: int = 0
) -> VariantMeasure:
    """Return the measures of a column's variants; `vectors` are unit vectors, one for each picture.

    Pictures of one group are not independent; give one of each (`vectors.one_of_each`).

    Raises EvaluationError where there is no such column, and as `choose_variants` does.
    """
    values = pictures.columns.get(column)
    if values is None:
        raise EvaluationError(f"there is no column {column!r}", expected="a run with its catalog")
    species = pictures.lineages.codes[pictures.labels, _SPECIES]
    a, b = choose_variants(values, species)
    variant = np.array([0 if value == a else 1 if value == b else -1 for value in values], np.int64)
    rows = species != MISSING
    pairs = pair_variants(vectors[rows], species[rows], variant[rows], seed=seed)
    return VariantMeasure(column, a, b, variant_directions(pairs, permutations, seed))
