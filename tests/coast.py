"""Make the coast that the report's map is drawn with: `python -m tests.coast land-110m.json > coast.txt`.

    package world-atlas 2.0.2 (Natural Earth, public domain; the package's own work is under ISC), file land-110m.json
    -> rings in degrees -> each unwrapped, closed round the pole, cut at 180 degrees -> projected -> simplified

A ring that crosses the antimeridian would be drawn right across the map: it is cut there first, and its long edges get
points in between, so that what was cut follows the edge of the map.

Sources: TopoJSON Format Specification 2.1 (arcs, transform); D. Douglas, T. Peucker (1973), on simplifying lines;
I. Sutherland, G. Hodgman (1974), on cutting polygons.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.cards.plots.equal_earth import projected

SOURCE = "world-atlas 2.0.2 land-110m.json"
DIGEST = "ead5f68119c49a9250902e7da303bcb209341bbb8fefe7369a439b48b704658a"
"""SHA-256 of that file."""
_TOLERANCE, _SMALLEST, _LONGEST = 0.5, 2.0, 2.0
"""Units of the map that a line may be off; area of the smallest island; degrees of the longest edge."""

Point = tuple[float, float]


def rings(topology: dict[str, Any]) -> Iterator[list[Point]]:
    """Yield the rings of a topology's land as (longitude, latitude), the last point that of the first."""
    (wide, high), (left, low) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: list[list[Point]] = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * wide + left, y * high + low))
        arcs.append(points)
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for polygon in polygons:
            for ring in polygon:
                joined: list[Point] = []
                for number in ring:
                    points = arcs[number] if number >= 0 else arcs[~number][::-1]
                    joined += points[1:] if joined else points
                yield joined


def unwrapped(ring: Sequence[Point]) -> list[Point]:
    """Return a ring without jumps of a turn; one that goes round the south pole is closed along it.

    >>> unwrapped([(170, 0), (-170, 0), (-170, 9), (170, 0)])
    [(170, 0), (190, 0), (190, 9), (170, 0)]
    """
    found = [ring[0]]
    for lon, lat in ring[1:]:
        turns = round((found[-1][0] - lon) / 360)
        found.append((lon + 360 * turns, lat))
    if abs(found[-1][0] - found[0][0]) > 1:
        found += [(found[-1][0], -90.0), (found[0][0], -90.0), found[0]]
    return found


def cut(ring: Sequence[Point], edge: float, keep_above: bool) -> list[Point]:
    """Return the part of a ring east of a longitude (`keep_above`), or west of it.

    >>> cut([(0, 0), (4, 0), (4, 2), (0, 0)], 2, True)
    [(2.0, 1.0), (2.0, 0.0), (4, 0), (4, 2), (2.0, 1.0)]
    """
    found: list[Point] = []
    points = list(ring[:-1]) if ring[0] == ring[-1] else list(ring)
    for at, (lon, lat) in enumerate(points):
        before = points[at - 1]
        inside, was = (lon >= edge) == keep_above or lon == edge, (before[0] >= edge) == keep_above or before[0] == edge
        if inside != was:
            part = (edge - before[0]) / (lon - before[0])
            found.append((float(edge), before[1] + part * (lat - before[1])))
        if inside:
            found.append((lon, lat))
    return [*found, found[0]] if found else []


def on_one_turn(ring: Sequence[Point]) -> Iterator[list[Point]]:
    """Yield the parts of an unwrapped ring, each between -180 and 180 degrees."""
    least, most = min(lon for lon, _ in ring), max(lon for lon, _ in ring)
    for turn in range(math.floor((least + 180) / 360), math.ceil((most + 180) / 360)):
        part = cut(ring, 360 * turn - 180, True)
        part = cut(part, 360 * turn + 180, False) if part else part
        if part:
            yield [(lon - 360 * turn, lat) for lon, lat in part]


def drawn(ring: Sequence[Point]) -> list[Point]:
    """Return a ring in units of the map, with points between those that are far apart."""
    found: list[Point] = []
    for (lon, lat), (to_lon, to_lat) in itertools.pairwise(ring):
        steps = max(math.ceil(max(abs(to_lon - lon), abs(to_lat - lat)) / _LONGEST), 1)
        for step in range(steps):
            part = step / steps
            found.append(projected(lat + part * (to_lat - lat), lon + part * (to_lon - lon)))
    return [*found, found[0]]


def simplified(points: Sequence[Point], tolerance: float) -> list[Point]:
    """Return the ends of a line and the points that it is farther from than the tolerance.

    >>> simplified([(0, 0), (1, 0.1), (2, 0), (3, 5)], 0.5)
    [(0, 0), (2, 0), (3, 5)]
    """
    kept = {0, len(points) - 1}
    waiting = [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        far, where = 0.0, -1
        for at in range(first + 1, last):
            if (off := _distance(points[at], points[first], points[last])) > far:
                far, where = off, at
        if far > tolerance:
            kept.add(where)
            waiting += [(first, where), (where, last)]
    return [points[at] for at in sorted(kept)]


def _distance(point: Point, one: Point, two: Point) -> float:
    wide, high = two[0] - one[0], two[1] - one[1]
    long = wide * wide + high * high
    part = min(max(((point[0] - one[0]) * wide + (point[1] - one[1]) * high) / long, 0), 1) if long else 0
    return math.hypot(point[0] - one[0] - part * wide, point[1] - one[1] - part * high)


def area(points: Sequence[Point]) -> float:
    """Return the area of a ring.

    >>> area([(0, 0), (2, 0), (2, 3), (0, 3), (0, 0)])
    6.0
    """
    return abs(sum(x * to_y - to_x * y for (x, y), (to_x, to_y) in itertools.pairwise(points))) / 2


def path(topology: dict[str, Any]) -> str:
    """Return the coast as an SVG path in whole units of the map: each point by how far it is from the one before."""
    parts = []
    for ring in rings(topology):
        for part in on_one_turn(unwrapped(ring)):
            points = drawn(part)
            if area(points) < _SMALLEST:
                continue
            far = max(range(len(points)), key=lambda at: math.dist(points[0], points[at]))
            half = [*simplified(points[: far + 1], _TOLERANCE)[:-1], *simplified(points[far:], _TOLERANCE)]
            whole = [(round(x), round(y)) for x, y in half]
            whole = [point for at, point in enumerate(whole[:-1]) if at == 0 or point != whole[at - 1]]
            if len(whole) < 3:
                continue
            steps = [(x - a, y - b) for (a, b), (x, y) in itertools.pairwise(whole)]
            written = "".join(
                f"{' ' if at and x >= 0 else ''}{x}{' ' if y >= 0 else ''}{y}" for at, (x, y) in enumerate(steps)
            )
            parts.append(f"M{whole[0][0]} {whole[0][1]}l{written}z")
    return "\n".join(parts)


def main() -> None:
    """Print the coast from the file that is named. Raises SystemExit for another file."""
    data = Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(data).hexdigest() != DIGEST:
        raise SystemExit(f"{sys.argv[1]} is not {SOURCE}: its SHA-256 is not {DIGEST}")
    print(f"# {SOURCE}, sha256 {DIGEST}; Natural Earth, public domain; made by python -m tests.coast")
    print(path(json.loads(data)))


if __name__ == "__main__":
    main()
