"""How do several evaluations compare? Accuracy at the ranks, of this one and of others, part by part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manifests.recipe import RANKS
from pipeline.cards.sections.section import Section, Table
from pipeline.evaluate import VERSION
from pipeline.evaluate.evaluation_files import EVALUATION
from pipeline.evaluation_report.subject import Compared, Subject, share, words
from pipeline.model.errors import EvaluationError


def read_compared(folder: Path) -> Compared:
    """Read another evaluation of a folder; raises EvaluationError where it is none of this version."""
    path = folder / EVALUATION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error.strerror or "the file cannot be read") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, "it is no JSON") from error
    if not isinstance(found, dict) or found.get("document") != "evaluation":
        raise _unreadable(path, "it is no document of an evaluation")
    if found.get("version") != VERSION:
        raise _unreadable(path, f"it is of version {str(found.get('version'))[:40]}")
    try:
        _accuracies(found)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise _unreadable(path, "its classifications are not those of an evaluation") from error
    return Compared(folder.absolute().name, found)


def _unreadable(path: Path, why: str) -> EvaluationError:
    return EvaluationError(
        f"the other evaluation cannot be read: {why}",
        where=str(path),
        expected=f"{EVALUATION} of version {VERSION}, as `biomill evaluate -o` writes it",
        remedy="name the folder that an evaluation wrote, or evaluate again into it: biomill evaluate RUN … -o DIR",
    )


def compared(subject: Subject) -> Section | None:
    """Return the section, None where there is nothing to compare with."""
    if not subject.compared:
        return None
    mine = _accuracies(subject.found.evaluation.facts())
    parts = []
    others = [(each.name, _accuracies(each.facts)) for each in subject.compared]
    for method, found in mine.items():
        rows: list[tuple[object, ...]] = []
        for part, (images, by_rank) in found.items():
            rows.append((words(part), "this one", images, *(share(by_rank.get(rank)) for rank in RANKS)))
            for name, other in others:
                if part in other.get(method, {}):
                    many, ranks = other[method][part]
                    rows.append(("", name, many, *(share(ranks.get(rank)) for rank in RANKS)))
                else:
                    rows.append(("", name, None, *("–" for _ in RANKS)))
        parts.append(Table((words(method), "evaluation", "pictures", *RANKS), tuple(rows), len(rows)))
    name, second = others[0]
    first = next((method for method in mine if "all" in mine[method] and "all" in second.get(method, {})), "")
    answer = "The other evaluation classifies in another way."
    if first:
        here, there = mine[first]["all"], second[first]["all"]
        answer = (
            f"By {words(first)}, {share(here[1].get('species'))} are right at species here, and "
            f"{share(there[1].get('species'))} in {name!r}."
        )
        if here[0] != there[0]:
            answer += f" They are not of equal pictures: {here[0]:,} and {there[0]:,} were judged."
    return Section("comparison", "How does it compare?", answer, tuple(parts))


def _accuracies(facts: Mapping[str, Any]) -> dict[str, dict[str, tuple[int, dict[str, float | None]]]]:
    """Return by method and part the pictures and the accuracy at each rank."""
    return {
        str(each["method"]): {
            str(part["name"]): (
                int(part["images"]),
                {str(rank["rank"]): _number(rank["accuracy"]) for rank in part["ranks"]},
            )
            for part in each["parts"]
        }
        for each in facts["classifications"]
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
