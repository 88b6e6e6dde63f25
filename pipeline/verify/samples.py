"""Every text and every key of every sample's JSON, against what the stages hold of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pipeline.model.records import RANK_COLUMNS
from pipeline.shards import SAMPLE_SCHEMA, captions, member_suffixes, text_members
from pipeline.storage.statements import Statements
from pipeline.verify.check import Findings, Run
from pipeline.verify.truth import KEYS, RIGHTS, TRUTH, TRUTHS, flat_json

_SQL = Statements(__name__)
_NESTED = frozenset(key.partition(".")[0] for key in KEYS if "." in key) | {"captions"}
_CAPTIONS = ("captions.sci", "captions.com", "captions.taxon", "captions.sci_com", "captions.taxon_com")
_KNOWN = frozenset((*KEYS, *_CAPTIONS))
_BATCH = 2_000
_LONGEST = 200
_MISSING: Any = object()
Texts = tuple[Mapping[str, bytes], Mapping[str, str]]


@dataclass(slots=True)
class Told:
    """What samples tell wrongly, by the promise that it breaks."""

    samples: int = 0
    members: Findings = field(default_factory=lambda: Findings("samples with missing or strange members"))
    captions: Findings = field(default_factory=lambda: Findings("captions are not those of the labels"))
    rights: Findings = field(default_factory=lambda: Findings("rights differ"))
    labels: Findings = field(default_factory=lambda: Findings("labels differ"))
    other: Findings = field(default_factory=lambda: Findings("keys of the JSON differ"))
    empty: set[str] = field(default_factory=set)
    """Keys that some sample tells as empty."""
    absent: dict[str, str] = field(default_factory=dict)
    """Keys that some sample does not tell, and the first of them."""

    def of(self, key: str) -> Findings:
        """Return the findings that a key of the JSON belongs to."""
        if key.startswith("captions"):
            return self.captions
        if key in RIGHTS:
            return self.rights
        return self.labels if key.startswith("taxon.") or key in ("split", "group_id", "source") else self.other


def read_samples(run: Run) -> Told:
    """Read what the samples of `found` tell. Samples that nothing decided on are findings of the manifest."""
    told = Told()
    layout = run.recipe.shards.layout
    shape = member_suffixes(layout)
    ranks = ", ".join(f'n."{rank}"' for rank in RANK_COLUMNS)
    query = _SQL("told", json=flat_json(), ranks=ranks, truth=TRUTH)
    for batch in run.batches(query, _BATCH):
        for where, found, txt, texts, stated, expected, vernacular, *lineage in batch:
            told.samples += 1
            if found != ", ".join(shape):
                _compare_shape(found.split(", "), shape, where, told.members)
            members, named = _texts(layout, tuple(lineage), vernacular)
            given = {"txt": txt, **{text["suffix"]: text["text"] for text in texts}} if texts else {"txt": txt}
            for suffix, text in given.items():
                if text is not None and text != members.get(suffix, text):
                    told.captions.add(
                        f"KEY.{suffix}", f"{where} says {text[:_LONGEST]!r}, expected {members[suffix]!r}"
                    )
            if stated is not None:
                _compare_json(stated, json.loads(expected) | named, where, told)
    for key in sorted(told.empty & told.absent.keys()):
        told.of(key).add(f"key {key}", f"{told.absent[key]} lacks it, other samples tell it as empty")
    return told


def _compare_shape(found: list[str], shape: tuple[str, ...], where: str, members: Findings) -> None:
    repeated = sorted({suffix for suffix in found if found.count(suffix) > 1})
    lacking = [suffix for suffix in shape if suffix not in found]
    strange = [suffix for suffix in found if suffix not in shape]
    for kind, suffixes in (("no", lacking), ("a strange", strange), ("more than one", repeated)):
        for suffix in suffixes:
            members.add(f"{kind} {suffix}", where)
    if not (repeated or lacking or strange):
        members.add("members in another order", f"{where}: {', '.join(found)}")


@lru_cache(maxsize=1 << 14)
def _texts(layout: str, lineage: tuple[str | None, ...], vernacular: str | None) -> Texts:
    """Return the text members and the captions of the JSON of a taxon."""
    ranks = dict(zip(RANK_COLUMNS, lineage, strict=True))
    made = captions(ranks, vernacular)
    more = dict(text_members(layout, ranks, vernacular))
    named = {f"captions.{suffix.removesuffix('.txt')}": text.decode() for suffix, text in made.members()}
    return {"txt": made.default.encode(), **more}, named


def _compare_json(text: bytes, expected: Mapping[str, Any], where: str, told: Told) -> None:
    odd: list[str] = []
    try:
        stated = json.loads(text, parse_constant=odd.append)
        flat = flattened(stated)
    except (ValueError, RecursionError, AttributeError) as error:
        told.members.add("a json that is not a sample's JSON", f"{where}: {error}")
        return
    for name in odd:
        told.members.add(f"a json with {name}, which is no number of JSON", where)
    if json.dumps(stated, ensure_ascii=False, separators=(",", ":")).encode() != text:
        told.other.add("a key twice, or JSON that is not written as all is", where)
    if list(stated) != SAMPLE_SCHEMA.names and set(stated) == set(SAMPLE_SCHEMA.names):
        told.other.add("keys in another order", where)
    for key, wanted in expected.items():
        have = flat.get(key, _MISSING)
        if have is _MISSING:
            told.absent.setdefault(key, where)
        elif have in ("", None, []):
            told.empty.add(key)
        if (type(have) is not type(wanted) or have != wanted) and not same(key, have, wanted):
            said = "nothing" if have is _MISSING else _short(have)
            told.of(key).add(f"key {key}", f"{where} says {said}, expected {_short(wanted)}")
    if not flat.keys() <= _KNOWN:
        for key in sorted(flat.keys() - _KNOWN):
            told.other.add(f"key {key}, which nothing is known of", f"{where} says {_short(flat[key])}")


def flattened(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sample's JSON with the keys of nested objects beside the others.

    >>> flattened({"key": "a", "taxon": {"genus": "Puma"}})
    {'key': 'a', 'taxon.genus': 'Puma'}
    """
    flat = dict(sample)
    for name in _NESTED:
        inner = flat.get(name)
        if isinstance(inner, dict):
            del flat[name]
            for key, value in inner.items():
                flat[f"{name}.{key}"] = value
    return flat


def same(key: str, have: Any, wanted: Any) -> bool:
    """Return whether a key tells what is known: of nothing nothing, or an empty value; of a number its JSON, or its
    text.

    >>> same("lat", "45.5", 45.5), same("box", "1.0 2.0", [1.0, 2.0]), same("sex", "", None), same("may_sell", 1, True)
    (True, True, True, False)
    """
    if wanted in (None, "", []):
        return have is _MISSING or have in (None, "", []) or (wanted is None and key in TRUTHS and have is False)
    if isinstance(have, str) and isinstance(wanted, list):
        return have == " ".join(map(json.dumps, wanted))
    if isinstance(have, str) and isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        return have == json.dumps(wanted)
    return type(have) is type(wanted) and have == wanted and repr(have) == repr(wanted)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
