"""A bound on the pairs of a join is a bound on all of them, whichever bands they were found in."""

from __future__ import annotations

import numpy as np
import pytest

from dedup import PairLimitError, brute_pairs, pairs_within
from tests.dedup.test_hamming import make


@pytest.mark.parametrize("seed", range(4))
def test_a_join_lists_as_many_pairs_as_it_may_and_not_one_more(seed: int) -> None:
    hashes = make(seed, 60, 8, 6, "skewed")
    hashes = np.unique(hashes, axis=0)
    count = len(brute_pairs(hashes, 6))
    assert count > 3
    assert len(pairs_within(hashes, 6, most=count)) == count
    for fewer in {0, 1, count // 2, count - 1}:
        with pytest.raises(PairLimitError):
            pairs_within(hashes, 6, most=fewer)
