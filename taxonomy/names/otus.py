"""Operational units: strings that stand for a cluster of sequences, not for a name.

One other character is another unit, so they are matched whole and never by likeness.

Sources: BOLD's Barcode Index Numbers (three letters, four digits: 'BOLD:AAA0001'), UNITE's species hypotheses
('SH1234567.08FU'), GTDB's placeholder species ('Prochlorococcus sp003284565').
"""

from __future__ import annotations

import re

_BIN = r"bold[:_\- ]?\s?([a-z]{3}\d{4})"
_SH = r"(sh\d{6,8}\.\d{2}fu)"
_ALONE = re.compile(rf"(?i)^(?:bin[: ]+)?(?:{_BIN}|{_SH})$")
_BEHIND = re.compile(rf"(?i)^([a-z]\S*.*?)[ (\[]+(?:{_BIN}|{_SH})[)\]]?$")
_SEQUENCE_UNIT = re.compile(r"(?i)^(z?otu|asv|esv|mag)[ _:-]?(\d+)$")
_GTDB = re.compile(r"^([A-Z][a-z]+)(?:_[A-Z]{1,2})? sp\d{6,}$")


def read_otu(text: str) -> str:
    """Return the operational unit that the whole text names, in its one spelling, or an empty string.

    >>> [read_otu(text) for text in ("bold:aaa0001", "BOLD_AAA0001", "sh460441.07fu", "OTU 12", "Puma")]
    ['BOLD:AAA0001', 'BOLD:AAA0001', 'SH460441.07FU', 'OTU12', '']
    """
    found = _ALONE.match(text)
    if found:
        return _written(found[1], found[2])
    found = _SEQUENCE_UNIT.match(text)
    return found[1].upper() + found[2] if found else ""


def otu_behind(text: str) -> tuple[str, str]:
    """Return what stands before a BIN or species hypothesis at the end of the text, and that unit; else text and
    nothing.

    >>> otu_behind("Coleoptera sp. BOLD:AAV0432"), otu_behind("Puma concolor")
    (('Coleoptera sp.', 'BOLD:AAV0432'), ('Puma concolor', ''))
    """
    found = _BEHIND.match(text)
    return (found[1].rstrip(), _written(found[2], found[3])) if found else (text, "")


def gtdb_genus(text: str) -> str:
    """Return the genus of a GTDB placeholder species, or an empty string.

    >>> gtdb_genus("Prochlorococcus_A sp003284565"), gtdb_genus("Prochlorococcus sp. 3")
    ('Prochlorococcus', '')
    """
    found = _GTDB.match(text)
    return found[1] if found else ""


def _written(bin_: str | None, hypothesis: str | None) -> str:
    return f"BOLD:{bin_.upper()}" if bin_ else (hypothesis or "").upper()
