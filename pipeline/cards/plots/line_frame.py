"""What stands around lines of any kind: grid, ticks, a key of the lines above the plot, names of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cards.plots.svg import line, words

UNITS = 1000
"""Width of the coordinates that lines are drawn in, and stretched from."""
_DASHES = {"source": "- -", "copies": "···"}
Ticks = Sequence[tuple[float, str]]
"""(place on the axis, what is written there)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: points (x, y) in the order of x."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: str = "kept"


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot's height in pixels, and its sides in percent of the width."""

    high: int
    left: float
    right: float

    def around(
        self, lines: Sequence[Curve], paths: Sequence[str], across: Ticks, up: Ticks, names: tuple[str, str]
    ) -> tuple[int, str]:
        """Return height and SVG of lines drawn as `paths`; `names`: of the axis across, and up."""
        top = 24 + 16 * len(lines)
        base, drawn = top + self.high, []
        for place, told in up:
            y = base - place
            drawn += [line(self.left, y, self.right, y, "grid"), words(self.left, y + 4, told, "end small", -4)]
        for place, told in across:
            drawn += [line(place, top, place, base, "grid"), words(place, base + 14, told, "middle small")]
        curved = "".join(
            f'<path class="curve {each.kind}" d="{path}"/>' for each, path in zip(lines, paths, strict=True)
        )
        view = f'viewBox="0 0 {UNITS} {self.high}" preserveAspectRatio="none"'
        drawn.append(f'<svg x="0" y="{top}" width="100%" height="{self.high}" {view}>{curved}</svg>')
        for at, each in enumerate(lines):  # above the plot: in it a line may come to any corner
            drawn.append(words(self.left, 28 + 16 * at, f"{_DASHES.get(each.kind, '—')} {each.label}"))
        drawn += [words(self.right, base + 30, names[0], "end small"), words(0, 11, names[1], "small")]
        return base + 34, "".join(drawn)
