"""SQL text as statements: where one ends, what may be asked, and the words that it names outcomes and stages by."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb

TABLES = (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI)
"""What is answered with rows: SHOW, DESCRIBE, SUMMARIZE and FROM are kinds of SELECT; a PIVOT is several statements."""
QUESTIONS = (*TABLES, duckdb.StatementType.EXPLAIN)
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<tag>\$\w*\$).*?(?P=tag)|\w+|.""", re.DOTALL
)
_OPENS = re.compile(r"""['"]|/\*|\$\w*\$""")
"""What begins a token that has no end, where the token is this one character."""
_COMPARED = re.compile(
    r"\b(?P<column>outcome|stage)\s*(?:=|==|<>|!=|\b(?:not\s+)?in\b)\s*\(?(?P<words>\s*'[^']*'(?:\s*,\s*'[^']*')*)",
    re.IGNORECASE,
)
_LOST_BY = re.compile(r"\blost_by\s*\(\s*(?P<word>'[^']*')", re.IGNORECASE)


def is_whole(text: str) -> bool:
    """Return whether SQL ends with a semicolon that is neither quoted nor in a comment.

    >>> [is_whole(text) for text in ("SELECT 1;", "SELECT ';", "SELECT 1; -- why;", "SELECT 1 /* ;", "FROM a --;")]
    [True, False, True, False, False]
    """
    last = ""
    for token in _TOKEN.finditer(text):
        if not token["space"]:
            last = token[0]
            if _OPENS.match(text, token.start()) and len(last) == 1:
                return False
    return last == ";"


def is_blank(text: str) -> bool:
    """Return whether SQL holds nothing but space and comments.

    >>> is_blank(" -- nothing"), is_blank("SELECT 1")
    (True, False)
    """
    return all(token["space"] for token in _TOKEN.finditer(text))


def compared(text: str) -> Iterator[tuple[str, str]]:
    """Yield ('outcome' or 'stage', word) for what SQL compares these columns with.

    >>> list(compared("FROM ledger WHERE outcome IN ('gone', 'emty') AND stage = 'fetch'; FROM lost_by('x')"))
    [('outcome', 'gone'), ('outcome', 'emty'), ('stage', 'fetch'), ('outcome', 'x')]
    """
    for found in _COMPARED.finditer(text):
        for word in re.findall(r"'([^']*)'", found["words"]):
            yield found["column"].lower(), word
    for found in _LOST_BY.finditer(text):
        yield "outcome", found["word"][1:-1]
