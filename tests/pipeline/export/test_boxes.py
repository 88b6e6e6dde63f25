"""Where a source's boxes lie in a stored picture: crops at whole pixels, frames made smaller, neighbours, edges."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manifests import ImageRules
from pipeline.export.boxes import boxes_in
from pipeline.media import Box, process


def stated(key: str, x: float, y: float, w: float, h: float) -> dict[str, Any]:
    return {"class_id": key, "key": key, "x": x, "y": y, "w": w, "h": h}


def test_a_whole_frame_holds_all_its_boxes_at_its_stored_size() -> None:
    boxes = [stated("a", 10, 20, 100, 50), stated("b", 300, 100, 100, 100)]
    row = {"width": 200, "height": 150, "source_width": 400, "source_height": 300, "own_x": None, "own_y": None}
    found = [(box.key, box.x, box.y, box.w, box.h) for box in boxes_in({**row, "boxes": boxes})]
    assert found == [("a", 5, 10, 50, 25), ("b", 150, 50, 50, 50)]
    assert boxes_in({**row, "boxes": None}) == []


def test_a_crop_holds_of_its_neighbours_those_that_lie_in_it_by_half() -> None:
    own = stated("own", 100, 100, 80, 60)
    near = [stated("inside", 120, 110, 20, 20), stated("half", 160, 100, 40, 40), stated("less", 161, 100, 40, 40)]
    row = {"width": 80, "height": 60, "source_width": 80, "source_height": 60, "own_x": 100.0, "own_y": 100.0}
    found = {box.key: (box.x, box.y, box.w, box.h) for box in boxes_in({**row, "boxes": [own, *near]})}
    assert found == {"own": (0, 0, 80, 60), "inside": (20, 10, 20, 20), "half": (60, 0, 20, 40)}


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-10, 150), y=st.floats(-10, 100), w=st.floats(40, 200), h=st.floats(40, 200), side=st.integers(20, 200)
)
def test_a_box_lies_in_the_crop_that_a_run_cut_by_it(x: float, y: float, w: float, h: float, side: int) -> None:
    out = io.BytesIO()
    Image.new("RGB", (240, 200), "olive").save(out, "PNG")
    (crop,) = process(out.getvalue(), [Box(x, y, w, h)], ImageRules(side=side, min_side=1), 10**6)
    if crop.outcome is not None:
        return
    sizes = {name: getattr(crop, name) for name in ("width", "height", "source_width", "source_height")}
    (box,) = boxes_in({**sizes, "own_x": x, "own_y": y, "boxes": [stated("own", x, y, w, h)]})
    assert box.x >= 0 and box.y >= 0
    # The crop is the box, widened by less than a pixel of the frame on each side.
    across, down = crop.width / crop.source_width, crop.height / crop.source_height
    assert box.x < across + 0.01 and box.x + box.w == pytest.approx(crop.width, abs=across + 0.02)
    assert box.y < down + 0.01 and box.y + box.h == pytest.approx(crop.height, abs=down + 0.02)
