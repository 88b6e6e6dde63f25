"""Why a record was not chosen, and what is not known of the rules that choose, in sentences for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from manifests import Recipe
from manifests.sections.shipped_rules import SHIPPED_RULES

_SHOWN = 200  # characters of what a key asks for


def sentence(proof: Mapping[str, Any], resolved: Mapping[str, Any]) -> str:
    """Return why a record was not chosen: the key, what it asks for, and what the record has.

    `proof`: the evidence of its ledger row; `resolved`: the run's recipe as its manifest holds it.

    >>> proof = {"rule": "choice", "key": "select.years", "value": "1987-05-01"}
    >>> sentence(proof, {"select": {"years": ["1990-2005"]}, "sources": []})
    'select.years asks for ["1990-2005"]; the record has 1987-05-01'
    """
    key, value = str(proof["key"]), proof["value"]
    if proof["rule"] in SHIPPED_RULES:
        return f"{key} names {proof['rule']}, which keeps what is {proof['condition']}; it has {value}"
    table, _, name = key.rpartition(".")
    tables = {"select": resolved["select"]} | {f"sources.{each['name']}": each for each in resolved["sources"]}
    asked = json.dumps(tables.get(table, {}).get(name), ensure_ascii=False)
    asked = asked if len(asked) <= _SHOWN else asked[:_SHOWN] + "..."
    if name == "exclude_taxa":
        return f"{key} leaves out {asked}, and it is {value}"
    if name in ("sample", "limit"):
        return f"{key} is {asked}, and the record is {value}"
    return f"{key} asks for {asked}; the record has {'nothing there' if value is None else value}"


def unmeasured(recipe: Recipe) -> list[str]:
    """Return a sentence for every shipped rule that a recipe names of which it is not known how often it is wrong.

    >>> unmeasured(Recipe("r", ()))
    []
    """
    tables = [*recipe.sources, recipe.select]
    named = dict.fromkeys(rule for table in tables for rule in table.rules or () if SHIPPED_RULES[rule].unmeasured)
    return [f"how often {rule} is wrong is not known: {SHIPPED_RULES[rule].unmeasured}" for rule in named]
