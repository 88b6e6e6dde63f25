"""One JSON document a command: what `--json` prints, for all commands alike; docs/json.md lists every key.

Plain ASCII, so that no terminal and no encoding of a pipe changes it. There is no NaN in JSON: a number that is none,
or is not finite, is null. Times are ISO 8601, bytes are hex, and a mapping's keys are strings.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document for programs (docs/json.md)")


def json_document(name: str, version: int, facts: Mapping[str, Any]) -> str:
    """Return the document: its name and version, then the facts in their order.

    `version` is raised when a key goes or changes its meaning; keys that are new come without.

    >>> print(json_document("status", 1, {"rate": float("nan"), "out": Path("a"), "digest": b"\\x01"}))
    {
     "document": "status",
     "version": 1,
     "rate": null,
     "out": "a",
     "digest": "01"
    }
    """
    return json.dumps({"document": name, "version": version, **plain(facts)}, indent=1, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value in JSON's own types; raises TypeError for one that has none.

    >>> plain((1, 2.5, float("inf"), {"a": date(2026, 1, 2)}))
    [1, 2.5, None, {'a': '2026-01-02'}]
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(each) for each in value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no form in JSON")
