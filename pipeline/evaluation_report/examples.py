"""Which pictures are shown: wrong ones beside one of the taxon that they were taken for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.cards.sections.section import Picture
from pipeline.evaluation_report.subject import Subject


def example(subject: Subject, taxon: int) -> str:
    """Return the key of a picture of a taxon, '' where there is none.

    Of those that teach, else of all, and of these one that is no likely mislabel where there is one: the first by key.
    """
    pictures, diagnostics = subject.pictures, subject.found.diagnostics
    rows = np.flatnonzero(pictures.labels == taxon)
    for some in (
        ~diagnostics.mislabelled if diagnostics is not None else np.ones(len(pictures), np.bool_),
        pictures.in_split(subject.found.evaluation.rules.train),
    ):
        if some[rows].any():
            rows = rows[some[rows]]
    return pictures.keys[int(rows[0])] if rows.size else ""


def beside(subject: Subject, wrong: Sequence[tuple[str, int, str]], taxon: int) -> tuple[Picture, ...]:
    """Return some pictures, as (key, taxon of the label, note), and then one of the taxon they were taken for."""
    key = example(subject, taxon)
    subject.shown.load([*(each for each, _, _ in wrong), *([key] if key else [])])
    found = [subject.shown.picture(each, subject.name(label), note) for each, label, note in wrong]
    if key:
        return (*found, subject.shown.picture(key, subject.name(taxon), "for comparison"))
    return (*found, Picture("", subject.name(taxon), "no picture of it is among those evaluated"))
