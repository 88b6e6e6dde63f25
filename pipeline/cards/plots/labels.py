"""How much of a drawing its labels need, so that none is cut, and none lies over another, on the narrowest page.

Widths of letters are guessed: a page knows its fonts only when it is shown. The guess is that of a wide face.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import east_asian_width

from pipeline.cards.plots.svg import shown, words

NARROW = 348
"""Pixels of a drawing on the narrowest page."""
LETTER, SMALL_LETTER = 7.2, 6.6
"""Pixels of a letter of 12 and of one of 11 pixels."""
_BESIDE, _DRAWN = 50, 28
"""Percent of the width that labels may take beside their rows, and that what is drawn needs; else they stand above."""
_NUMBERS = 40


def letters(text: object) -> int:
    """Return how many letters of usual width a text is as wide as.

    >>> letters("Aves"), letters("鳥綱")
    (4, 4)
    """
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in shown(text))


def shortened(text: object, most: float) -> str:
    """Return a text that is at most so many letters wide, with an ellipsis where it is cut.

    >>> shortened("Magnoliopsida", 8), shortened("Aves", 8), shortened("Aves", 0)
    ('Magnoli…', 'Aves', '…')
    """
    whole = shown(text)
    if letters(whole) <= most:
        return whole
    kept, wide = "", 1
    for each in whole:
        wide += letters(each)
        if wide > most:
            break
        kept += each
    return kept.rstrip() + "…"


def percent_of(texts: Iterable[object], letter: float = LETTER) -> int:
    """Return the percent of the width that the longest of some texts takes on the narrowest page.

    >>> percent_of(["Aves", "Mammalia"])
    19
    """
    return math.ceil(100 * (max(map(letters, texts), default=0) * letter + 8) / NARROW)


@dataclass(frozen=True, slots=True)
class Rows:
    """Where rows of a drawing have their labels and numbers, of which both fit: beside what is drawn, or above it.

    >>> Rows.of(["Aves", "Mammalia"], ["1,200"], 22)
    Rows(left=19, right=87, high=22, above=False)
    >>> Rows.of(["x" * 60], ["12"], 22)
    Rows(left=1, right=93, high=38, above=True)
    """

    left: int
    """Percent of the width where what is drawn begins."""
    right: int
    """Percent of the width where it ends."""
    high: int
    """Pixels of a row."""
    above: bool

    @classmethod
    def of(cls, labels: Iterable[object], notes: Iterable[object], high: int) -> Rows:
        """Return the places for some labels and for the numbers at the right; `high`: pixels of what is drawn."""
        left = percent_of(labels)
        right = 100 - min(percent_of(notes), _NUMBERS)
        if left > _BESIDE or right - left < _DRAWN:
            return cls(1, right, high + 16, True)
        return cls(left, right, high, False)

    @property
    def begin(self) -> int:
        """Pixels from the top of a row to the top of what is drawn."""
        return 16 if self.above else 0

    def texts(self, top: int, base: int, label: object, note: object, gap: int = 6) -> list[str]:
        """Return label and number of the row at `top`, whose letters stand `base` pixels below what is drawn begins."""
        number = words(100, top + self.begin + base, shortened(note, NARROW * _NUMBERS / 100 / LETTER), "end")
        if self.above:
            return [words(0, top + 13, shortened(label, NARROW / LETTER)), number]
        return [words(self.left, top + base, label, "end", -gap), number]
