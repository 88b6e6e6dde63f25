"""Why a record was not chosen, as one sentence for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SHOWN = 200  # characters of what a key asks for


def sentence(proof: Mapping[str, Any], resolved: Mapping[str, Any]) -> str:
    """Return why a record was not chosen: the key, what it asks for, and what the record has.

    `proof`: the evidence of its ledger row; `resolved`: the run's recipe as its manifest holds it.

    >>> proof = {"rule": "choice", "key": "select.years", "value": "1987-05-01"}
    >>> sentence(proof, {"select": {"years": ["1990-2005"]}, "sources": []})
    'select.years asks for ["1990-2005"]; the record has 1987-05-01'
    """
    key = str(proof["key"])
    table, _, name = key.rpartition(".")
    tables = {"select": resolved["select"]} | {f"sources.{each['name']}": each for each in resolved["sources"]}
    asked = json.dumps(tables.get(table, {}).get(name), ensure_ascii=False)
    asked = asked if len(asked) <= _SHOWN else asked[:_SHOWN] + "..."
    value = proof["value"]
    if name == "exclude_taxa":
        return f"{key} leaves out {asked}, and it is {value}"
    if name in ("sample", "limit"):
        return f"{key} is {asked}, and the record is {value}"
    return f"{key} asks for {asked}; the record has {'nothing there' if value is None else value}"
