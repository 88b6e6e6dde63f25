"""Boxes are cut at the edges of their image, and nothing of them is made up."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.mapping.boxes import Boxes, floats

NAN = math.nan


def boxes(*stated: tuple[float, float, float, float], size: tuple[float, float] = (100, 50)) -> Boxes:
    right, bottom = (np.full(len(stated), side, dtype=np.float64) for side in size)
    return Boxes.of(np.array(stated, dtype=np.float64), right, bottom)


@pytest.mark.parametrize(
    ("stated", "clipped", "visible"),
    [
        ((10, 5, 20, 10), [10, 5, 20, 10], 1.0),
        ((0, 0, 100, 50), [0, 0, 100, 50], 1.0),
        ((-10, 5, 20, 10), [0, 5, 10, 10], 0.5),
        ((10, -5, 20, 10), [10, 0, 20, 5], 0.5),
        ((90, 5, 20, 10), [90, 5, 10, 10], 0.5),
        ((10, 45, 20, 20), [10, 45, 20, 5], 0.25),
        ((-50, -25, 200, 100), [0, 0, 100, 50], 0.25),
    ],
)
def test_a_box_is_cut_at_each_edge(stated: tuple[float, ...], clipped: list[float], visible: float) -> None:
    made = boxes(stated)  # type: ignore[arg-type]
    assert made.clipped.tolist() == [clipped]
    assert made.visible().tolist() == [visible]
    assert made.was_cut().tolist() == [visible < 1]


@pytest.mark.parametrize(
    "stated",
    [
        (100, 5, 10, 10),
        (10, 50, 10, 10),
        (-10, 5, 10, 10),
        (10, -10, 10, 10),
        (10, 5, 0, 10),
        (10, 5, 10, -1),
        (NAN, 5, 10, 10),
        (10, NAN, 10, 10),
        (10, 5, NAN, 10),
        (10, 5, 10, NAN),
    ],
)
def test_nothing_is_visible_of_a_box_outside_or_without_area_or_with_a_number_missing(
    stated: tuple[float, float, float, float],
) -> None:
    assert boxes(stated).visible().tolist() == [0.0]


def test_an_image_of_unknown_size_has_only_its_left_and_upper_edge() -> None:
    made = boxes((-10, -5, 1000, 1000), size=(NAN, NAN))
    assert made.clipped.tolist() == [[0, 0, 990, 995]]


def test_a_number_that_is_missing_is_no_cut() -> None:
    made = boxes((NAN, NAN, NAN, NAN), (10, 5, 10, 10), (-1, NAN, NAN, NAN))
    assert made.was_cut().tolist() == [False, False, True]


@given(st.lists(st.tuples(*[st.floats(0, 40)] * 4), min_size=1))
def test_a_box_inside_keeps_its_numbers_to_the_bit(stated: list[tuple[float, float, float, float]]) -> None:
    made = boxes(*stated, size=(80, 80))
    assert made.clipped.tolist() == made.stated.tolist()
    assert not made.was_cut().any()


def test_columns_are_pixels_and_a_box_that_is_not_whole_is_null() -> None:
    made = boxes((0.1, 0.2, 0.5, 0.4), (NAN, 0, 1, 1), (0, 0, math.inf, 1), size=(NAN, NAN))
    plain = made.columns()
    assert {name: values.to_pylist() for name, values in plain.items()} == {
        "box_x": [0.1, None, None],
        "box_y": [0.2, None, None],
        "box_w": [0.5, None, None],
        "box_h": [0.4, None, None],
    }
    scaled = made.columns((np.array([200.0] * 3), np.array([100.0] * 3)))
    assert [scaled[f"box_{name}"][0].as_py() for name in "xywh"] == [20.0, 20.0, 100.0, 40.0]


def test_some_boxes_can_be_taken_out() -> None:
    made = boxes((1, 2, 3, 4), (-1, 2, 3, 4)).filter(np.array([False, True]))
    assert (made.stated.tolist(), made.clipped.tolist()) == ([[-1, 2, 3, 4]], [[0, 2, 2, 4]])


def test_texts_are_read_as_numbers_and_what_is_none_is_missing() -> None:
    table = pa.table({"x": [" 1.5 ", "", "one", None, "-2e1"]})
    read = floats(table, "x").tolist()
    assert read[0] == 1.5 and read[4] == -20.0 and all(math.isnan(value) for value in read[1:4])
    assert np.isnan(floats(table, "y")).all()
