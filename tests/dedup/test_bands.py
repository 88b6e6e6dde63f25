"""The plan of a join: which budgets its words and bands have."""

from __future__ import annotations

import pytest

from dedup import LikenessError, plan_bands


@pytest.mark.parametrize(("bits", "distance"), [(256, 0), (256, 2), (256, 20), (256, 30), (64, 6)])
def test_each_word_has_the_budget_of_its_own_bands(bits: int, distance: int) -> None:
    plan = plan_bands(bits, distance)
    budgets = {band.word: band.word_budget for band in plan.bands}
    assert [plan.word_budget(word) for word in range(4)] == [budgets.get(word, -1) for word in range(4)]
    assert sum(budget + 1 for budget in budgets.values()) == distance + 1


@pytest.mark.parametrize(("bits", "distance"), [(256, 128), (256, -1), (64, 32)])
def test_a_distance_of_half_the_bits_is_no_likeness(bits: int, distance: int) -> None:
    with pytest.raises(LikenessError, match=f"distance {distance} is not a likeness for {bits} bits"):
        plan_bands(bits, distance)
