"""Lines over the steps of a training run: both axes are straight, and up begins at 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cards.plots import Figure, shown, written
from pipeline.cards.plots.scale import Linear
from pipeline.cards.plots.svg import line, number, words

_HIGH, _LEFT, _RIGHT, _UNITS = 200, 12, 97, 1000
_DASHES = {"source": "- -", "copies": "···"}


@dataclass(frozen=True, slots=True)
class StepLine:
    """One line: points (step, value) in the order of steps."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: str = "kept"


def step_lines(name: str, title: str, lines: Sequence[StepLine], up: str) -> Figure:
    """Return the lines; a value below 0 is drawn at 0.

    >>> figure = step_lines("l", "Loss", [StepLine("loss", [(0, 4.0), (9, 1.0)])], "loss")
    >>> figure.description
    'loss by step. loss: from 4 at step 0 to 1 at step 9.'
    """
    most_x = max((x for each in lines for x, _ in each.points), default=1)
    most_y = max((y for each in lines for _, y in each.points), default=1)
    to_x, to_y = Linear(max(most_x, 1), _LEFT, _RIGHT), Linear(max(most_y, 0), 0, _HIGH)
    top = 24 + 16 * len(lines)
    base, drawn = top + _HIGH, []
    for tick in to_y.ticks():
        y = base - to_y(tick)
        drawn += [line(_LEFT, y, _RIGHT, y, "grid"), words(_LEFT, y + 4, written(tick), "end small", -4)]
    for tick in to_x.ticks():
        drawn += [line(to_x(tick), top, to_x(tick), base, "grid")]
        drawn += [words(to_x(tick), base + 14, written(tick), "middle small")]
    stretched = Linear(max(most_x, 1), _LEFT * _UNITS / 100, _RIGHT * _UNITS / 100)
    paths = "".join(f'<path class="curve {each.kind}" d="{_path(each, stretched, to_y)}"/>' for each in lines)
    view = f'viewBox="0 0 {_UNITS} {_HIGH}" preserveAspectRatio="none"'
    drawn.append(f'<svg x="0" y="{top}" width="100%" height="{_HIGH}" {view}>{paths}</svg>')
    for at, each in enumerate(lines):
        drawn.append(words(_LEFT, 28 + 16 * at, f"{_DASHES.get(each.kind, '—')} {each.label}"))
    drawn += [words(_RIGHT, base + 30, "step", "end small"), words(0, 11, up, "small")]
    said = " ".join(
        f"{shown(each.label)}: from {each.points[0][1]:.3g} at step {each.points[0][0]:,.0f} to "
        f"{each.points[-1][1]:.3g} at step {each.points[-1][0]:,.0f}."
        for each in lines
        if each.points
    )
    return Figure(name, title, f"{up} by step. {said}", base + 34, "".join(drawn))


def _path(each: StepLine, to_x: Linear, to_y: Linear) -> str:
    """Return a line; one of one point has no length and is drawn as a dash."""
    places = [f"{number(round(to_x(x), 1))} {number(round(_HIGH - to_y(max(y, 0)), 1))}" for x, y in each.points]
    if len(places) == 1:
        return f"M{places[0]}h12"
    return "M" + "L".join(places) if places else "M0 0"
