"""Nested rectangles whose areas are numbers: groups, and in each its members.

Source: M. Bruls, K. Huizing, J. J. van Wijk, Squarified Treemaps (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cards.plots.colours import FILLS
from pipeline.cards.plots.labels import SMALL_LETTER, letters, shortened
from pipeline.cards.plots.svg import Figure, box, shown, window, words

_WIDE, _HIGH = 1000.0, 420.0
"""Of the area in which proportions are decided, and whether names fit; the page makes it wider, or shows bars."""
_SMALLEST = 40.0
"""Area of the smallest rectangle that is drawn by itself."""
_MOST, _MOST_GROUPS = 400, 80
"""Rectangles of members and frames of groups; the others are drawn together."""
_FEWEST = 6
"""Letters of a longer name that are worth writing."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A member of a group, and its number."""

    group: str
    label: str
    size: int


def squarified(sizes: Sequence[float], x: float, y: float, wide: float, high: float) -> list[tuple[float, ...]]:
    """Return (x, y, width, height) for every size, which are positive and fall; together they fill the rectangle.

    >>> squarified([6, 2], 0, 0, 8, 4)
    [(0, 0.0, 6.0, 4.0), (6.0, 0, 2.0, 4.0)]
    """
    placed: list[tuple[float, ...]] = []
    total, at = sum(sizes), 0
    while at < len(sizes):
        short, scale = min(wide, high), wide * high / total
        end, row = at + 1, sizes[at]
        worst = _worst(sizes[at], sizes[at], row, short, scale)
        while end < len(sizes):
            longer = row + sizes[end]
            if (next_worst := _worst(sizes[at], sizes[end], longer, short, scale)) > worst:
                break
            end, row, worst = end + 1, longer, next_worst
        thick, along = row * scale / short, 0.0
        for size in sizes[at:end]:
            length = short * size / row
            placed.append((x, y + along, thick, length) if wide >= high else (x + along, y, length, thick))
            along += length
        if wide >= high:
            x, wide = x + thick, wide - thick
        else:
            y, high = y + thick, high - thick
        total, at = total - row, end
    return [tuple(_clean(each) for each in one) for one in placed]


def _clean(value: float) -> float:
    return max(value, 0)


def _worst(largest: float, smallest: float, row: float, short: float, scale: float) -> float:
    """Return the worst proportion of a row of rectangles along the short side."""
    thick = row * scale / short
    return max(
        max(thick / (each * scale / thick), (each * scale / thick) / thick) for each in (largest, smallest) if each
    )


def treemap(name: str, title: str, leaves: Sequence[Leaf], unit: str) -> Figure:
    """Return groups as rectangles, largest first, with their members; what is too small is drawn together, hatched.

    >>> figure = treemap("t", "Families", [Leaf("Aves", "Laridae", 30), Leaf("Insecta", "Apidae", 10)], "images")
    >>> figure.description
    'Areas of images: Aves 30; Insecta 10.'
    """
    groups: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(leaf.group, []).append(leaf)
    groups, others = _largest(groups)
    sizes = {group: sum(leaf.size for leaf in members) for group, members in groups.items()}
    order = sorted((group for group in groups if sizes[group] > 0), key=lambda group: (-sizes[group], group))
    whole, drawn = sum(sizes.values()), []
    share = _WIDE * _HIGH / whole if whole else 0
    budget = _MOST
    placed = squarified([sizes[group] for group in order], 0, 0, _WIDE, _HIGH)
    for at, (group, place) in enumerate(zip(order, placed, strict=True)):
        members = sorted(groups[group], key=lambda leaf: (-leaf.size, leaf.label))
        shown_ones = [leaf for leaf in members if leaf.size * share >= _SMALLEST][: max(budget, 1)]
        if group == others:
            shown_ones = []
        budget -= len(shown_ones)
        drawn.append(_group(at, group, place, shown_ones, members[len(shown_ones) :], unit))
    said = "; ".join(f"{shown(group)} {sizes[group]:,}" for group in order[:20])
    return Figure(name, title, f"Areas of {unit}: {said}.", int(_HIGH), "".join(drawn))


def _largest(groups: dict[str, list[Leaf]]) -> tuple[dict[str, list[Leaf]], str]:
    """Return the largest groups, all others as the members of one, and the name of that one; '' where there are few."""
    if len(groups) <= _MOST_GROUPS:
        return groups, ""
    order = sorted(groups, key=lambda group: (-sum(leaf.size for leaf in groups[group]), group))
    first, rest = order[: _MOST_GROUPS - 1], order[_MOST_GROUPS - 1 :]
    name = f"{len(rest):,} others"
    return {**{group: groups[group] for group in first}, name: [leaf for group in rest for leaf in groups[group]]}, name


def _group(
    at: int, group: str, place: tuple[float, ...], leaves: Sequence[Leaf], rest: Sequence[Leaf], unit: str
) -> str:
    sizes = [float(leaf.size) for leaf in leaves]
    together = sum(leaf.size for leaf in rest)
    if together:
        sizes.append(float(together))
    # The rest may be larger than a leaf: areas are placed in the order of sizes.
    order = sorted(range(len(sizes)), key=lambda each: (-sizes[each], each))
    placed = squarified([sizes[each] for each in order], *place)
    drawn = []
    for each, (x, y, wide, high) in zip(order, placed, strict=False):
        if each < len(leaves):
            label, size, kind = leaves[each].label, leaves[each].size, f"t-{at % len(FILLS)}"
        else:
            label, size, kind = f"{len(rest):,} families", together, "t-rest"
        said = f"{group}, {label}: {size:,} {unit}"
        drawn.append(box(x / 10, y, wide / 10, high, f"leaf {kind}", said))
        room, inside = (wide - 8) / SMALL_LETTER, []
        if high > 17 and each == order[0] and _fits(group, room * 0.9):  # the group is named in its first cell
            inside.append(words(0, 14, shortened(group, room * 0.9), "small strong in", 4))
        if high > (34 if inside else 17) and _fits(label, room):
            inside.append(words(0, 28 if inside else 13, shortened(label, room), "small in", 4))
        if inside:
            drawn.append(window(x / 10, y, wide / 10, high, inside))
    x, y, wide, high = place
    drawn.append(box(x / 10, y, wide / 10, high, "group"))
    return "".join(drawn)


def _fits(text: str, room: float) -> bool:
    return room >= min(letters(text), _FEWEST)
