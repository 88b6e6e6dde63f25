"""A machine that cannot hold the decisions is told so before they are made."""

from __future__ import annotations

import pytest

from pipeline.likeness.records.room import BYTES_A_CANDIDATE, check_room, decision_mb
from pipeline.model.errors import RunError
from tests.performance.bench_decisions import bytes_at_once
from tests.performance.drawn_records import drawn


def test_the_bytes_that_are_stated_are_those_that_are_taken() -> None:
    taken = bytes_at_once(drawn(100_000))
    assert 0.75 * BYTES_A_CANDIDATE <= taken <= BYTES_A_CANDIDATE


def test_more_than_the_machine_has_is_refused_and_more_than_the_recipe_says_is_told() -> None:
    needed = decision_mb(10_000_000)
    assert check_room(10_000_000, needed, 0) == ""
    assert f"{needed} MB" in check_room(10_000_000, needed - 1, needed)
    with pytest.raises(RunError, match="10,000,000 candidates") as caught:
        check_room(10_000_000, needed - 1, needed - 1)
    assert "more memory" in str(caught.value.remedy)
