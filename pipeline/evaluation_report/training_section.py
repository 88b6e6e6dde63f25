"""How did training go? Loss, learning rate and what it waited for, by step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.cards.plots import Curve
from pipeline.cards.sections.section import Chart, Section, Table
from pipeline.evaluation_report.step_lines import step_lines
from pipeline.evaluation_report.subject import Subject, share, short_number

_DRAWN, _TOLD = 300, 20
"""Points of a line, and rows of a table: means of as many stretches of steps."""
_QUESTION = "How did training go?"
Points = list[tuple[float, float]]


def training(subject: Subject) -> Section:
    """Return the section, of the lines of a log; without them it says so."""
    lines = subject.journal
    loss, excess = points(lines, "loss"), points(lines, "excess")
    if not loss:
        return Section("training", _QUESTION, "Nothing is known of the training: no log of `biomill train` was given.")
    least = min(loss, key=lambda each: (each[1], each[0]))
    answer = (
        f"The loss went from {short_number(loss[0][1])} at step {loss[0][0]:,.0f} to {short_number(loss[-1][1])} at "
        f"step {loss[-1][0]:,.0f}; its least was {short_number(least[1])} at step {least[0]:,.0f}."
    )
    drawn = [Curve("loss", stretches(loss, _DRAWN))]
    if excess:
        drawn.append(Curve("excess", stretches(excess, _DRAWN), "source"))
    parts = [
        Chart(
            "Loss of each step.",
            step_lines("loss", "Loss by step", drawn, "loss"),
            _table(("step", "loss", "excess"), (loss, excess), short_number),
            note=_noted(loss, bool(excess)),
        )
    ]
    for key, title, says in (
        ("rate", "Learning rate by step", "The learning rate."),
        ("gradient", "Norm of the gradient by step", "The norm of the gradient, before it is clipped."),
        ("data_wait", "Share of each step that waits for data", _waited(points(lines, "data_wait"))),
    ):
        found = points(lines, key)
        if found:
            name = title.split(" by ")[0].lower() if key != "data_wait" else "share of the step"
            figure = step_lines(key, title, [Curve(name, stretches(found, _DRAWN))], name)
            table = _table(("step", name), (found,), share if key == "data_wait" else short_number)
            parts.append(Chart(says, figure, table))
    return Section("training", _QUESTION, answer, tuple(parts))


def points(lines: Iterable[Mapping[str, Any]], key: str) -> Points:
    """Return what a log says of a key, as (step, value) in the order of steps; what is no number is passed over.

    >>> points([{"step": 2, "loss": 1.0}, {"step": 1, "loss": 2}, {"step": 3, "loss": float("nan")}, {}], "loss")
    [(1.0, 2.0), (2.0, 1.0)]
    """
    found = [
        (float(each["step"]), float(each[key]))
        for each in lines
        if _finite(each.get("step")) and _finite(each.get(key))
    ]
    return sorted(found)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def stretches(found: Sequence[tuple[float, float]], most: int) -> Points:
    """Return at most so many points: each the last step of a stretch, and the mean of its values.

    >>> stretches([(0, 4.0), (1, 2.0), (2, 1.0), (3, 1.0)], 2)
    [(1, 3.0), (3, 1.0)]
    """
    size = max(math.ceil(len(found) / most), 1)
    parts = [found[start : start + size] for start in range(0, len(found), size)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def _table(headers: tuple[str, ...], columns: Sequence[Points], text: Any) -> Table:
    first, *others = [dict(stretches(each, _TOLD)) for each in columns]
    rows = [(f"{step:,.0f}", text(value), *(text(each.get(step)) for each in others)) for step, value in first.items()]
    return Table.of(headers, rows)


def _noted(loss: Points, excess: bool) -> str:
    size = math.ceil(len(loss) / _DRAWN)
    mean = f"; a point is the mean of {size:,} of them" if size > 1 else ""
    told = (
        " Excess is the loss above the least that is possible where pictures of a batch share a text." if excess else ""
    )
    return f"{len(loss):,} steps{mean}.{told}"


def _waited(found: Points) -> str:
    mean = sum(value for _, value in found) / len(found) if found else 0.0
    more = " More workers, or smaller stored pictures, would make it faster." if mean > 0.05 else ""
    return f"On average {share(mean)} of a step waited for its batch.{more}"
