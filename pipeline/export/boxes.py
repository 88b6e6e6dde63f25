"""The source's boxes in the pixels of a stored picture, for the layouts that hold boxes.

A stored picture is a whole frame made smaller, or the crop of one box, cut out at whole pixels. Every box that the
source states of the same frame, and that leaves with the export, is given where half of it or more lies in the picture:
the box that a crop was cut by, its neighbours, and all boxes of a frame that is stored whole. Nothing else is a box: a
picture whose source states none has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.export.choice import Choice
from pipeline.export.classes import class_column
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
VISIBLE = 0.5
"""Share of a box that must lie in the picture, as where records are cut out of their frames."""
BOX_COLUMNS = _SQL("columns")
"""Columns of a sample, beside `BOX_TABLES`, that `boxes_in` needs."""
BOX_TABLES = "LEFT JOIN boxes b USING (key) LEFT JOIN media_of m USING (key)"


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """One box in the pixels of a stored picture."""

    class_id: str | None
    key: str
    """The sample whose record states it."""
    x: float
    y: float
    w: float
    h: float
    stated: tuple[float, float, float, float]
    """As the source states it: left, top, width and height in pixels of the original frame."""


def list_boxes(choice: Choice, level: str) -> None:
    """Lay down the boxes of the samples that leave, and the frame of every sample, as `BOX_TABLES` asks for them."""
    choice.con.execute(_SQL("media_of"))
    choice.con.execute(_SQL("boxes", column=class_column(level, "s")))


def unboxed() -> str:
    """Return the condition on `samples` that no box of `list_boxes` lies in the picture, as `boxes_in` would find."""
    return "key NOT IN (SELECT m.key FROM media_of m JOIN boxes USING (media_id))"


def boxes_in(row: Mapping[str, Any]) -> list[PlacedBox]:
    """Return the boxes in a stored picture, its own first, cut off at its edges.

    `row`: a sample with BOX_COLUMNS.

    >>> two = [{"class_id": "a", "key": "k", "x": 10.5, "y": 20.0, "w": 100.0, "h": 50.0},
    ...        {"class_id": "b", "key": "l", "x": 90.0, "y": 30.0, "w": 30.0, "h": 20.0}]
    >>> row = {"width": 202, "height": 100, "source_width": 101, "source_height": 50, "own_x": 10.5, "own_y": 20.0}
    >>> [(box.key, box.x, box.y, box.w, box.h) for box in boxes_in({**row, "boxes": two})]
    [('k', 1.0, 0.0, 200.0, 100.0), ('l', 160.0, 20.0, 42.0, 40.0)]
    """
    left, top = (0 if row[name] is None else math.floor(max(0.0, row[name])) for name in ("own_x", "own_y"))
    across, down = row["width"] / row["source_width"], row["height"] / row["source_height"]
    found = []
    boxes: Sequence[Mapping[str, Any]] = row["boxes"] or ()
    for box in boxes:
        x0, x1 = _cut(box["x"] - left, box["w"], row["source_width"])
        y0, y1 = _cut(box["y"] - top, box["h"], row["source_height"])
        if (x1 - x0) * (y1 - y0) >= VISIBLE * box["w"] * box["h"] > 0:
            place = (
                round(x0 * across, 2),
                round(y0 * down, 2),
                round((x1 - x0) * across, 2),
                round((y1 - y0) * down, 2),
            )
            stated = (box["x"], box["y"], box["w"], box["h"])
            found.append(PlacedBox(box["class_id"], box["key"], *place, stated))
    return found


def _cut(start: float, length: float, size: int) -> tuple[float, float]:
    low, high = max(0.0, start), min(float(size), start + length)
    return low, max(low, high)
