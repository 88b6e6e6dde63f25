"""Lines that go down or up in steps: a number by rank, on axes in steps of tens or from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.cards.plots.line_frame import UNITS, Curve, Frame
from pipeline.cards.plots.scale import Linear, Log, written
from pipeline.cards.plots.svg import Figure, number, shown

_FRAME = Frame(220, 11, 98)


def curves(name: str, title: str, lines: Sequence[Curve], across: str, up: str, share: bool = False) -> Figure:
    """Return lines over a logarithmic axis of ranks; up is logarithmic too, or with `share` a part of 1.

    Each point of a line holds until the next one's x.

    >>> figure = curves("t", "Tail", [Curve("kept", [(1, 40), (2, 8), (3, 1)])], "rank", "images")
    >>> figure.description
    'images by rank. kept: from 40 at 1 to 1 at 3.'
    """
    most_x = max((x for each in lines for x, _ in each.points), default=1)
    most_y = max((y for each in lines for _, y in each.points), default=1)
    to_x = Log(most_x, _FRAME.left, _FRAME.right)
    to_y = Linear(1, 0, _FRAME.high) if share else Log(most_y, 0, _FRAME.high)
    heights = [0, 0.25, 0.5, 0.75, 1] if isinstance(to_y, Linear) else to_y.ticks()
    stretched = Log(most_x, _FRAME.left * UNITS / 100, _FRAME.right * UNITS / 100)
    high, drawn = _FRAME.around(
        lines,
        [_path(each, stretched, to_y) for each in lines],
        [(to_x(tick), written(tick)) for tick in to_x.ticks()],
        [(to_y(tick), _tick(tick, share)) for tick in heights],
        (across, up),
    )
    said = " ".join(
        f"{shown(e.label)}: from {_tick(e.points[0][1], share)} at {e.points[0][0]:g} to "
        f"{_tick(e.points[-1][1], share)} at {e.points[-1][0]:g}."
        for e in lines
        if e.points
    )
    return Figure(name, title, f"{up} by {across}. {said}", high, drawn)


def _tick(value: float, share: bool) -> str:
    return f"{100 * value:.0f} %" if share else written(value)


def _path(curve: Curve, to_x: Log, to_y: Callable[[float], float]) -> str:
    """Return the steps of a line; points that fall on the same place are drawn once."""
    if len(curve.points) == 1:  # a line of one point has no length and would not be seen
        ((x, y),) = curve.points
        return f"M{number(round(to_x(x), 1))} {number(round(_FRAME.high - to_y(y), 1))}h12"
    parts: list[str] = []
    last = ""
    for x, y in curve.points:
        across, up = number(round(to_x(x), 1)), number(round(_FRAME.high - to_y(y), 1))
        if not parts:
            parts.append(f"M{across} {up}")
        elif f"{across} {up}" != last:
            parts.append(f"H{across}V{up}")
        last = f"{across} {up}"
    return "".join(parts)
