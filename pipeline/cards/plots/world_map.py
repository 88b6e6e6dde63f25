"""A map of the Earth with squares of equal area, coloured by what lies in each; it loads nothing.

A square is 6 units of the map wide, 206 km: exact places cannot be read off it. The coast is in `coast.txt`, an SVG
path in units of the map, which `python -m tests.coast` makes; its first line says from what.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from pipeline.cards.plots.equal_earth import HIGH, WIDE, outline, projected
from pipeline.cards.plots.heat import key
from pipeline.cards.plots.scale import class_of, steps_of
from pipeline.cards.plots.svg import Figure

CELL = 6
"""Side of a square in units of the map."""


def cells_of(places: Iterable[tuple[float, float, int]]) -> dict[tuple[int, int], int]:
    """Return how much lies in each square, by (column, row), of places (latitude, longitude, number).

    >>> cells_of([(0.1, 0.1, 3), (0.2, 0.2, 4), (-33, 151, 1)])
    {(83, 40): 7, (147, 60): 1}
    """
    found: dict[tuple[int, int], int] = {}
    for lat, lon, many in places:
        x, y = projected(lat, lon)
        cell = (min(int(x // CELL), WIDE // CELL), min(int(y // CELL), HIGH // CELL))
        found[cell] = found.get(cell, 0) + many
    return found


@cache
def coast() -> str:
    """Return the coast as an SVG path in units of the map.

    >>> coast()[:1]
    'M'
    """
    text = files("pipeline.cards.plots").joinpath("coast.txt").read_text(encoding="ascii")
    return "".join(line for line in text.splitlines() if not line.startswith("#"))


def world_map(name: str, title: str, places: Iterable[tuple[float, float, int]], unit: str) -> tuple[Figure, Figure]:
    """Return the map and the key of its steps, of places (latitude, longitude, number).

    >>> drawn, steps = world_map("map", "Where", [(52.5, 13.4, 5)], "images")
    >>> drawn.description
    'A map with 1 coloured squares of 206 km; 5 images in the fullest.'
    """
    cells = cells_of(places)
    bounds = steps_of(list(cells.values()))
    marks: dict[int, list[str]] = {}
    for (column, row), many in sorted(cells.items(), key=lambda item: (item[0][1], item[0][0])):
        x, y = column * CELL + CELL / 2, row * CELL + CELL / 2
        marks.setdefault(class_of(many, bounds), []).append(f"M{x:g} {y:g}h0")
    edge = "L".join(f"{x:.0f} {y:.0f}" for x, y in outline())
    drawn = [f'<path class="sphere" d="M{edge}Z"/><path class="land" d="{coast()}"/>']
    # A square of a pale step on pale land, or on a telephone two pixels wide, is seen by its dark rim.
    if marks:
        drawn.append(
            f'<path class="cells rim" d="{"".join(each for _, some in sorted(marks.items()) for each in some)}"/>'
        )
    drawn += [f'<path class="cells m-{step}" d="{"".join(places)}"/>' for step, places in sorted(marks.items())]
    most = max(cells.values(), default=0)
    said = f"A map with {len(cells):,} coloured squares of 206 km; {most:,} {unit} in the fullest."
    legend = Figure(
        f"{name}-key", f"{title}: steps", "What the colours of the map mean.", 46, key(bounds, 0, f"{unit} in a square")
    )
    return Figure(name, title, said, HIGH, "".join(drawn), view=WIDE), legend
