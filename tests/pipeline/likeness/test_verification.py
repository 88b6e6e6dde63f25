"""Pairs that come by the million are said to be alike exactly where their residuals say so."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.likeness.verification import Given, alike_at, residuals_at, verified
from tests.dedup.test_refusal import all_pairs, frames


@pytest.mark.parametrize("limit", [0.0, 6.0, 40.0, 255.0])
def test_alike_is_what_the_residuals_say_and_what_cannot_be_shown_is_alike(limit: float) -> None:
    every: list[bytes | None] = [block.tobytes() for block in frames(9, 110)]
    every[4] = every[11]
    every[17] = None
    shown = Given(every)
    left, right = all_pairs(110)  # more pairs than are bounded at a time
    told = alike_at(shown, left, right, limit)
    assert np.array_equal(told, verified(residuals_at(shown, left, right), limit))
    assert told[(left == 17) | (right == 17)].all()
    assert told[(left == 4) & (right == 11)].all()


def test_no_pairs_have_no_answer() -> None:
    none = np.empty(0, np.int64)
    assert alike_at(Given([]), none, none, 6.0).shape == (0,)
