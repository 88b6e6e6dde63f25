"""Fill an evaluation: each measure of what there is; one that cannot be taken is left out, and a note says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.evaluate.classification import ALL, UNSEEN_GENERA, UNSEEN_SPECIES, Classification, judge, parts_of
from pipeline.evaluate.evaluation import Control, Evaluated, Evaluation, EvaluationRules, FewShotPart, LinearProbe
from pipeline.evaluate.labelled import SLICED, VARIANTS, Labelled
from pipeline.evaluate.measures.alignment import (
    Alignment,
    embedding_distances,
    mantel,
    some_classes,
    trait_distances,
    tree_distances,
)
from pipeline.evaluate.measures.calibration import Calibration, calibration
from pipeline.evaluate.measures.confusion import Confused, TaxonAccuracy, confusion, taxon_accuracies
from pipeline.evaluate.measures.diagnostics import among, counts, diagnose
from pipeline.evaluate.measures.few_shot import few_shot, nearest_centroid, several
from pipeline.evaluate.measures.linear_probe import fit_probe
from pipeline.evaluate.measures.neighbours import check_dimensions
from pipeline.evaluate.measures.prototypes import PrototypeAccuracy, prototype_accuracies, prototypes
from pipeline.evaluate.measures.retrieval import retrieval
from pipeline.evaluate.measures.slices import Slice, slices
from pipeline.evaluate.measures.spread import PERMUTATIONS, Spread, spread_by_rank
from pipeline.evaluate.measures.vectors import (
    Codes,
    Flags,
    Numbers,
    Vectors,
    checked_labels,
    class_means,
    generator,
    one_of_each,
    unit,
)
from pipeline.evaluate.measures.zero_shot import TOP, classify
from pipeline.evaluate.text_vectors import TextVectors
from pipeline.evaluate.traits import Traits
from pipeline.evaluate.variant_columns import VariantMeasure, variant_measure
from pipeline.model.errors import EvaluationError

MOST_PROBE = 4_000_000_000
"""Training pictures x classes x dimensions of a linear probe; a larger one is left out."""
_Found = TypeVar("_Found")


@dataclass
class _Measures:
    """What is measured, and what was left out so far."""

    pictures: Labelled
    images: Vectors
    rules: EvaluationRules
    train: Flags
    evaluated: Flags
    chosen: Flags
    """What is asked about; the others teach alone. Labels and the shape of the embedding are told of these."""
    parts: Mapping[str, Flags]
    groups: Codes
    notes: list[str] = field(default_factory=list)

    def attempt(self, name: str, measure: Callable[[], _Found]) -> _Found | None:
        """Return a measure, or None and a note where it cannot be taken."""
        try:
            return measure()
        except EvaluationError as error:
            expected = f" (it needs {error.expected})" if error.expected else ""
            self.notes.append(f"{name} is left out: {error.what}{expected}")
            return None


def evaluate(
    pictures: Labelled,
    images: npt.NDArray[Any],
    texts: TextVectors | None = None,
    traits: Traits | None = None,
    untrained: npt.NDArray[Any] | None = None,
    rules: EvaluationRules | None = None,
    left_out: int = 0,
    where: str = "",
    chosen: Flags | None = None,
) -> Evaluated:
    """Return all measures of embeddings, float[pictures, dimensions], in the order of the pictures.

    `texts`: vectors of the classes' texts, of the same model; without them there is no zero-shot. `untrained`: the
    embeddings of the same pictures by an untrained model, as a control. `left_out`: pictures that were asked for and
    have no embedding. `where`, `chosen`: a condition, and of which pictures it is true; the others teach at most.
    Raises EvaluationError for embeddings that cannot be measured, such as those with NaN, and where none is chosen.
    """
    rules = rules or EvaluationRules()
    rules.check()
    vectors = unit(images, "image embeddings")
    if len(vectors) != len(pictures):
        raise EvaluationError(
            f"there are {len(pictures):,} pictures and {len(vectors):,} embeddings", expected="one for each picture"
        )
    checked_labels(pictures.labels, len(pictures), len(pictures.lineages))
    if texts is not None:
        check_dimensions(vectors, texts.vectors)
        missing = np.setdiff1d(pictures.labels, texts.classes)
        if missing.size:
            raise EvaluationError(
                f"{missing.size:,} classes with pictures have no text",
                where=f"such as {pictures.classes[int(missing[0])]!r}",
                expected="a text for each class of the pictures",
            )
    chosen = np.ones(len(pictures), np.bool_) if chosen is None else chosen
    if not chosen.any():
        raise EvaluationError("no picture is chosen", where, "a condition that is true of one picture or more")
    train = pictures.in_split(rules.train)
    evaluated = chosen & ~train if not train[chosen].all() else chosen
    taught = train & ~evaluated
    groups = pictures.groups()
    run = _Measures(pictures, vectors, rules, taught, evaluated, chosen, parts_of(pictures, evaluated, taught), groups)
    if train[chosen].all() and taught.any():
        run.notes.append(f"all that are judged are in the split {rules.train!r}: the others of it teach")
    if not taught.any():
        which = "all pictures are" if train.all() else "no picture is"
        run.notes.append(
            f"{which} in the split {rules.train!r}: all are judged, and what needs pictures to learn from is left out"
        )
    judged, guesses, sureness = _classifications(run, texts)
    labels = pictures.labels[evaluated]
    confused: list[Confused] = []
    taxa: list[TaxonAccuracy] = []
    sliced: list[Slice] = []
    if guesses is not None:
        keys = [key for key, mine in zip(pictures.keys, evaluated.tolist(), strict=True) if mine]
        confused = confusion(pictures.lineages, labels, guesses, sureness, keys)
        taxa = taxon_accuracies(pictures.lineages, labels, guesses)
        for column in SLICED:
            if column in pictures.columns:
                values = [value for value, mine in zip(pictures.columns[column], evaluated, strict=True) if mine]
                sliced.extend(slices(column, values, pictures.lineages, labels, guesses))
    diagnostics = run.attempt(
        "diagnostics", lambda: among(chosen, diagnose(vectors, pictures.labels, rules.folds, rules.seed, groups))
    )
    evaluation = Evaluation(
        images=len(pictures),
        dimensions=vectors.shape[1],
        classes=len(np.unique(pictures.labels)),
        trained=int(taught.sum()),
        evaluated=int(evaluated.sum()),
        left_out=left_out,
        where=where,
        rules=rules,
        classifications=judged,
        few_shot=_few_shot(run),
        linear_probe=run.attempt("linear_probe", lambda: _probe(run)) if taught.any() else None,
        prototypes=_prototypes(run) if taught.any() else (),
        retrieval=run.attempt(
            "retrieval", lambda: retrieval(vectors[evaluated], labels, seed=rules.seed, groups=groups[evaluated])
        ),
        calibration=run.attempt("calibration", lambda: _calibration(run, texts)) if texts is not None else None,
        slices=tuple(sliced),
        spread=_spread(run),
        alignment=_alignment(run, traits),
        variants=_variants(run),
        diagnostics=counts(diagnostics, chosen) if diagnostics is not None else None,
        controls=_controls(run, texts, untrained),
        notes=tuple(run.notes),
    )
    return Evaluated(evaluation, tuple(confused), tuple(taxa), diagnostics)


def _classifications(
    run: _Measures, texts: TextVectors | None
) -> tuple[tuple[Classification, ...], Codes | None, Numbers]:
    """Return the classifications, and the guesses of the first of them with their scores, of evaluated pictures."""
    pictures, images, evaluated = run.pictures, run.images, run.evaluated
    found = []
    first: Codes | None = None
    sureness = np.zeros(int(evaluated.sum()))
    k = max(TOP)
    if texts is None:
        run.notes.append("zero-shot is left out: there are no embeddings of the classes' texts")
    else:
        rows, scores = classify(images[evaluated], texts.vectors, k)
        guesses = texts.classes[rows]
        first, sureness = guesses[:, 0], scores[:, 0].astype(np.float64)
        whole = np.zeros((len(pictures), guesses.shape[1]), np.int64)
        whole[evaluated] = guesses
        found.append(judge("zero_shot", pictures, run.parts, whole, len(texts.classes), images, texts))

    def centroids() -> tuple[Codes, int]:
        labels = pictures.labels[run.train]
        return nearest_centroid(images[run.train], labels, images[evaluated], k), len(np.unique(labels))

    done = run.attempt("nearest_centroid", centroids) if run.train.any() else None
    if done is not None:
        guesses, candidates = done
        whole = np.zeros((len(pictures), guesses.shape[1]), np.int64)
        whole[evaluated] = guesses
        found.append(judge("nearest_centroid", pictures, run.parts, whole, candidates))
        first = guesses[:, 0] if first is None else first
    if first is None:
        run.notes.append("confusion, accuracy by taxon and slices are left out: there is nothing to classify by")
    return tuple(found), first, sureness


def _few_shot(run: _Measures) -> tuple[FewShotPart, ...]:
    found = []
    for part in (ALL, UNSEEN_SPECIES, UNSEEN_GENERA):
        mine = run.parts.get(part)
        if mine is not None:
            done = several(run.images[mine], run.pictures.labels[mine], run.rules.ks, run.rules.folds, run.groups[mine])
            if len(done) < len(run.rules.ks):
                left = ", ".join(str(k) for k in run.rules.ks if k not in {each.k for each in done})
                run.notes.append(f"few_shot of {part} with k = {left} is left out: too few classes have more images")
            if done:
                found.append(FewShotPart(part, done))
    return tuple(found)


def _probe(run: _Measures) -> LinearProbe:
    labels = run.pictures.labels
    classes = len(np.unique(labels[run.train]))
    size = int(run.train.sum()) * classes * run.images.shape[1]
    if size > MOST_PROBE:
        raise EvaluationError(
            f"{int(run.train.sum()):,} pictures x {classes:,} classes x {run.images.shape[1]:,} dimensions are many",
            expected=f"at most {MOST_PROBE:,}",
        )
    known = run.evaluated & np.isin(labels, labels[run.train])
    if not known.any():
        raise EvaluationError("no evaluated picture is of a class that training has")
    probe = fit_probe(run.images[run.train], labels[run.train])
    accuracy = float((probe.predict(run.images[known]) == labels[known]).mean())
    return LinearProbe(
        classes, int(run.train.sum()), int(known.sum()), accuracy, 1 / classes, probe.steps, probe.gradient
    )


def _prototypes(run: _Measures) -> tuple[PrototypeAccuracy, ...]:
    labels, lineages = run.pictures.labels, run.pictures.lineages
    known = prototypes(run.images[run.train], labels[run.train], lineages)
    return prototype_accuracies(known, run.images[run.evaluated], labels[run.evaluated], lineages)


def _calibration(run: _Measures, texts: TextVectors) -> Calibration:
    places = np.searchsorted(texts.classes, run.pictures.labels[run.evaluated])
    return calibration(run.images[run.evaluated], texts.vectors, places, seed=run.rules.seed)


def _alignment(run: _Measures, traits: Traits | None) -> tuple[Alignment, ...]:
    labels, rules = run.pictures.labels, run.rules
    present = np.unique(labels[run.chosen])
    means = class_means(run.images[run.chosen], labels[run.chosen], len(run.pictures.classes))

    def tree() -> Alignment:
        some = some_classes(present, seed=rules.seed)
        apart = tree_distances(run.pictures.lineages, some)
        return mantel(embedding_distances(means[some]), apart, "tree", rules.permutations, rules.seed)

    def of_traits() -> Alignment:
        assert traits is not None
        rows = np.flatnonzero(np.isin(traits.classes, present))
        some = some_classes(rows, seed=rules.seed)
        apart = trait_distances(traits.values[some])
        of_images = embedding_distances(means[traits.classes[some]])
        return mantel(of_images, apart, "traits", rules.permutations, rules.seed)

    found = [run.attempt("alignment with the tree", tree)]
    if traits is not None:
        found.append(run.attempt("alignment with traits", of_traits))
    return tuple(each for each in found if each is not None)


def _spread(run: _Measures) -> tuple[Spread, ...]:
    rows = _one_of_each(run)
    labels = run.pictures.labels[rows]
    return spread_by_rank(run.images[rows], labels, run.pictures.lineages, PERMUTATIONS, run.rules.seed)


def _one_of_each(run: _Measures) -> Codes:
    """Return the rows of one picture of each group, of those that are asked about."""
    rows = np.flatnonzero(run.chosen)
    return np.asarray(rows[one_of_each(run.groups[rows], run.rules.seed, 16)], np.int64)


def _variants(run: _Measures) -> tuple[VariantMeasure, ...]:
    rules = run.rules
    rows = _one_of_each(run)
    pictures, images = run.pictures.take(rows), run.images[rows]
    found = []
    for column in VARIANTS:
        if column in pictures.columns:
            measure = partial(variant_measure, pictures, images, column, rules.permutations, rules.seed)
            found.append(run.attempt(f"variants by {column}", measure))
    return tuple(each for each in found if each is not None)


def _controls(run: _Measures, texts: TextVectors | None, untrained: npt.NDArray[Any] | None) -> tuple[Control, ...]:
    images, labels, rules = run.images[run.evaluated], run.pictures.labels[run.evaluated], run.rules
    found: list[Control | None] = []
    if texts is not None and len(texts.classes) > 1:
        order = generator(rules.seed, 14).permutation(len(texts.classes))
        moved = np.empty_like(texts.vectors)
        moved[order] = texts.vectors[np.roll(order, 1)]
        guess = texts.classes[classify(images, moved, 1)[0][:, 0]]
        found.append(Control("shuffled_texts", float((guess == labels).mean()), None, 1 / len(texts.classes)))

    def shot(name: str, vectors: Vectors, shuffled: bool) -> Control:
        done = few_shot(vectors, labels, rules.ks[0], rules.folds, shuffled, run.groups[run.evaluated])
        return Control(name, done.accuracy, done.deviation, done.chance)

    found.append(run.attempt("the control shuffled_labels", lambda: shot("shuffled_labels", images, True)))
    if untrained is not None:
        if len(untrained) != len(run.pictures):
            raise EvaluationError(
                f"the untrained model has {len(untrained):,} embeddings", expected=f"{len(run.pictures):,}"
            )
        others = unit(untrained, "embeddings of the untrained model")[run.evaluated]
        found.append(run.attempt("the control untrained", lambda: shot("untrained", others, False)))
    return tuple(each for each in found if each is not None)
