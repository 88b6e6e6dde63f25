"""Values of a JSON document as text cells, as the rest of the pipeline accepts them."""

from __future__ import annotations

import json
from typing import Any

from pipeline.sources.text import delimited

# Characters that the rest of the pipeline does not accept in a cell.
_CONTROL = str.maketrans({"\x00": " ", "\x1f": " "})


def cell(value: Any) -> str | None:
    """Return a scalar as text; null, empty and nested values are null.

    >>> cell(True), cell(1.5), cell(" a "), cell([1]), cell("")
    ('true', '1.5', 'a', None, None)
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        # A lone surrogate, which JSON can spell, has no UTF-8.
        return value.translate(_CONTROL).encode("utf-8", errors="replace").decode().strip() or None
    return None


def number(value: Any) -> str:
    """Return an identifier as text: 214.0 is 214, null is nothing.

    >>> number(214.0), number("a7"), number(None)
    ('214', 'a7', '')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return cell(value) or ""


def raw(element: Any) -> str:
    """Return an element's text as the ledger keeps it: members sorted, at most `delimited.RAW_BYTES` bytes."""
    text = json.dumps(element, ensure_ascii=False, sort_keys=True).translate(_CONTROL)
    return text.encode("utf-8", errors="replace")[: delimited.RAW_BYTES].decode(errors="ignore")
