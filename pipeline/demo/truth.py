"""The truth table: how every input row of the corpus must end, worked out from what was planted, never from a run.

Rows of one image that several sources publish are decided here by the pipeline's published rule of priority, restated
in a few lines of its own, so that the corpus can serve as an oracle for the real one.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.model.outcomes import Outcome

COLUMNS = ("row_id", "source", "outcome", "other", "note")
SOURCES = ("gbif", "eol", "bioscan", "fathomnet")
"""Names of the sources in the recipe, in order of priority."""
OPENNESS = (("CC0", "PD"), ("CC-BY",), ("CC-BY-SA",), ("CC-BY-NC",), ("CC-BY-NC-SA",), ("CC-BY-ND",), ("CC-BY-NC-ND",))
"""Licence families, most open first; families in one group are equally open."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One input row that ends with an image: who says it, how precisely it names the taxon, and on which terms."""

    row_id: str
    source: str
    specific: bool
    """True for a species, False for a genus."""
    licence: str
    pixels: int
    """Pixels of the image, or of the crop, as published."""
    vouched: bool = False
    """True for a specimen, which can be determined again."""

    def rank(self) -> tuple[bool, bool, int, int, int, str]:
        """Return the sort key of the priority rule: the smallest is kept.

        >>> small = Claim("a", "gbif", True, "CC0", 100)
        >>> large = Claim("b", "gbif", True, "CC-BY", 900)
        >>> min([large, small], key=Claim.rank).row_id
        'a'
        """
        openness = next(number for number, group in enumerate(OPENNESS) if self.licence in group)
        return not self.specific, not self.vouched, openness, -self.pixels, SOURCES.index(self.source), self.row_id


@dataclass(slots=True)
class Truth:
    """The table as it grows."""

    rows: list[tuple[str, str, str, str, str]] = field(default_factory=list)

    def add(self, row_id: str, source: str, outcome: Outcome, other: str = "", note: str = "") -> None:
        """State how one input row ends."""
        self.rows.append((row_id, source, outcome.code, other, note))

    def end(self, claim: Claim, outcome: Outcome, other: str = "", note: str = "") -> None:
        """State how the row of a claim ends."""
        self.add(claim.row_id, claim.source, outcome, other, note)

    def keep(self, claim: Claim, note: str = "") -> None:
        """State that the row of a claim is kept."""
        self.end(claim, Outcome.KEPT, note=note)

    def decide(self, rivals: Sequence[tuple[Claim, str]], note: str) -> None:
        """State the ends of rows that show one image: (claim, content key), where equal keys mean equal pixels.

        >>> truth = Truth()
        >>> truth.decide([(Claim("b", "eol", True, "PD", 9), "x"), (Claim("a", "gbif", True, "CC-BY", 9), "x")], "")
        >>> [(row[0], row[2], row[3]) for row in truth.rows]
        [('b', 'kept', ''), ('a', 'exact_duplicate', 'b')]
        """
        winner, winning = min(rivals, key=lambda rival: rival[0].rank())
        for claim, content in rivals:
            if claim is winner:
                self.keep(claim, note)
            else:
                same = content == winning
                self.end(claim, Outcome.EXACT_DUPLICATE if same else Outcome.NEAR_DUPLICATE, winner.row_id, note)

    def collapse(self, claims: Sequence[Claim], note: str, outcome: Outcome = Outcome.KEPT) -> None:
        """State the ends of rows that name one medium: the preferred one ends with `outcome`, in the others' name.

        Claims state pixels only where the source declares them, for nothing else is known before the medium is had.
        """
        winner = min(claims, key=Claim.rank)
        for claim in claims:
            if claim is winner:
                self.end(claim, outcome, note=note)
            else:
                self.end(claim, Outcome.SAME_MEDIUM, winner.row_id, note)

    def write(self, path: Path) -> None:
        """Write the table as CSV, sorted by content, so that the order of drawing leaves no trace."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(sorted(self.rows))
