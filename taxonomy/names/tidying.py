"""Clean a string before it is parsed: what editors, web pages and file names leave in names, and no name contains."""

from __future__ import annotations

import html
import re
import unicodedata

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_TAG = re.compile(r"(?i)</?(?:i|em|b|strong|u|sub|sup|span|font|a|br|p)(?:\s[^<>]{0,200})?/?>")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_JOINED = re.compile(r"^[A-Z][a-z-]{2,}(?:_[a-z-]{3,}){1,3}(?:_\(?[A-Za-zÀ-ÿ.&-]+,?)*(?:_\d{4}\)?)?$")
_REMARK = re.compile(r"\s*\((?:synonym (?:for|of)|homonym of|misspelling (?:for|of)|formerly)\b.*\)$")
_MARKER = re.compile(r" (?:\((cf|aff|nr)\.?\)|c\. ?f\.) ")
_SHOUTED = re.compile(r"^([A-Z]{3,}) ([A-Z-]{3,})(?: (.*))?$")
_PAIRS = (('"', '"'), ("“", "”"), ("«", "»"), ("„", "“"))


def tidy(text: str) -> str:
    """Return the text without tags, entities, invisible characters, doubled blanks and quotes around the whole.

    Remarks on synonymy at the end go too: they name another taxon. Words joined by underscores are parted where nothing
    else is in the text (underscores inside a code, as in 'JGI 01_E13', belong to it), a name all in capitals is written
    as names are, and 'c.f.' and '(cf.)' as 'cf.'.

    >>> tidy("\ufeff<i>Puma</i>&nbsp;concolor  "), tidy("Puma_concolor_couguar"), tidy("“Puma concolor”")
    ('Puma concolor', 'Puma concolor couguar', 'Puma concolor')
    >>> tidy("PUMA CONCOLOR LINNAEUS, 1771"), tidy("Candida albicans RNA_CTR0-3")
    ('Puma concolor Linnaeus, 1771', 'Candida albicans RNA_CTR0-3')
    >>> tidy("Dendranthema grandiflora (synonym for Chrysanthemum x morifolium)")
    'Dendranthema grandiflora'
    """
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", text)
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    text = _BLANKS.sub(" ", text).strip()
    for left, right in _PAIRS:
        inner = text[1:-1]
        if inner and (text[0], text[-1]) == (left, right) and left not in inner and right not in inner:
            text = inner.strip()
    if text.endswith(")"):
        text = _REMARK.sub("", text)
    text = _MARKER.sub(lambda found: f" {(found[1] or 'cf').lower()}. ", text)
    if "_" in text and " " not in text and _JOINED.match(text):
        text = text.replace("_", " ")
    found = _SHOUTED.match(text) if text.isupper() else None
    if found:
        genus, epithet, rest = found[1].capitalize(), found[2].lower(), found[3] or ""
        authored = re.search(r"[\d,&(]", rest) is not None
        text = f"{genus} {epithet} {rest.title() if authored else rest.lower()}".rstrip()
    return text
