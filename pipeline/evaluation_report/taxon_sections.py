"""Sections with pictures: the taxa that are known least, the pairs that are confused most, labels that may be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pipeline.cards.sections.section import Pictures, Row, Section, Table, count
from pipeline.evaluate.measures.slices import wilson
from pipeline.evaluation_report.examples import Mistaken, beside
from pipeline.evaluation_report.subject import Subject, share, short_number

WORST, PAIRS, LABELS = 12, 10, 16
"""Groups of pictures of each section."""
OF_WORST, OF_PAIR = 2, 2
"""Wrong pictures of a group."""
ROWS, ALIKE = 20, 2
"""Rows of a table, and pictures that are shown of one label and one likelier taxon."""
_ALL = "All are in {}, in the folder of this report."


def worst_taxa(subject: Subject) -> Section:
    """Return the taxa that are known least often, of equal ones those of most pictures, with their surest mistakes."""
    question = "Which taxa are known least?"
    judged = [each for each in subject.found.taxa if each.accuracy is not None]
    known = [each for each in judged if each.accuracy is not None and each.accuracy < 1]
    if not known:
        told = (
            f"All of {count(len(judged), 'taxon', 'taxa')} are always known." if judged else "Nothing was classified."
        )
        return Section("worst", question, told)
    known.sort(key=lambda each: (each.accuracy, -each.images, each.taxon))
    pairs: dict[int, list[int]] = {}
    for at, pair in enumerate(subject.found.confusion):
        pairs.setdefault(pair.true, []).append(at)
    never = sum(not each.right for each in known)
    answer = (
        f"{subject.short(known[0].taxon)}: {known[0].right:,} of {count(known[0].images, 'picture')} are right. "
        f"{count(never, 'taxon is', 'taxa are')} never known, of {len(judged):,}."
    )
    shown = []
    for each in known[:WORST]:
        pair = subject.found.confusion[pairs[each.taxon][0]]
        note = f"taken for {subject.short(pair.predicted)} ({pair.images:,} of {each.images:,})"
        shown.append(Mistaken(pair.pictures[:OF_WORST], each.taxon, pair.predicted, note))
    rows = []
    for each in known:
        low, high = wilson(each.right, each.images)
        first = subject.found.confusion[pairs[each.taxon][0]]
        rows.append(
            (
                *(subject.name(each.taxon), each.images, share(each.accuracy), f"{share(low)} to {share(high)}"),
                *(share(each.precision), f"{subject.name(first.predicted)} ({first.images:,})"),
            )
        )
    headers = ("taxon", "pictures", "right", "interval of 95 %", "precision", "most often taken for")
    says = "The surest mistakes of each; the last picture of a group is of the taxon that they were taken for."
    parts = (Pictures(says, beside(subject, shown), _ALL.format("taxa.parquet")), _first(headers, rows))
    return Section("worst", question, answer, parts)


def confused_pairs(subject: Subject) -> Section:
    """Return the pairs of taxa that are confused most often, with their surest mistakes."""
    question = "Which taxa are taken for which?"
    pairs = subject.found.confusion
    if not pairs:
        told = "No taxon was taken for another." if subject.found.taxa else "Nothing was classified."
        return Section("pairs", question, told)
    first = pairs[0]
    answer = (
        f"Most often {subject.short(first.true)} is taken for {subject.short(first.predicted)}: "
        f"{count(first.images, 'picture')}, {share(first.share)} of its own. "
        f"{count(len(pairs), 'pair of taxa is', 'pairs of taxa are')} confused."
    )
    shown = []
    for pair in pairs[:PAIRS]:
        note = f"taken for {subject.short(pair.predicted)}, as {share(pair.share)} of its pictures"
        shown.append(Mistaken(pair.pictures[:OF_PAIR], pair.true, pair.predicted, note))
    rows = [
        (subject.name(pair.true), subject.name(pair.predicted), pair.images, share(pair.share), pair.height)
        for pair in pairs
    ]
    says = "The surest mistakes of each pair; the last picture of a group is of the taxon that they were taken for."
    return Section(
        "pairs",
        question,
        answer,
        (
            Pictures(says, beside(subject, shown), _ALL.format("confusion.parquet")),
            _first(("taxon", "taken for", "pictures", "share", "ranks up the tree"), rows),
        ),
    )


def likely_mislabels(subject: Subject) -> Section:
    """Return the pictures whose label is likely wrong, the surest first, beside one of the taxon that is likelier."""
    question = "Which labels may be wrong?"
    counts, found = subject.found.evaluation.diagnostics, subject.found.diagnostics
    if counts is None or found is None:
        return Section("labels", question, "Labels were not judged; what is missing says why.")
    rows = np.flatnonzero(found.mislabelled)
    keys = subject.pictures.keys
    order = sorted(rows.tolist(), key=lambda row: (-float(found.margin[row]), keys[row]))
    estimated = f"{share(counts.estimated_mislabelled)} of labels are estimated to be wrong"
    if not found.tells_labels:
        cannot = (
            f"By these embeddings {share(counts.estimated_mislabelled)} of labels would be wrong: they cannot tell."
        )
        return Section("labels", question, cannot)
    if not order:
        return Section("labels", question, f"None is likely to be: {estimated}.")
    answer = f"{count(len(order), 'picture is', 'pictures are')} likely mislabelled; {estimated}."
    shown: list[Mistaken] = []
    told: list[Row] = []
    alike: Counter[tuple[int, int]] = Counter()
    for row in order:
        label, likelier = int(subject.pictures.labels[row]), int(found.suggested[row])
        alike[label, likelier] += 1
        if len(shown) < LABELS and alike[label, likelier] <= ALIKE:
            note = f"labelled so; likelier {subject.short(likelier)}"
            shown.append(Mistaken((keys[row],), label, likelier, note))
        told.append((keys[row], subject.name(label), subject.name(likelier), short_number(float(found.margin[row]))))
    note = (
        "A model that mistakes two taxa for each other calls their pictures mislabelled: look before you drop them. "
        + _ALL.format("scores.parquet")
    )
    says = f"The surest, at most {ALIKE} of one label and likelier taxon, each beside a picture of that taxon."
    parts = (Pictures(says, beside(subject, shown), note), _first(("key", "label", "likelier", "margin"), told))
    return Section("labels", question, answer, parts)


def _first(headers: tuple[str, ...], rows: Sequence[Row]) -> Table:
    return Table(headers, tuple(rows[:ROWS]), len(rows))
