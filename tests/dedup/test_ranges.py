"""The join in pieces against the join at once: the same pairs, whatever the pieces."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import LikenessError, brute_pairs, components, key_ranges, pairs_within, plan_bands, range_pairs
from dedup.bands import permuted_word
from dedup.pairs import merge_pairs
from dedup.ranges import MINIMUM_BUDGET, cut_ranges
from tests.dedup.test_hamming import make, tuples


@pytest.mark.parametrize(("width", "distance"), [(32, 0), (32, 10), (32, 30), (8, 4)])
@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 120),
    shape=st.sampled_from(["random", "planted", "skewed", "repeated"]),
    most=st.sampled_from([50, 1000]),
)
def test_the_pieces_together_give_the_pairs_of_the_whole(
    width: int, distance: int, seed: int, n: int, shape: str, most: int
) -> None:
    hashes = make(seed, n, width, distance, shape)
    plan = plan_bands(width * 8, distance)
    pieces = cut_ranges(hashes, plan, most)
    together = merge_pairs([range_pairs(hashes, plan, piece) for piece in pieces])
    found, whole = tuples(together), tuples(pairs_within(hashes, distance))
    assert len(set(found)) == len(found)
    if all(piece.parts == 1 for piece in pieces):
        assert found == whole
        return
    # Parts of an overfull prefix have representatives of their own: more true pairs, and the same groups.
    assert set(whole) - set(found) <= {pair for pair in whole if pair[2] == 0}
    assert set(found) <= set(tuples(brute_pairs(hashes, distance)))
    every = brute_pairs(hashes, distance)
    label = components(n, every.left, every.right)
    assert np.array_equal(components(n, together.left, together.right), label)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 120),
    shape=st.sampled_from(["planted", "skewed", "repeated"]),
    most=st.sampled_from([50, 1000]),
)
def test_pieces_of_all_rows_give_the_accepted_pairs_of_brute_force(seed: int, n: int, shape: str, most: int) -> None:
    hashes = make(seed, n, 32, 10, shape)
    plan = plan_bands(256, 10)

    def odd(left: np.ndarray, right: np.ndarray, distance: np.ndarray) -> np.ndarray:
        accepted: np.ndarray = (left + right) % 2 == 1
        return accepted

    pieces = cut_ranges(hashes, plan, most)
    found = tuples(merge_pairs([range_pairs(hashes, plan, piece, accept=odd, collapse=False) for piece in pieces]))
    assert found == [pair for pair in tuples(brute_pairs(hashes, 10)) if (pair[0] + pair[1]) % 2]


def test_an_overfull_prefix_is_joined_in_parts() -> None:
    hashes = np.zeros((300, 8), np.uint8)
    hashes[:, 3] = np.arange(300) % 256
    plan = plan_bands(64, 4)
    pieces = cut_ranges(hashes, plan, 50)
    assert max(piece.parts for piece in pieces) > 2
    parts = [range_pairs(hashes, plan, piece) for piece in pieces]
    found, every = set(tuples(merge_pairs(parts))), set(tuples(brute_pairs(hashes, 4)))
    assert found <= every
    assert {pair for pair in every if pair[2] and max(pair[:2]) < 256} <= found


def test_a_piece_stays_within_its_budget_and_a_file_of_hashes_does_as_well_as_an_array(tmp_path: Path) -> None:
    hashes = np.random.default_rng(3).integers(0, 256, (200_000, 32), dtype=np.uint8)
    hashes[1000:2000] = hashes[:1000]
    hashes[1000:2000, 5] ^= 3
    np.save(tmp_path / "hashes.npy", hashes)
    mapped = np.load(tmp_path / "hashes.npy", mmap_mode="r")
    plan = plan_bands(256, 10)
    pieces = key_ranges(mapped, plan, MINIMUM_BUDGET)
    assert len(pieces) > 3 * len(plan.bands)
    tracemalloc.start()
    first = range_pairs(mapped, plan, pieces[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MINIMUM_BUDGET
    fewer = key_ranges(mapped, plan, 1 << 30)
    assert len(fewer) == len(plan.bands)
    assert set(tuples(first)) <= set(tuples(range_pairs(hashes, plan, fewer[0])))
    assert len(merge_pairs([range_pairs(mapped, plan, piece) for piece in fewer])) == 1000


def test_too_small_a_budget_and_a_foreign_plan_are_refused() -> None:
    hashes = np.zeros((3, 8), np.uint8)
    with pytest.raises(LikenessError, match="budget"):
        key_ranges(hashes, plan_bands(64, 6), MINIMUM_BUDGET - 1)
    with pytest.raises(LikenessError, match="plan"):
        key_ranges(hashes, plan_bands(256, 6), MINIMUM_BUDGET)


def test_a_range_holds_as_many_rows_as_it_may_and_no_more() -> None:
    plan = plan_bands(64, 0)
    (band,) = plan.bands
    random = np.random.default_rng(9)
    hashes = random.integers(0, 256, (4000, 8), dtype=np.uint8)
    words = permuted_word(hashes, band.word)
    prefix = ((words >> np.uint64(band.shift + band.key_bits - 12)) & np.uint64(4095)).astype(np.int64)
    counts = np.bincount(prefix, minlength=4096)
    for most in (int(counts.max()), 50, 4000):
        pieces = cut_ranges(hashes, plan, most)
        held = [int(counts[piece.low : piece.high].sum()) for piece in pieces]
        assert max(held) <= most
        assert {piece.parts for piece in pieces} == {1}
        assert [piece.low for piece in pieces] == [0, *(piece.high for piece in pieces[:-1])]
        assert pieces[-1].high == 4096
        for piece, rows in zip(pieces[:-1], held, strict=False):
            assert rows + counts[piece.high] > most
    over = cut_ranges(hashes, plan, int(counts.max()) - 1)
    for piece in over:
        rows = int(counts[piece.low : piece.high].sum())
        # Two parts are in memory at a time.
        assert piece.parts == (1 if rows < counts.max() else -(-2 * rows // (int(counts.max()) - 1)))
        assert piece.parts == 1 or piece.high == piece.low + 1
