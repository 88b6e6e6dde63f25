"""Lines over the steps of a training run: both axes are straight, and up begins at 0."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.cards.plots import Curve, Figure, shown, written
from pipeline.cards.plots.line_frame import UNITS, Frame
from pipeline.cards.plots.scale import Linear
from pipeline.cards.plots.svg import number

_FRAME = Frame(200, 12, 97)


def step_lines(name: str, title: str, lines: Sequence[Curve], up: str) -> Figure:
    """Return the lines; a value below 0 is drawn at 0.

    >>> figure = step_lines("l", "Loss", [Curve("loss", [(0, 4.0), (9, 1.0)])], "loss")
    >>> figure.description
    'loss by step. loss: from 4 at step 0 to 1 at step 9.'
    """
    most_x = max((x for each in lines for x, _ in each.points), default=1)
    most_y = max((y for each in lines for _, y in each.points), default=1)
    to_x, to_y = Linear(max(most_x, 1), _FRAME.left, _FRAME.right), Linear(max(most_y, 0), 0, _FRAME.high)
    stretched = Linear(max(most_x, 1), _FRAME.left * UNITS / 100, _FRAME.right * UNITS / 100)
    high, drawn = _FRAME.around(
        lines,
        [_path(each, stretched, to_y) for each in lines],
        [(to_x(tick), written(tick)) for tick in to_x.ticks()],
        [(to_y(tick), written(tick)) for tick in to_y.ticks()],
        ("step", up),
    )
    said = " ".join(
        f"{shown(each.label)}: from {each.points[0][1]:.3g} at step {each.points[0][0]:,.0f} to "
        f"{each.points[-1][1]:.3g} at step {each.points[-1][0]:,.0f}."
        for each in lines
        if each.points
    )
    return Figure(name, title, f"{up} by step. {said}", high, drawn)


def _path(each: Curve, to_x: Linear, to_y: Linear) -> str:
    """Return a line; one of one point has no length and is drawn as a dash."""
    places = [f"{number(round(to_x(x), 1))} {number(round(_FRAME.high - to_y(max(y, 0)), 1))}" for x, y in each.points]
    if len(places) == 1:
        return f"M{places[0]}h12"
    return "M" + "L".join(places) if places else "M0 0"
