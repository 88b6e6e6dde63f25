r"""Text of records in a Markdown page: it is shown as it is, and is never a link, markup or HTML.

Sources: CommonMark 0.31.2, sections 2.4 (backslash escapes), 4 and 5 (what may begin a block), 6.2 (emphasis); GitHub
Flavored Markdown 0.29, sections 4.10 (tables) and 6.9 (bare addresses become links); https://www.crossref.org on the
characters of a DOI.
"""

from __future__ import annotations

import json
import re

from pipeline.cards.sections.citations import COLLECTION_ADDRESSES
from pipeline.model.visible import on_one_line

LONGEST = 500
"""Characters of one value; a card is for reading, and all of the value is in the catalog."""
_SPACE = re.compile(r"[\s\u2028\u2029]+")
_BEGINS = re.compile(r"[-+=]|[0-9]+[.)](?=\s|$)")
_MARKS = re.compile(
    r"[\\`*\[\]<>|~${}@^]|(?<![^\W_])_|_(?![^\W_])|(?<!\S)#|#(?!\S)|&(?=[#\w])|:(?=\S)|(?<![:/])/(?=/)|(?<=[wW]{3})\."
)
_DOI = r"https://doi\.org/10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[A-Za-z0-9]"
_TRUSTED = re.compile(
    rf"(?<!\S)(?:{'|'.join([_DOI, *map(re.escape, sorted(COLLECTION_ADDRESSES))])})(?=[.,;]?(?:\s|$))", re.ASCII
)
"""Addresses that stay: those of the collections that are cited, and DOIs, which lead to a register."""


def plain(value: object) -> str:
    r"""Return a value as Markdown that renders as its own text, on one line; None as nothing.

    >>> plain("[x](javascript:alert)"), plain("<b>a|b</b>"), plain("*Puma* × d'Orbigny, 1834 (n. sp.)")
    ('\\[x\\](javascript\\:alert)', '\\<b\\>a\\|b\\</b\\>', "\\*Puma\\* × d'Orbigny, 1834 (n. sp.)")
    >>> plain("near_duplicate"), plain("# 1"), plain("1) a\x1b[2J"), plain("www.e.org, http://e.org")
    ('near_duplicate', '\\# 1', '1\\) a\\\\u001b\\[2J', 'www\\.e.org, http\\://e.org')
    >>> plain("see https://doi.org/10.15468/dl.ab12cd")
    'see https://doi.org/10.15468/dl.ab12cd'
    """
    text = _shown(value)
    parts, at = [], 0
    for found in _TRUSTED.finditer(text):
        parts += [_MARKS.sub(r"\\\g<0>", text[at : found.start()]), found[0]]
        at = found.end()
    escaped = "".join(parts) + _MARKS.sub(r"\\\g<0>", text[at:])
    begins = _BEGINS.match(escaped)
    return escaped if begins is None else f"{escaped[: begins.end() - 1]}\\{escaped[begins.end() - 1 :]}"


def code(value: object) -> str:
    """Return a value as a code span outside tables, back-ticks in it as apostrophes.

    >>> code("a`b"), code(None)
    ("`a'b`", '` `')
    """
    return "`" + (_shown(value).replace("`", "'") or " ") + "`"


def yaml_text(value: object) -> str:
    r"""Return a value as a double-quoted scalar of YAML 1.2, which JSON's strings are, on one line.

    >>> yaml_text('a: "b"\n--- <x>')
    '"a: \\"b\\" --- <x>"'
    """
    return json.dumps(_shown(value), ensure_ascii=False)


def _shown(value: object) -> str:
    text = on_one_line(_SPACE.sub(" ", "" if value is None else str(value)).strip())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
