"""Predicates: what a GBIF download is asked for, from a JSON file or from conditions such as 'country=NZ'.

Source: GBIF's occurrence download API. The names of the search parameters are those of pygbif.
"""

from __future__ import annotations

import difflib
import importlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.pull.pull_errors import PullError

Predicate = dict[str, Any]
CHECKLISTS = {
    "col": "7ddf754f-d193-4cc9-b351-99906754a03b",
    "backbone": "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c",
}
"""Short names of the two checklists that GBIF indexes occurrences by."""
MAX_PARAMETERS = 100_000
"""Most values that GBIF takes in the predicate of one download."""
MAX_DEPTH = 50
_TAXON_KEY = re.compile(r"(?:ACCEPTED_)?(?:TAXON|KINGDOM|PHYLUM|CLASS|ORDER|FAMILY|GENUS|SUBGENUS|SPECIES)_KEY")
_CONDITION = re.compile(r"\s*([A-Za-z_]+)\s*(!=|>=|<=|=|>|<)\s*(.*?)\s*", re.DOTALL)
_COMPARISONS = {
    ">=": "greaterThanOrEquals",
    "<=": "lessThanOrEquals",
    ">": "greaterThan",
    "<": "lessThan",
}
_VALUED = frozenset({"equals", "like", *_COMPARISONS.values()})
# Members that each type of predicate must have, beside `type`.
_MEMBERS = {
    **dict.fromkeys(_VALUED, ("key", "value")),
    "in": ("key", "values"),
    "and": ("predicates",),
    "or": ("predicates",),
    "not": ("predicate",),
    "isNull": ("parameter",),
    "isNotNull": ("parameter",),
    "within": ("geometry",),
    "geoDistance": ("latitude", "longitude", "distance"),
}


def checklist_key(name: str) -> str:
    """Return the UUID of a checklist: 'col', 'backbone', or a UUID itself; raises PullError for anything else.

    >>> checklist_key("col")
    '7ddf754f-d193-4cc9-b351-99906754a03b'
    """
    key = CHECKLISTS.get(name.lower(), name.lower())
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key):
        raise PullError(f"no such checklist: {name!r}", expected=f"{', '.join(CHECKLISTS)} or a UUID")
    return key


def parse_conditions(conditions: Sequence[str]) -> Predicate:
    """Turn conditions into a predicate: all must hold; values of a repeated key=value are alternatives.

    Operators are = != > < >= <=. Keys are pygbif's (taxonKey, basisOfRecord, mediaType, ...), whatever their case, or
    GBIF's own (TAXON_KEY); `geometry=POLYGON(...)` means within. Raises PullError with a near name for an unknown key.

    >>> parse_conditions(["mediaType=StillImage", "year>=1979", "country=US", "country=CA"])["predicates"][2]
    {'type': 'in', 'key': 'COUNTRY', 'values': ['US', 'CA']}
    """
    same: dict[str, list[str]] = {}
    parts: list[Predicate] = []
    for condition in conditions:
        match = _CONDITION.fullmatch(condition)
        if match is None or not match[3]:
            raise PullError(
                f"the condition {condition!r} cannot be read",
                expected="KEY=VALUE, or != > < >= <= between the two",
                remedy="write it like year>=1979; for anything richer write the predicate into a JSON file",
            )
        key, operator, value = _parameter(match[1]), match[2], match[3]
        if key == "GEOMETRY":
            parts.append({"type": "within", "geometry": value})
        elif operator == "!=":
            parts.append({"type": "not", "predicate": {"type": "equals", "key": key, "value": value}})
        elif operator == "=":
            if key not in same:
                parts.append({"type": "in", "key": key, "values": same.setdefault(key, [])})
            same[key].append(value)
        else:
            parts.append({"type": _COMPARISONS[operator], "key": key, "value": value})
    for part in parts:
        values = part.get("values", ())
        if len(values) == 1:
            part.update(type="equals", value=values[0])
            del part["values"]
    if not parts:
        raise PullError(
            "nothing is asked for",
            remedy="name conditions such as taxonKey=5WZLF mediaType=StillImage, or a file with --predicate",
        )
    return parts[0] if len(parts) == 1 else {"type": "and", "predicates": parts}


