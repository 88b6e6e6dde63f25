"""One way to classify, judged: over all evaluated pictures, over each split, and over taxa that training has not seen.

`unseen_species`: pictures of taxa that training has no picture of, of genera that it has; `unseen_genera`: of genera
that it has none of; `seen_taxa`: all others that training has. Without training pictures there are no such parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from manifests.recipe import RANKS
from pipeline.evaluate.labelled import Labelled
from pipeline.evaluate.measures.lineages import MISSING, Lineages
from pipeline.evaluate.measures.ranks import RankAccuracy, rank_accuracies
from pipeline.evaluate.measures.severity import Severity, severity
from pipeline.evaluate.measures.vectors import Codes, Flags, Vectors
from pipeline.evaluate.measures.zero_shot import TopK, classify, top_accuracies
from pipeline.evaluate.text_vectors import TextVectors

ALL = "all"
SEEN, UNSEEN_SPECIES, UNSEEN_GENERA = "seen_taxa", "unseen_species", "unseen_genera"
_GENUS = RANKS.index("genus")


@dataclass(frozen=True, slots=True)
class Within:
    """Accuracy where only the classes of the part are candidates: for taxa that training has not seen the only one that
    is not won by those that it has."""

    classes: int
    accuracy: float
    chance: float
    ranks: tuple[RankAccuracy, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the pictures."""

    name: str
    images: int
    classes: int
    """That the pictures are of."""
    top: tuple[TopK, ...]
    """Among all candidates."""
    within: Within | None
    """None where the classes of the part have no text."""
    ranks: tuple[RankAccuracy, ...]
    severity: Severity


@dataclass(frozen=True, slots=True)
class Classification:
    """What one way to classify gets right."""

    method: str
    """'zero_shot' or 'nearest_centroid'."""
    candidates: int
    """Classes that could be predicted."""
    parts: tuple[Part, ...]


def parts_of(pictures: Labelled, evaluated: Flags, train: Flags) -> Mapping[str, Flags]:
    """Return the parts of the evaluated pictures by name: all, each split, and what training has seen of them.

    >>> import pyarrow as pa
    >>> from pipeline.evaluate.labelled import labelled
    >>> rows = {"key": ["a", "b", "c"], "accepted_id": ["1", "2", "3"], "genus": ["Puma", "Puma", "Lynx"]}
    >>> found = parts_of(labelled(pa.table(rows)), np.array([False, True, True]), np.array([True, False, False]))
    >>> {name: mine.tolist() for name, mine in found.items()}["unseen_genera"]
    [False, False, True]
    """
    parts = {ALL: evaluated}
    splits = pictures.columns.get("split", ())
    for split in sorted({value for value in splits if value}):
        mine = evaluated & pictures.in_split(split)
        if mine.any():
            parts[f"split:{split}"] = mine
    if train.any():
        parts.update(unseen(pictures.lineages, pictures.labels, evaluated, train))
    return parts


def unseen(lineages: Lineages, labels: Codes, evaluated: Flags, train: Flags) -> Mapping[str, Flags]:
    """Return which evaluated pictures are of taxa that training has seen, of its genera, and of others; if any are."""
    known = np.isin(labels, labels[train])
    genus = lineages.codes[labels, _GENUS]
    of_known_genus = np.isin(genus, genus[train]) & (genus != MISSING)
    parts = {
        SEEN: known,
        UNSEEN_SPECIES: ~known & of_known_genus,
        UNSEEN_GENERA: ~known & ~of_known_genus & (genus != MISSING),
    }
    return {name: mine & evaluated for name, mine in parts.items() if (mine & evaluated).any()}


def judge(
    method: str,
    pictures: Labelled,
    parts: Mapping[str, Flags],
    guesses: Codes,
    candidates: int,
    images: Vectors | None = None,
    texts: TextVectors | None = None,
) -> Classification:
    """Return what guesses get right: int64[pictures, k], the likeliest class first; rows of no part are not looked at.

    `images` and `texts`: unit vectors, by which pictures are also classified among the classes of their part alone.
    """
    found = []
    for name, mine in parts.items():
        labels, guess = pictures.labels[mine], guesses[mine]
        within = None if images is None or texts is None else _within(pictures.lineages, images[mine], labels, texts)
        found.append(
            Part(
                name=name,
                images=len(labels),
                classes=len(np.unique(labels)),
                top=top_accuracies(guess, labels, candidates),
                within=within,
                ranks=rank_accuracies(pictures.lineages, labels, guess[:, 0]),
                severity=severity(pictures.lineages, labels, guess[:, 0]),
            )
        )
    return Classification(method, candidates, tuple(found))


def _within(lineages: Lineages, images: Vectors, labels: Codes, texts: TextVectors) -> Within:
    classes = np.unique(labels)
    found, _ = classify(images, texts.vectors[np.searchsorted(texts.classes, classes)], 1)
    guess = classes[found[:, 0]]
    right = float((guess == labels).mean())
    return Within(len(classes), right, 1 / len(classes), rank_accuracies(lineages, labels, guess))
