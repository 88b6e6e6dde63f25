"""Bounding boxes as stated, and as far as they lie in their image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.sources.mapping import columns as c

MIN_VISIBLE = 0.5
"""Share of a box's area that must lie in the image."""

Floats = NDArray[np.float64]


def floats(table: pa.Table, name: str) -> Floats:
    """Return a text column as numbers; NaN where there is none."""
    return np.asarray(pc.fill_null(c.numbers(c.text(table, name)), np.nan), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of n rows: left, top, width and height, n x 4; NaN where there is no number."""

    stated: Floats
    clipped: Floats
    """The part that lies in the image."""

    @classmethod
    def of(cls, stated: Floats, right: Floats, bottom: Floats) -> Boxes:
        """Cut boxes at the edges of images of these sizes; NaN: an image of unknown size has no such edge to cut at.

        >>> Boxes.of(np.array([[-1.0, 5.0, 30.0, 40.0]]), np.array([640.0]), np.array([np.nan])).clipped.tolist()
        [[0.0, 5.0, 29.0, 40.0]]
        """
        x, y, width, height = (stated[:, side] for side in range(4))
        right, bottom = np.nan_to_num(right, nan=np.inf), np.nan_to_num(bottom, nan=np.inf)
        # A box that lies inside keeps its numbers to the bit; only a cut side is computed.
        left, top = np.maximum(x, 0), np.maximum(y, 0)
        inside_x, inside_y = (x >= 0) & (x + width <= right), (y >= 0) & (y + height <= bottom)
        visible_width = np.where(inside_x, width, np.minimum(x + width, right) - left)
        visible_height = np.where(inside_y, height, np.minimum(y + height, bottom) - top)
        return cls(stated, np.stack([left, top, visible_width, visible_height], axis=1))

    def filter(self, mask: c.Mask) -> Boxes:
        """Return the boxes of some rows."""
        return Boxes(self.stated[mask], self.clipped[mask])

    def visible(self) -> Floats:
        """Share of each box's area that lies in the image; 0 for a box without area or with a missing number."""
        area = self.stated[:, 2] * self.stated[:, 3]
        inside = self.clipped[:, 2] * self.clipped[:, 3]
        good = (self.stated[:, 2:] > 0).all(axis=1) & (self.clipped[:, 2:] > 0).all(axis=1)
        share: Floats = np.divide(inside, area, out=np.zeros(len(area)), where=good)
        return share

    def was_cut(self) -> c.Mask:
        """Return which boxes reached beyond their image."""
        cut: c.Mask = ((self.stated != self.clipped) & ~np.isnan(self.stated)).any(axis=1)
        return cut

    def columns(self, scale: tuple[Floats, Floats] | None = None) -> dict[str, pa.Array]:
        """Return the record's box columns; `scale` turns shares of the image into pixels. NaN becomes null."""
        sides = self.clipped if scale is None else self.clipped * np.stack([*scale, *scale], axis=1)
        whole = np.isfinite(sides).all(axis=1)
        return {
            f"box_{name}": pa.array(np.where(whole, sides[:, i], np.nan), pa.float64(), from_pandas=True)
            for i, name in enumerate(("x", "y", "w", "h"))
        }
