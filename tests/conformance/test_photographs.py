"""What the commands of this folder print, as tests; they need the photographs of the project's shared data."""

from __future__ import annotations

import pytest

from tests.conformance.heliconius import DATA, facts
from tests.conformance.published_filter import photographs, planted, published_batch, published_recall, recall

pytestmark = pytest.mark.skipif(not (DATA / "sources/images").exists(), reason="the photographs are not at hand")


def test_known_duplicates_leaks_bursts_and_conflicts_are_found() -> None:
    assert [words for words, holds in facts(DATA) if not holds] == []


def test_no_planted_leak_passes_although_hashes_fail_beside_it() -> None:
    report = planted(photographs(DATA))
    assert report.train.num_rows == 100
    assert (report.count("leak"), report.count("leak_unknown")) == (80, 20)
    assert published_batch(report) == 0


@pytest.mark.parametrize("side", [240, 500, 0])
def test_held_out_copies_of_any_size_are_found(side: int) -> None:
    some = photographs(DATA)[::4]
    assert recall(some, side) >= 0.98
    if side == 240:
        assert published_recall(some, side) < 0.5
