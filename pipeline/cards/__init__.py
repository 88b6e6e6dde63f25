"""Cards: the dataset card, its Croissant description, the attribution of every image, and citations."""

from pipeline.cards.citations import citation
from pipeline.cards.write import ATTRIBUTION, CARD, CARDS, CROISSANT, REPORT, write_attribution, write_cards

__all__ = ["ATTRIBUTION", "CARD", "CARDS", "CROISSANT", "REPORT", "citation", "write_attribution", "write_cards"]
