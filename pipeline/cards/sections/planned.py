"""How near was the plan? Rows, requests, bytes and kept images as a plan in the run's folder told them, and the truth.

The plan is data of a file that anybody may have changed: what is not as a plan of this recipe has it is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from manifests import recipe_digest
from pipeline.cards.sections.section import Asked, Section, Table, Words, count
from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import size_of
from pipeline.storage.statements import Statements

SHOWN_PLAN = "catalog/plan.json"
"""The plan as it was when the cards were written: one that is made later changes no report."""
_SQL = Statements(__name__)
_DOCUMENT, _VERSION = "plan", 1
_MOST_BYTES = 16 << 20
_QUESTION = "How near was the plan?"


def planned(asked: Asked) -> Iterator[Section]:
    """Yield the section where a plan lies beside the cards: what it told beside what became of it."""
    path = asked.root / SHOWN_PLAN
    if not path.exists():
        return
    try:
        told = read_json(path) if size_of(path) <= _MOST_BYTES else None
        if not isinstance(told, dict) or told.get("document") != _DOCUMENT or told.get("version") != _VERSION:
            yield _unfit("The plan.json of this folder is no plan that is read here.")
        elif told.get("digest") != recipe_digest(asked.recipe):
            yield _unfit("The plan in this folder is of another recipe, and says nothing of this run.")
        else:
            yield _compared(asked, told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield _unfit("The plan.json of this folder is damaged, and is not shown.")


def _unfit(why: str) -> Section:
    return Section("plan", _QUESTION, why, facts={"fits": False})


def _compared(asked: Asked, told: dict[str, Any]) -> Section:
    images = asked.one("SELECT count(*) FROM shown")[0]
    kept = {name: _number(told["kept"][name]) for name in ("low", "high")}
    held = kept["low"] <= images <= kept["high"]
    rows, hosts, sizes = _rows(asked, told), _hosts(asked, told), _sizes(asked, told)
    off = sum(before != after for *_, before, after in rows)
    facts = {
        "fits": True,
        "images": images,
        "kept": kept,
        "rows": [dict(zip(("source", "stage", "outcome", "planned", "became"), row, strict=True)) for row in rows],
        "hosts": [dict(zip(("host", "planned", "asked"), row, strict=True)) for row in hosts],
        "bytes": [dict(zip(("source", "what", "low", "planned", "high", "became"), row, strict=True)) for row in sizes],
    }
    counts = "Rows ended as planned" if not off else f"{count(off, 'count')} of rows came otherwise than planned"
    between = f"between {kept['low']:,} and {kept['high']:,}" if kept["low"] < kept["high"] else f"{kept['low']:,}"
    answer = f"{counts}; {count(images, 'image was', 'images were')} kept, and {between} were to be."
    parts: list[Table | Words] = [
        Table.of(("source", "stage", "outcome", "rows planned", "rows that ended so"), rows),
        Table.of(("host", "media to ask for", "media asked for"), hosts),
        Table.of(("source", "bytes", "at least", "reckoned with", "at most", "became"), sizes),
    ]
    if not held:
        parts.insert(0, Words(("The number of kept images lies outside of what was planned.",)))
    return Section("plan", _QUESTION, answer, tuple(parts), facts, warns=not held)


def _rows(asked: Asked, told: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return source, stage, outcome, planned and true rows, in the order of the recipe and of the stages."""
    before = {
        (_text(source["source"]), _text(way["stage"]), _text(way["outcome"])): _number(way["rows"])
        for source in told["sources"]
        for way in source["ended"]
    }
    after = {(source, stage, outcome): rows for source, stage, outcome, rows in asked.rows(_SQL("ended"))}
    for source, rows in asked.rows(_SQL("candidates")):
        after[source, "screen", "to fetch"] = rows
    before |= {
        (_text(each["source"]), "screen", "to fetch"): _number(each["candidates"])
        for each in told["sources"]
        if each["candidates"]
    }
    order = [spec.name for spec in asked.recipe.sources]
    keys = sorted(
        before.keys() | after.keys(), key=lambda key: (order.index(key[0]) if key[0] in order else len(order), *key)
    )
    return [(*key, before.get(key, 0), after.get(key, 0)) for key in keys]


def _hosts(asked: Asked, told: dict[str, Any]) -> list[tuple[Any, ...]]:
    before = {_text(each["host"]): _number(each["requests"]) for each in told["fetching"]["hosts"]}
    after: dict[str, int] = dict(asked.rows(_SQL("asked")))
    names = sorted(before.keys() | after.keys(), key=lambda name: (-before.get(name, 0), -after.get(name, 0), name))
    return [(name, before.get(name, 0), after.get(name, 0)) for name in names]


def _sizes(asked: Asked, told: dict[str, Any]) -> list[tuple[Any, ...]]:
    became: dict[str, dict[str, int]] = {
        "fetched": dict(asked.rows(_SQL("fetched"))),
        "stored": dict(asked.rows(_SQL("stored"))),
    }
    return [
        (
            _text(each["source"]),
            what,
            *(_number(each[what][bound]) for bound in ("low", "value", "high")),
            became[what].get(each["source"], 0),
        )
        for each in told["volumes"]
        for what in became
    ]


def _number(value: object) -> int:
    """Return a count; raises TypeError for what is none."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise TypeError(f"{value!r} is no count")
    return value


def _text(value: object) -> str:
    """Return a name; raises TypeError for what is none, and ValueError for what no page can hold."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name")
    value.encode()
    return value
