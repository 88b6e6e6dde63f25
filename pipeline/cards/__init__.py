"""Cards: the dataset card, its Croissant description, the attribution of every image, and citations."""

from pipeline.cards.sections.citations import citation
from pipeline.cards.write import (
    ATTRIBUTION,
    CARD,
    CARDS,
    CROISSANT,
    REPORT,
    REPORT_FACTS,
    SAMPLE,
    make_report,
    write_attribution,
    write_cards,
)

__all__ = [
    "ATTRIBUTION",
    "CARD",
    "CARDS",
    "CROISSANT",
    "REPORT",
    "REPORT_FACTS",
    "SAMPLE",
    "citation",
    "make_report",
    "write_attribution",
    "write_cards",
]
