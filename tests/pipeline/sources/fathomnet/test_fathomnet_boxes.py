"""Boxes as far as they lie in their image: one that lies inside keeps its numbers to the bit."""

from __future__ import annotations

import pyarrow as pa

from pipeline.sources.fathomnet.fathomnet_boxes import Boxes


def clipped(*places: tuple[float, float, float, float]) -> list[list[float]]:
    numbers = {name: [repr(place[n]) for place in places] for n, name in enumerate(("x", "y", "width", "height"))}
    columns = {f"box_{name}": values for name, values in numbers.items()}
    size = {"image_width": ["640"] * len(places), "image_height": ["480"] * len(places)}
    named = {name: [None] * len(places) for name in ("box_uuid", "box_concept")}
    table = pa.table({**columns, **size, **{n: pa.array(v, pa.string()) for n, v in named.items()}})
    return [[float(number) for number in row] for row in Boxes.of(table).clipped]


def test_a_box_that_begins_at_an_edge_is_not_computed_anew() -> None:
    # Computed from its ends, 0.2 + 0.1 - 0.2 would no longer be 0.1.
    inside = [(0.0, 0.0, 0.1, 0.1), (0.2, 0.2, 0.1, 0.1), (0.2, 0.0, 640 - 0.2, 480.0)]
    assert clipped(*inside) == [list(place) for place in inside]


def test_only_what_lies_in_the_image_is_left() -> None:
    assert clipped((-10, 0, 30, 40), (0, -10, 30, 40), (630, 470, 30, 40)) == [
        [0, 0, 20, 40],
        [0, 0, 30, 30],
        [630, 470, 10, 10],
    ]