def load_predicate(path: Path) -> Predicate:
    """Read a predicate from a JSON file: the predicate itself, or a request that holds one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PullError(f"the predicate cannot be read: {error}", where=str(path), expected="a JSON file") from error
    if isinstance(value, dict) and "type" not in value and isinstance(value.get("predicate"), dict):
        value = value["predicate"]
    if not isinstance(value, dict):
        raise PullError("the predicate is no JSON object", where=str(path), expected='{"type": ...}')
    check_predicate(value)
    return value


def check_predicate(predicate: Predicate) -> None:
    """Raise PullError when a predicate is none that GBIF takes: unknown type, missing member, too many values."""
    values = 0
    for part in _walk(predicate):
        members = _MEMBERS.get(str(part.get("type")))
        if members is None:
            raise PullError(f"a predicate has the type {part.get('type')!r}", expected=", ".join(sorted(_MEMBERS)))
        missing = [name for name in members if part.get(name) in (None, "", [])]
        if missing:
            raise PullError(
                f"a predicate of type {part['type']!r} lacks {' and '.join(missing)}",
                where=json.dumps(part, sort_keys=True)[:200],
                expected=", ".join(members),
            )
        values += len(part["values"]) if part["type"] == "in" else "predicates" not in part and "predicate" not in part
    if values > MAX_PARAMETERS:
        raise PullError(
            f"the predicate has {values:,} values",
            expected=f"at most {MAX_PARAMETERS:,}, which is what GBIF takes",
            remedy="split it into several downloads, or ask for a higher taxon",
        )


def with_checklist(predicate: Predicate, checklist: str) -> Predicate:
    """Return the predicate with the checklist that its taxon keys belong to; those that name one keep it.

    `checklist`: a UUID, or empty when the user named none: then Catalogue of Life, as GBIF's own site does, but a key
    of digits alone is refused, because it is most likely one of the Backbone and means another taxon, or none, here.
    """
    keys = [str(v) for p in _walk(predicate) if _names_taxon(p) for v in p.get("values", [p.get("value")])]
    doubtful = sorted(key for key in keys if key.isdecimal())
    if doubtful and not checklist:
        raise PullError(
            f"the taxon key {doubtful[0]!r} may belong to the GBIF Backbone or to Catalogue of Life",
            expected="a key whose checklist is named",
            remedy="say --checklist backbone or --checklist col",
        )
    return _stated(predicate, checklist or CHECKLISTS["col"])


def _stated(predicate: Predicate, checklist: str) -> Predicate:
    made = dict(predicate)
    if _names_taxon(predicate):
        made["checklistKey"] = checklist
    if isinstance(predicate.get("predicate"), dict):
        made["predicate"] = _stated(predicate["predicate"], checklist)
    if isinstance(predicate.get("predicates"), list):
        made["predicates"] = [_stated(part, checklist) for part in predicate["predicates"]]
    return made


def _names_taxon(predicate: Predicate) -> bool:
    return bool(_TAXON_KEY.fullmatch(str(predicate.get("key")))) and not predicate.get("checklistKey")


def _walk(predicate: Any, depth: int = 0) -> Iterator[Predicate]:
    if not isinstance(predicate, dict) or depth > MAX_DEPTH:
        raise PullError(
            "a part of the predicate is no object, or nested too deeply", expected=f"objects, at most {MAX_DEPTH} deep"
        )
    yield predicate
    if "predicate" in predicate:
        yield from _walk(predicate["predicate"], depth + 1)
    parts = predicate.get("predicates", [])
    for part in parts if isinstance(parts, list) else [parts]:
        yield from _walk(part, depth + 1)


def _parameter(name: str) -> str:
    known = _parameters()
    found = known.get(name.replace("_", "").lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), known, 1)
        raise PullError(
            f"no such search parameter: {name!r}",
            expected="taxonKey, country, basisOfRecord, mediaType, license, year, ...",
            remedy=f"did you mean {known[near[0]]}?" if near else "see GBIF's occurrence search parameters",
        )
    return found


@lru_cache(maxsize=1)
def _parameters() -> dict[str, str]:
    # pygbif draws maps, so importing it costs a plotting library: only who writes conditions pays. The package's
    # function `download` hides its module of the same name, which holds the table.
    table: dict[str, str] = importlib.import_module("pygbif.occurrences.download").key_lkup
    names = {value.replace("_", "").lower(): value for value in table.values()}
    return {**names, **{key.lower(): value for key, value in table.items()}, "gbifid": "GBIF_ID"}
