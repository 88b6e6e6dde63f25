"""Kingdoms: other names for the same one, and which words are kingdoms at all.

Only a word from this list can veto a match: a hint such as 'Eukaryota' or 'unknown' says nothing against a candidate.
"""

from __future__ import annotations

_KINGDOMS = {
    "Animalia": ("animalia", "metazoa", "animal", "animals"),
    "Plantae": ("plantae", "viridiplantae", "archaeplastida", "plant", "plants", "embryophyta"),
    "Fungi": ("fungi", "mycota", "fungus"),
    "Chromista": ("chromista", "stramenopila", "straminipila"),
    "Protozoa": ("protozoa", "amoebozoa"),
    "Protista": ("protista", "protoctista"),
    "Bacteria": ("bacteria", "eubacteria", "monera"),
    "Archaea": ("archaea", "archaebacteria"),
    "Viruses": ("viruses", "virus", "viridae"),
}
_NAMES = {alias: name for name, aliases in _KINGDOMS.items() for alias in aliases}


def normalise_kingdom(verbatim: str) -> str | None:
    """Return the kingdom that a word means, or None when the word is not a kingdom.

    >>> normalise_kingdom("METAZOA"), normalise_kingdom("Viridiplantae"), normalise_kingdom("Eukaryota")
    ('Animalia', 'Plantae', None)
    """
    return _NAMES.get(verbatim.strip().casefold())


def kingdoms_differ(one: str, other: str) -> bool:
    """Return whether two words are kingdoms, and not the same one.

    Protists are cut into kingdoms in too many ways for 'Protista' to contradict Protozoa or Chromista.

    >>> kingdoms_differ("Metazoa", "Animalia"), kingdoms_differ("Fungi", "Plantae"), kingdoms_differ("x", "Fungi")
    (False, True, False)
    """
    a, b = normalise_kingdom(one), normalise_kingdom(other)
    if a is None or b is None or a == b:
        return False
    return not ("Protista" in (a, b) and {a, b} & {"Protozoa", "Chromista", "Plantae"})
