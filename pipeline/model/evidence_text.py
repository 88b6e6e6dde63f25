"""Evidence: what decided about a row, as one text."""

from __future__ import annotations

import json


def evidence(**values: object) -> str:
    """Return evidence as compact JSON with sorted keys.

    >>> evidence(rule="leak", distance=4)
    '{"distance":4,"rule":"leak"}'
    """
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
