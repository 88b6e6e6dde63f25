"""Controlled vocabularies: closed lists of words that records are brought to, and that a recipe may write.

Each list stands here alone: the readers of sources, the checks of recipes and docs/vocabularies.md take it from here.
"""

from __future__ import annotations

from manifests.vocabularies.countries import COUNTRIES, COUNTRIES_MEANT, COUNTRY
from manifests.vocabularies.observations import BASES, CATEGORIES, QUALITY_GRADE, TAXON_RANKS
from manifests.vocabularies.organisms import LIFE_STAGE, SEX
from manifests.vocabularies.vocabulary import Vocabulary, folded

__all__ = [
    "BASES",
    "CATEGORIES",
    "COUNTRIES",
    "COUNTRIES_MEANT",
    "COUNTRY",
    "LIFE_STAGE",
    "QUALITY_GRADE",
    "SEX",
    "TAXON_RANKS",
    "Vocabulary",
    "folded",
]
