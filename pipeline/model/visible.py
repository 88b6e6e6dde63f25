r"""Text of records as people may safely see it: what steers a terminal, or is not seen, is written out.

Escapes are those of JSON, so that JSON that goes through here says the same as before.

Sources: Unicode Character Database (categories Cc, Cf, Cs, Zl, Zp, and Default_Ignorable_Code_Point), written out so
that the answer does not depend on Python's version of it; Unicode Technical Report 36, section 2.10 (bidirectional
text); CVE-2021-42574.
"""

from __future__ import annotations

import re

_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_STEERS = re.compile(f"[{_UNSEEN}]")
_STEERS_OR_BREAKS = re.compile(f"[{_UNSEEN}\t\n]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def visible(text: str) -> str:
    r"""Return the text with control characters but tab and line feed, invisible and direction-turning ones as escapes.

    >>> print(visible("Puma\x1b[2J \u202econcolor\ttwo\nlines, × and é"))
    Puma\u001b[2J \u202econcolor	two
    lines, × and é
    """
    return text if text.isascii() and text.isprintable() else _STEERS.sub(_escape, text)


def on_one_line(text: str) -> str:
    r"""Return the text as `visible` does, tabs and line feeds as escapes too, so that no text forges a line.

    >>> on_one_line("a\nkept\x9b1m")
    'a\\nkept\\u009b1m'
    """
    return text if text.isascii() and text.isprintable() else _STEERS_OR_BREAKS.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
