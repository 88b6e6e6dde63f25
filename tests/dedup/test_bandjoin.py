"""One band of a join by itself: only the rows that are asked about are answered, whichever side is the larger."""

from __future__ import annotations

import numpy as np
import pytest

from dedup import PairLimitError, band_pairs, cross_band_pairs, cross_pairs_within, pairs_within, plan_bands
from dedup.bandjoin import Side, cross_band
from tests.dedup.test_hamming import flipped, tuples


def near_sets(width: int, n: int, m: int, distance: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets around five hashes, so that each row of one is near many of the other."""
    random = np.random.default_rng(11)
    seeds = random.integers(0, 256, (5, width), dtype=np.uint8)
    a, b = (flipped(seeds[random.integers(0, 5, count)], random, distance) for count in (n, m))
    return a, b


@pytest.mark.parametrize(("n", "m"), [(30, 120), (120, 30), (3, 900), (900, 3)])
@pytest.mark.parametrize(("width", "distance"), [(8, 6), (8, 14), (32, 10), (32, 30)])
def test_rows_that_are_not_asked_about_are_in_no_pair(width: int, distance: int, n: int, m: int) -> None:
    a, b = near_sets(width, n, m, distance)
    plan = plan_bands(width * 8, distance)
    left, right = Side.of(a, np.arange(n)), Side.of(b, np.arange(m))
    asked = np.arange(n) % 3 == 1
    found = 0
    for number in range(len(plan.bands)):
        every = tuples(cross_band(left, right, plan, number, 1 << 17))
        some = tuples(cross_band(left, right, plan, number, 1 << 17, asked=asked))
        assert sorted(some) == sorted(pair for pair in every if asked[pair[0]])
        found += len(some)
    assert found


def test_pairs_of_several_bands_count_towards_one_bound() -> None:
    """One pair of the first band that has any, one of the last: two pairs fit where two are allowed, and not in one."""
    random = np.random.default_rng(12)
    base = random.integers(0, 256, (300, 8), dtype=np.uint8)
    near = flipped(base, random, 6)
    plan = plan_bands(64, 6)
    by_band = [cross_band_pairs(base, near, plan, number) for number in range(len(plan.bands))]
    first, last = by_band[0], by_band[-1]
    a, b = (
        hashes[[part[0] for part in rows]]
        for hashes, rows in ((base, (first.left, last.left)), (near, (first.right, last.right)))
    )
    together = np.concatenate([a, b])
    assert [len(band_pairs(together, plan, number)) for number in (0, len(plan.bands) - 1)] == [1, 1]
    assert len(pairs_within(together, 6, most=2)) == len(cross_pairs_within(a, b, 6, most=2)) == 2
    with pytest.raises(PairLimitError):
        pairs_within(together, 6, most=1)
    with pytest.raises(PairLimitError):
        cross_pairs_within(a, b, 6, most=1)
