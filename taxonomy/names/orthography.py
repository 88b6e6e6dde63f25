"""Spell name parts as the codes of nomenclature ask: plain Latin letters, no apostrophes, numerals as words.

The same epithet is published as 'mülleri' and 'muelleri', 'd'orbignyi' and 'dorbignyi', '10-lineata' and
'decemlineata'; the codes decide which is right, and catalogues follow them.

Sources: ICN (Shenzhen Code) articles 60.7 (ä, ö, ü become ae, oe, ue; é becomes e; ñ becomes n; ø becomes oe; å becomes
ao; a diaeresis is no umlaut) and 60.10 (apostrophes are deleted); ICZN articles 32.5.2.1 to 32.5.2.7 (umlauts,
apostrophes, numerals and abbreviations such as 'st.').
"""

from __future__ import annotations

import re
import unicodedata

_LETTERS = str.maketrans(
    {
        "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ß": "ss", "ø": "oe", "Ø": "Oe", "å": "ao", "Å": "Ao",
        "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ı": "i", "ŋ": "n",
    }
)  # fmt: skip
_UMLAUT = re.compile(r"([aeiouyAEIOUY]?)([äöüÄÖÜ])")
_PLAIN = {"ä": "a", "ö": "o", "ü": "u", "Ä": "A", "Ö": "O", "Ü": "U"}
_DROPPED = re.compile(r"['`´’‘ʼ′]|\.(?=.)")  # a full stop at the end is that of an abbreviated genus
_GREEK = re.compile(r"^[\u03b1-\u03c9]+-?")
_NUMERAL = re.compile(r"^(\d{1,3})-?(?=[a-z]{3})")
_ONES = ("", "uni", "bi", "tri", "quadri", "quinque", "sex", "septem", "octo", "novem")
_TEENS = (
    "decem", "undecim", "duodecim", "tredecim", "quatuordecim",
    "quindecim", "sedecim", "septendecim", "octodecim", "novemdecim",
)  # fmt: skip
_TENS = (
    "", "", "viginti", "triginta", "quadraginta", "quinquaginta", "sexaginta", "septuaginta", "octoginta", "nonaginta",
)  # fmt: skip
_AFTER_TENS = ("", "uni", "duo", "tri", "quatuor", "quinque", "sex", "septem", "octo", "novem")


def spell(part: str) -> str:
    """Return one name part (genus, subgenus or epithet) in the spelling of the codes; plain ASCII parts pass unchanged.

    >>> [spell(part) for part in ("mülleri", "coöperi", "Pårdosa", "cœrulescens", "d'orbignyi", "st.-johnii")]
    ['muelleri', 'cooperi', 'Paordosa', 'coerulescens', 'dorbignyi', 'st-johnii']
    >>> [spell(part) for part in ("10-lineata", "12spinosa", "22-punctata", "δmicrophylla", "Saxo-Fridericia")]
    ['decemlineata', 'duodecimspinosa', 'vigintiduopunctata', 'microphylla', 'Saxo-fridericia']
    """
    if part.isascii() and part.isalpha():
        return part
    text = _DROPPED.sub("", unicodedata.normalize("NFC", part))
    if not text.isascii():
        text = _GREEK.sub("", text)
        text = _UMLAUT.sub(_umlaut, text).translate(_LETTERS)
        # What is still marked loses its mark; letters of other scripts stay, so that nothing is hidden.
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    found = _NUMERAL.match(text)
    if found and 1 <= int(found[1]) <= 100:
        text = numeral(int(found[1])) + text[found.end() :]
    if "-" in text and text[:1].isupper():
        text = text[0] + text[1:].lower()
    return text


def _umlaut(found: re.Match[str]) -> str:
    before, letter = found[1], found[2]
    # Behind a vowel two dots are a diaeresis ('coöperi'), which says only that both are spoken.
    return before + _PLAIN[letter] + ("" if before else "e")


def numeral(number: int) -> str:
    """Return a number from 1 to 100 as the first part of a compound epithet.

    >>> [numeral(number) for number in (2, 7, 13, 20, 24, 100)]
    ['bi', 'septem', 'tredecim', 'viginti', 'vigintiquatuor', 'centum']
    """
    if number < 10:
        return _ONES[number]
    if number < 20:
        return _TEENS[number - 10]
    return "centum" if number == 100 else _TENS[number // 10] + _AFTER_TENS[number % 10]
