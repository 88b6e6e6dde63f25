"""One value of an answer as text for people and as JSON for programs."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pipeline.model.visible import on_one_line


def json_value(value: object) -> Any:
    """Return what `json` can write: ISO 8601 for dates and times, null for what is no number, hex for bytes.

    A decimal becomes a number where that loses nothing, and text otherwise.

    >>> json_value([Decimal("1.10"), float("nan"), datetime(2020, 1, 2, 3, 4), b"\\x01", {"a": None}])
    [1.1, None, '2020-01-02T03:04:00', '01', {'a': None}]
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        if value == value.to_integral_value() and value.as_tuple().exponent == 0:
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(key): json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each) for each in value]
    return str(value)


def json_text(value: object) -> str:
    """Return a value as JSON on one line.

    >>> json_text({"day": date(2020, 1, 2), "name": "Größe"})
    '{"day": "2020-01-02", "name": "Größe"}'
    """
    return json.dumps(json_value(value), ensure_ascii=False, allow_nan=False)


def plain(value: object) -> str:
    r"""Return a value as text on one line, whole; NULL where there is none.

    >>> [plain(each) for each in (None, True, 1200, 0.5, datetime(2020, 1, 2, 3, 4), ["a", None], "x\ny")]
    ['NULL', 'true', '1200', '0.5', '2020-01-02 03:04:00', '["a", null]', 'x\\ny']
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, list | tuple | Mapping | bytes | bytearray | memoryview):
        shown = json_value(value)
        return on_one_line(shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False))
    return on_one_line(str(value))


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: two for wide characters, none for those that combine.

    >>> cells("Puma"), cells("美洲狮"), cells("e\\u0301")
    (4, 6, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Return a text in at most `width` cells, with an ellipsis at its end where something is left out.

    >>> cut("Puma concolor", 6), cut("Puma", 6), cut("美洲狮", 4)
    ('Puma …', 'Puma', '美…')
    """
    if cells(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…" if width > 0 else ""


def unique(names: Iterable[str]) -> list[str]:
    """Return column names of which none comes twice, as DuckDB numbers them.

    >>> unique(["key", "key", "n"])
    ['key', 'key_1', 'n']
    """
    found: list[str] = []
    for name in names:
        number, chosen = 0, name
        while chosen in found:
            number += 1
            chosen = f"{name}_{number}"
        found.append(chosen)
    return found
