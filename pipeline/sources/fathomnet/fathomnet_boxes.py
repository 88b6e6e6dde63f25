"""Bounding boxes in pixels: how much of them lies in the image, and which of them are the same box stated twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.sources.mapping import columns as c

Floats = NDArray[np.float64]
SAME_BOX = 0.9
"""Intersection over union from which two boxes of one concept in one image are the same box."""
MAX_COMPARED = 2_000
"""Boxes of one concept in one image that are compared each with each: twenty times what the densest image has."""


class Boxes:
    """The boxes of native rows, as stated and as far as they lie in their image; NaN where there is no number."""

    def __init__(self, stated: Floats, clipped: Floats, present: c.Mask) -> None:
        self.stated, self.clipped, self.present = stated, clipped, present

    @classmethod
    def of(cls, table: pa.Table) -> Boxes:
        """Read the boxes of a table with box_x, box_y, box_width, box_height, image_width and image_height."""

        def floats(name: str) -> Floats:
            return np.asarray(pc.fill_null(c.numbers(c.text(table, name)), np.nan), dtype=np.float64)

        x, y, width, height = (floats(f"box_{name}") for name in ("x", "y", "width", "height"))
        # An image of unknown size has no right or lower edge to cut at.
        right = np.nan_to_num(floats("image_width"), nan=np.inf)
        bottom = np.nan_to_num(floats("image_height"), nan=np.inf)
        # A box that lies inside keeps its numbers to the bit; only a cut side is computed.
        left, top = np.maximum(x, 0), np.maximum(y, 0)
        inside_x, inside_y = (x >= 0) & (x + width <= right), (y >= 0) & (y + height <= bottom)
        visible_width = np.where(inside_x, width, np.minimum(x + width, right) - left)
        visible_height = np.where(inside_y, height, np.minimum(y + height, bottom) - top)
        clipped = np.stack([left, top, visible_width, visible_height], axis=1)
        present = ~c.is_null(c.text(table, "box_uuid")) | np.any(
            [~c.is_null(c.text(table, f"box_{name}")) for name in ("concept", "x", "y", "width", "height")], axis=0
        )
        return cls(np.stack([x, y, width, height], axis=1), clipped, present)

    def filter(self, mask: c.Mask) -> Boxes:
        """Return the boxes of some rows."""
        return Boxes(self.stated[mask], self.clipped[mask], self.present[mask])

    def visible(self) -> Floats:
        """Share of each box's area that lies in the image; 0 for a box without area or with a missing number."""
        area = self.stated[:, 2] * self.stated[:, 3]
        inside = self.clipped[:, 2] * self.clipped[:, 3]
        good = (self.stated[:, 2:] > 0).all(axis=1) & (self.clipped[:, 2:] > 0).all(axis=1)
        share: Floats = np.divide(inside, area, out=np.zeros(len(area)), where=good)
        return share


def overlaps(one: Floats, others: Floats) -> Floats:
    """Return the intersection over union of one box (x, y, width, height) with each of several, shape (n, 4).

    >>> overlaps(np.array([0.0, 0, 10, 10]), np.array([[0.0, 0, 10, 10], [5, 0, 10, 10], [20, 0, 1, 1]])).tolist()
    [1.0, 0.3333333333333333, 0.0]
    """
    # Numbers near the end of the range overflow to infinity; the share is then no number, which equals nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        ends = np.minimum(one[:2] + one[2:], others[:, :2] + others[:, 2:])
        sides = np.maximum(ends - np.maximum(one[:2], others[:, :2]), 0.0)
        shared = sides[:, 0] * sides[:, 1]
        union = one[2] * one[3] + others[:, 2] * others[:, 3] - shared
        result: Floats = np.divide(shared, union, out=np.zeros(len(others)), where=union > 0)
    return result


def same_boxes(sides: Floats, groups: Sequence[object], order: Sequence[object]) -> dict[int, tuple[int, float]]:
    """Find boxes that state another one again: {row: (row of the box that stays, intersection over union)}.

    `groups` says which boxes may be the same (one image, one concept); in each group boxes are walked in `order`, which
    must be total and sortable, and a box stays unless it overlaps by SAME_BOX or more with one that stays already.
    In a group of more than MAX_COMPARED boxes only those with the very same numbers are found.

    >>> same_boxes(np.array([[0.0, 0, 10, 10], [0.0, 0, 10, 10.5], [0.0, 0, 10, 10]]), "aab", [2, 1, 3])
    {0: (1, 0.9523809523809523)}
    """
    members: dict[object, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    found: dict[int, tuple[int, float]] = {}
    for rows in members.values():
        if len(rows) == 1:
            continue
        rows.sort(key=lambda row: order[row])  # type: ignore[arg-type,return-value]
        seen: dict[bytes, int] = {}
        stays: list[int] = []
        for row in rows:
            again = seen.setdefault(sides[row].tobytes(), row)
            if again != row:
                found[row] = found.get(again, (again, 1.0))
                continue
            if len(rows) <= MAX_COMPARED and stays:
                shares = overlaps(sides[row], sides[stays])
                best = int(np.nanargmax(shares)) if not np.isnan(shares).all() else 0
                if shares[best] >= SAME_BOX:
                    found[row] = (stays[best], float(shares[best]))
                    continue
            stays.append(row)
    return found
