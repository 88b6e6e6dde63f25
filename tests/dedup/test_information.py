"""Which pictures say too little for a perceptual match, at the edge of each rule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dedup import DEGENERATE, degeneracy


def flag(block: npt.NDArray[np.uint8], quality: int, minimum: int = 50) -> str:
    return DEGENERATE[int(degeneracy(block[np.newaxis], [quality], minimum)[0])]


def page(specks: int, levels: int) -> npt.NDArray[np.uint8]:
    """A grey page with some cells that lie a few levels above the rest."""
    block = np.full(4096, 100, np.uint8)
    block[:specks] += np.uint8(levels)
    return block.reshape(64, 64)


NOISE = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)


@pytest.mark.parametrize(
    ("quality", "minimum", "expected"), [(49, 50, "low_information"), (50, 50, ""), (50, 51, "low_information")]
)
def test_a_quality_below_the_minimum_is_low_information(quality: int, minimum: int, expected: str) -> None:
    assert flag(NOISE, quality, minimum) == expected


def test_a_hundredth_of_cells_that_stand_out_leaves_a_page_blank() -> None:
    assert [flag(page(specks, 13), 100) for specks in (1, 41, 42)] == ["blank", "blank", ""]
    assert flag(page(42, 13), 0) == "low_information"


def test_twelve_levels_are_one_tone_whatever_the_quality() -> None:
    assert [flag(page(2000, levels), quality) for levels, quality in ((12, 0), (12, 100), (13, 100))] == [
        "flat",
        "flat",
        "",
    ]
    assert [flag(255 - page(2000, levels), 100) for levels in (12, 13)] == ["flat", ""]
