"""The stem key of a name: what stays the same when an epithet changes its gender or its spelling.

An adjectival epithet agrees in gender with its genus (ICZN article 34.2, ICN article 23.5), so it changes when its
species is moved; y, i and j, double letters, ae and e, and a mute h are written both ways in the literature. Two names
with one key are candidates for the same name, never proof of it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_FOLDS = (
    (re.compile(r"[yj]"), "i"),
    (re.compile(r"[ao]e(?!$)"), "e"),
    (re.compile(r"(?<=[rtg])h"), ""),
)
_DOUBLE = re.compile(r"([a-z])\1+")
_ENDINGS = (
    (re.compile(r"(?<=[bcdfgptv])r(?:a|um|us)$"), "er"),  # nigra, nigrum, niger
    (re.compile(r"trix$"), "tor"),
    (re.compile(r"ei$"), "i"),  # brownei, browni
    (re.compile(r"(?:us|um|is|os|on|a|e)$"), ""),
)
_SHORTEST = 3
"""Letters that must stay when an ending is cut off."""


@lru_cache(maxsize=262_144)
def stem(epithet: str) -> str:
    """Return the stem of one epithet: lower case, folded, without its ending.

    >>> stem("nigra") == stem("niger") == stem("nigrum"), stem("albus") == stem("alba"), stem("annuus") == stem("annua")
    (True, True, True)
    >>> stem("brownii") == stem("brownei"), stem("platyrhachis") == stem("platirachis")
    (True, True)
    >>> stem("alba") == stem("albida"), stem("smithi") == stem("smithae")
    (False, False)
    """
    word = unicodedata.normalize("NFKD", epithet.casefold()).encode("ascii", "ignore").decode()
    for pattern, instead in _FOLDS:
        word = pattern.sub(instead, word)
    for pattern, instead in _ENDINGS:
        cut = pattern.sub(instead, word)
        if cut != word:
            word = cut if len(cut) >= _SHORTEST else word
            break
    # Only now, because a letter may be doubled by its ending: annuus, annua.
    return _DOUBLE.sub(r"\1", word)


def stem_key(name: str) -> str:
    """Return the key of a whole canonical name: its first word, and the stems of the others; empty for one plain word.

    A string with a digit is a label (BOLD:AAA1234, 'AAA536-G10 sp003284565'): its key is itself without case, because
    one character of it means something else.

    >>> stem_key("Passer domesticus"), stem_key("Passer"), stem_key("bold:aaa1234")
    ('Passer domestic', '', 'bold:aaa1234')
    """
    if any(character.isdigit() for character in name):
        return name.casefold()
    first, *others = name.split(" ")
    return " ".join([first, *map(stem, others)]) if others else ""
