"""The sections of a report, in the order in which they stand: each asks the catalog and answers in one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.cards.sections.conflicts import conflicts
from pipeline.cards.sections.copies import copies
from pipeline.cards.sections.dates import dates
from pipeline.cards.sections.faces import faces
from pipeline.cards.sections.families import tree
from pipeline.cards.sections.following import following
from pipeline.cards.sections.funnel import funnel
from pipeline.cards.sections.geography import places
from pipeline.cards.sections.hosts import hosts
from pipeline.cards.sections.leaks import leaks
from pipeline.cards.sections.names import names
from pipeline.cards.sections.pixels import pixels
from pipeline.cards.sections.planned import SHOWN_PLAN, planned
from pipeline.cards.sections.rights import rights
from pipeline.cards.sections.section import Asked, Chart, Picture, Pictures, Section, Table, Words, file_name
from pipeline.cards.sections.shots import Shots
from pipeline.cards.sections.shown import shown_tables
from pipeline.cards.sections.sources import sources
from pipeline.cards.sections.split import split
from pipeline.cards.sections.tail import tail
from pipeline.cards.sections.top import top
from pipeline.cards.sections.weight import weight

__all__ = [
    "SHOWN_PLAN",
    "Asked",
    "Chart",
    "Picture",
    "Pictures",
    "Section",
    "Shots",
    "Table",
    "Words",
    "file_name",
    "sections_of",
]


def sections_of(asked: Asked, shots: Shots | None = None) -> Iterator[Section]:
    """Yield the sections of a report in order; the first ones have the first pictures of what a report may hold."""
    shots = shots or Shots(asked.root)
    with shown_tables(asked):
        yield top(asked)
        yield faces(asked, shots)
        for section in (funnel, tree, tail, places, dates, rights, weight, names):
            yield section(asked)
        for pictured in (copies, leaks, conflicts):
            yield pictured(asked, shots)
        for section in (pixels, split, hosts):
            yield section(asked)
        yield from planned(asked)
        yield following(asked)
        yield sources(asked, shots)
