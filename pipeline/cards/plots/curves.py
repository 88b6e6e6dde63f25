"""Lines that go down or up in steps: a number by rank, on axes in steps of tens or from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.cards.plots.scale import Linear, Log, written
from pipeline.cards.plots.svg import Figure, line, number, shown, words

_HIGH, _LEFT, _UNITS = 220, 11, 1000
_DASHES = {"source": "- -", "copies": "···"}


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: points (x, y) in the order of x, each holding until the next one's x."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: str = "kept"


def curves(name: str, title: str, lines: Sequence[Curve], across: str, up: str, share: bool = False) -> Figure:
    """Return lines over a logarithmic axis of ranks; up is logarithmic too, or with `share` a part of 1.

    >>> figure = curves("t", "Tail", [Curve("kept", [(1, 40), (2, 8), (3, 1)])], "rank", "images")
    >>> figure.description
    'images by rank. kept: from 40 at 1 to 1 at 3.'
    """
    most_x = max((x for each in lines for x, _ in each.points), default=1)
    most_y = max((y for each in lines for _, y in each.points), default=1)
    to_x, to_y = Log(most_x, _LEFT, 98), Linear(1, 0, _HIGH) if share else Log(most_y, 0, _HIGH)
    top = 24 + 16 * len(lines)
    base, drawn = top + _HIGH, []
    for tick in [0, 0.25, 0.5, 0.75, 1] if isinstance(to_y, Linear) else to_y.ticks():
        y = base - to_y(tick)
        drawn += [line(_LEFT, y, 98, y, "grid"), words(_LEFT, y + 4, _tick(tick, share), "end small", -4)]
    for tick in to_x.ticks():
        drawn += [line(to_x(tick), top, to_x(tick), base, "grid")]
        drawn += [words(to_x(tick), base + 14, written(tick), "middle small")]
    stretched = Log(most_x, _LEFT * _UNITS / 100, 98 * _UNITS / 100)
    paths = "".join(f'<path class="curve {each.kind}" d="{_path(each, stretched, to_y)}"/>' for each in lines)
    view = f'viewBox="0 0 {_UNITS} {_HIGH}" preserveAspectRatio="none"'
    drawn.append(f'<svg x="0" y="{top}" width="100%" height="{_HIGH}" {view}>{paths}</svg>')
    for at, each in enumerate(lines):  # above the plot: in it a line may come to any corner
        drawn.append(words(_LEFT, 28 + 16 * at, f"{_DASHES.get(each.kind, '—')} {each.label}"))
    drawn += [words(98, base + 30, across, "end small"), words(0, 11, up, "small")]
    said = " ".join(
        f"{shown(e.label)}: from {_tick(e.points[0][1], share)} at {e.points[0][0]:g} to "
        f"{_tick(e.points[-1][1], share)} at {e.points[-1][0]:g}."
        for e in lines
        if e.points
    )
    return Figure(name, title, f"{up} by {across}. {said}", base + 34, "".join(drawn))


def _tick(value: float, share: bool) -> str:
    return f"{100 * value:.0f} %" if share else written(value)


def _path(curve: Curve, to_x: Log, to_y: Callable[[float], float]) -> str:
    """Return the steps of a line; points that fall on the same place are drawn once."""
    if len(curve.points) == 1:  # a line of one point has no length and would not be seen
        ((x, y),) = curve.points
        return f"M{number(round(to_x(x), 1))} {number(round(_HIGH - to_y(y), 1))}h12"
    parts: list[str] = []
    last = ""
    for x, y in curve.points:
        across, up = number(round(to_x(x), 1)), number(round(_HIGH - to_y(y), 1))
        if not parts:
            parts.append(f"M{across} {up}")
        elif f"{across} {up}" != last:
            parts.append(f"H{across}V{up}")
        last = f"{across} {up}"
    return "".join(parts)
