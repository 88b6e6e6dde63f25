"""What a report of an evaluation is made of, and how its sentences and tables write numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.cards.plots import shortened
from pipeline.cards.sections.section import NAMED
from pipeline.evaluate import Evaluated, Labelled
from pipeline.evaluation_report.shown_pictures import ShownPictures


@dataclass(frozen=True, slots=True)
class Compared:
    """Another evaluation, which this one is held against."""

    name: str
    facts: Mapping[str, Any]
    """Its document, `evaluation.json`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One evaluation and what is shown beside it."""

    pictures: Labelled
    found: Evaluated
    shown: ShownPictures
    journal: tuple[Mapping[str, Any], ...] = ()
    """Lines of the training run's log; empty where it is not known."""
    rank: str = ""
    """That confusion is told by; '' for the finest that can be read."""
    compared: tuple[Compared, ...] = ()

    def name(self, taxon: int) -> str:
        """Return the name of a class, by its number: its accepted name, else its id."""
        return self.pictures.names[taxon] if self.pictures.names else self.pictures.classes[taxon]

    def short(self, taxon: int) -> str:
        """Return the name of a class as a sentence has room for it."""
        return shortened(self.name(taxon), NAMED)


def share(value: float | None) -> str:
    """Return a share in percent.

    >>> share(0.8333), share(None), share(1)
    ('83.3\xa0%', '–', '100.0\xa0%')
    """
    return "–" if value is None else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def short_number(value: float | None) -> str:
    """Return a number of three digits.

    >>> short_number(0.012345), short_number(None)
    ('0.0123', '–')
    """
    return "–" if value is None else f"{value:.3g}"


def with_deviation(value: float, deviation: float | None) -> str:
    """Return a share and its standard deviation.

    >>> with_deviation(0.5, 0.02), with_deviation(0.5, None)
    ('50.0\xa0% ± 2.0\xa0%', '50.0\xa0%')
    """
    return share(value) + ("" if deviation is None else f" ± {share(deviation)}")


def words(name: str) -> str:
    """Return a name of the document as people write it.

    >>> words("zero_shot"), words("split:test_unseen_genus")
    ('zero-shot', 'split test unseen genus')
    """
    return "zero-shot" if name == "zero_shot" else name.replace("_", " ").replace(":", " ")
