"""All measures of a model's embeddings against the labels of a run, in one document: the same bytes each time."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.evaluate.classification import Classification
from pipeline.evaluate.measures.alignment import Alignment
from pipeline.evaluate.measures.calibration import Calibration
from pipeline.evaluate.measures.confusion import Confused, TaxonAccuracy
from pipeline.evaluate.measures.diagnostics import DiagnosticCounts, Diagnostics
from pipeline.evaluate.measures.few_shot import FewShot
from pipeline.evaluate.measures.prototypes import PrototypeAccuracy
from pipeline.evaluate.measures.retrieval import Retrieval
from pipeline.evaluate.measures.slices import Slice
from pipeline.evaluate.measures.spread import Spread
from pipeline.evaluate.variant_columns import VariantMeasure
from pipeline.model.errors import EvaluationError

DIGITS = 6
"""Significant digits of the numbers in the document."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class EvaluationRules:
    """What is asked for."""

    train: str = "train"
    """The split whose pictures teach; those of all other splits are judged. Without pictures in it all are judged."""
    ks: tuple[int, ...] = (1, 5)
    """Images of each class that few-shot is taught with."""
    folds: int = 5
    seed: int = 0
    permutations: int = 999
    """Of the significance of emergent measures; 99 of them for the spread."""

    def check(self) -> None:
        """Raise EvaluationError for a rule that cannot be."""
        if not self.ks or min(self.ks) < 1 or self.folds < 2 or self.permutations < 19 or self.seed < 0:
            raise EvaluationError(
                f"the rules are {self}", expected="k of 1 or more, 2 folds, 19 permutations, and a seed of 0 or more"
            )


@dataclass(frozen=True, slots=True)
class FewShotPart:
    """Few-shot accuracy of a part of the evaluated pictures."""

    part: str
    few_shot: tuple[FewShot, ...]


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """A linear probe, judged on evaluated pictures of classes that it was trained on."""

    classes: int
    trained_on: int
    images: int
    accuracy: float
    chance: float
    steps: int
    gradient: float


@dataclass(frozen=True, slots=True)
class Control:
    """A measure of what says nothing, which has to come out near chance."""

    name: str
    """shuffled_texts: zero-shot, each class with the text of another; shuffled_labels: few-shot, the labels of the
    support permuted; untrained: few-shot with the embeddings of an untrained model."""
    accuracy: float
    deviation: float | None
    """Standard deviation over folds of few-shot."""
    chance: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was measured; None or empty what could not be, which `notes` tells."""

    images: int
    dimensions: int
    classes: int
    """Of the pictures."""
    trained: int
    """Pictures that teach."""
    evaluated: int
    """Pictures that are judged."""
    left_out: int
    """Pictures that were asked for and have no embedding."""
    where: str
    """Condition that chose which pictures are judged; '' for all."""
    rules: EvaluationRules
    classifications: tuple[Classification, ...]
    few_shot: tuple[FewShotPart, ...]
    linear_probe: LinearProbe | None
    prototypes: tuple[PrototypeAccuracy, ...]
    retrieval: Retrieval | None
    calibration: Calibration | None
    slices: tuple[Slice, ...]
    """Of the first classification."""
    spread: tuple[Spread, ...]
    alignment: tuple[Alignment, ...]
    variants: tuple[VariantMeasure, ...]
    diagnostics: DiagnosticCounts | None
    controls: tuple[Control, ...]
    notes: tuple[str, ...]
    """What was left out, and why."""

    def facts(self) -> dict[str, Any]:
        """Return the facts in JSON's own types, floats of six significant digits."""
        return {each.name: rounded(getattr(self, each.name)) for each in dataclasses.fields(self)}

    def text(self) -> str:
        """Return a JSON document of the facts, keys sorted: the same bytes for the same facts."""
        document = {"document": "evaluation", "version": VERSION, **self.facts()}
        return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An evaluation, and what it says of single taxa and pictures."""

    evaluation: Evaluation
    confusion: tuple[Confused, ...]
    """Of the first classification."""
    taxa: tuple[TaxonAccuracy, ...]
    """Of the first classification."""
    diagnostics: Diagnostics | None
    """One entry for each picture."""


def rounded(value: object, digits: int = DIGITS) -> Any:
    """Return dataclasses, tuples and numbers in JSON's own types, floats of so many significant digits.

    Numbers that are not finite are null, and -0.0 is 0.0.

    >>> rounded((1, 2 / 3, float("nan"), -0.0, True, np.float32(0.5)))
    [1, 0.666667, None, 0.0, True, 0.5]
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: rounded(getattr(value, each.name), digits) for each in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [rounded(each, digits) for each in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.{digits}g}") + 0.0 if math.isfinite(value) else None
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} has no form in the document")
