"""The quadratic search that defines what is near, taken in steps: the same pairs, however few rows fit into one."""

from __future__ import annotations

import numpy as np
import pytest

from dedup import LikenessError, brute_cross_pairs, brute_pairs
from dedup import pairs as module
from tests.dedup.test_hamming import make, tuples


@pytest.mark.parametrize("block", [1, 20, 100, 10_000])
def test_few_rows_at_a_time_find_the_pairs_that_python_finds(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = make(1, 40, 8, 6, "skewed"), make(1, 30, 8, 6, "skewed")
    monkeypatch.setattr(module, "_BLOCK", block)
    rows, others = ([int.from_bytes(row.tobytes(), "big") for row in hashes] for hashes in (a, b))
    within = [(i, j, (rows[i] ^ rows[j]).bit_count()) for i in range(40) for j in range(i + 1, 40)]
    between = [(i, j, (rows[i] ^ others[j]).bit_count()) for i in range(40) for j in range(30)]
    assert tuples(brute_pairs(a, 6)) == [pair for pair in within if pair[2] <= 6]
    assert tuples(brute_cross_pairs(a, b, 6)) == [pair for pair in between if pair[2] <= 6]
    assert 0 < len(brute_pairs(a, 6)) < len(within)


def test_hashes_of_two_kinds_are_not_compared() -> None:
    pdq, phash = np.zeros((2, 32), np.uint8), np.zeros((2, 8), np.uint8)
    with pytest.raises(LikenessError, match="hashes of 256 bits are compared with hashes of 64 bits"):
        brute_cross_pairs(pdq, phash, 6)
