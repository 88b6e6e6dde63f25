"""Countries as codes of ISO 3166-1 alpha-2, in upper case."""

from __future__ import annotations

from manifests.vocabularies.country_names import COUNTRY_LINES
from manifests.vocabularies.vocabulary import Vocabulary


def _countries() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in COUNTRY_LINES.splitlines():
        code, alpha3, names = line.split(" ", 2)
        found[code] = (*found.get(code, (alpha3,)), *names.split(" | "))
    return found


COUNTRY = Vocabulary("Country", "ISO 3166-1 alpha-2, and XK, XZ and ZZ as GBIF writes them", _countries())
"""dwc:countryCode."""
COUNTRIES = frozenset(COUNTRY.terms)
"""The codes."""
COUNTRIES_MEANT = {"EN": "GB", "SP": "ES", "SW": "SE", "JA": "JP", "KO": "KR", "DA": "DK"}
"""Codes of languages that are written for a country by mistake: what an error suggests, and no record is read by."""
