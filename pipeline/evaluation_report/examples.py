"""Which pictures are shown: wrong ones beside one of the taxon that they were taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.cards.sections.section import Picture
from pipeline.evaluation_report.subject import Subject


@dataclass(frozen=True, slots=True)
class Mistaken:
    """Pictures of one taxon that were taken for another."""

    keys: tuple[str, ...]
    label: int
    taken_for: int
    note: str


def examples(subject: Subject, taxa: Sequence[int]) -> Mapping[int, str]:
    """Return the key of a picture of each taxon that has one.

    Of those that teach, else of all, and of these one that is no likely mislabel where there is one: the first by key.
    """
    pictures, diagnostics = subject.pictures, subject.found.diagnostics
    teaching = pictures.in_split(subject.found.evaluation.rules.train)
    sound = ~diagnostics.mislabelled if diagnostics is not None else np.ones(len(pictures), np.bool_)
    found = {}
    for taxon in sorted(set(taxa)):
        rows = np.flatnonzero(pictures.labels == taxon)
        for some in (sound, teaching):
            if some[rows].any():
                rows = rows[some[rows]]
        if rows.size:
            found[taxon] = pictures.keys[int(rows[0])]
    return found


def beside(subject: Subject, mistakes: Sequence[Mistaken]) -> tuple[tuple[Picture, ...], ...]:
    """Return a group for each of some mistakes: its pictures, then one of the taxon that they were taken for.

    All are looked up at once, as a run is asked for them in one question.
    """
    known = examples(subject, [each.taken_for for each in mistakes])
    subject.shown.load([*(key for each in mistakes for key in each.keys), *known.values()])
    groups = []
    for each in mistakes:
        wrong = [subject.shown.picture(key, subject.name(each.label), each.note) for key in each.keys]
        if each.taken_for in known:
            other = subject.shown.picture(known[each.taken_for], subject.name(each.taken_for), "for comparison")
        else:
            other = Picture("", subject.name(each.taken_for), "no picture of it is among those evaluated")
        groups.append((*wrong, other))
    return tuple(groups)
