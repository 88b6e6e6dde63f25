"""The search by two hashes at once against brute force: no pair within both distances is missed, no other is given."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import HASH_LIST_SCHEMA, BothHashes, HeldOutPair, LikenessError, find_pair_leaks, nearest_of_both
from tests.dedup.test_hamming import flipped

NEAR = tuple[int, int, int, int]


def brute(a: BothHashes, b: BothHashes, phash: int, pdq: int) -> list[NEAR]:
    """Each row's nearest by pHash, then PDQ, then place."""
    found = []
    for row in range(len(a)):
        sides = ((a.phash, b.phash), (a.pdq, b.pdq))
        apart = (np.bitwise_count(one[row] ^ two).sum(axis=1).tolist() for one, two in sides)
        between = [(*both, other) for other, both in enumerate(zip(*apart, strict=True))]
        near = [each for each in between if each[0] <= phash and each[1] <= pdq]
        if near:
            one, two, other = min(near)
            found.append((row, other, one, two))
    return found


def drawn(random: np.random.Generator, count: int, seeds: BothHashes) -> BothHashes:
    """Hashes around few seeds, the two of one row around seeds of their own: near in one says nothing of the other."""
    one, two = random.integers(0, len(seeds), (2, count))
    return BothHashes(flipped(seeds.phash[one], random, 12), flipped(seeds.pdq[two], random, 100))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 60),
    m=st.integers(0, 60),
    phash=st.sampled_from([0, 4, 10, 14]),
    pdq=st.sampled_from([0, 50, 90, 256]),
    candidates=st.sampled_from([7, 1 << 17]),
)
def test_each_row_gets_the_nearest_of_those_within_both_distances(
    seed: int, n: int, m: int, phash: int, pdq: int, candidates: int
) -> None:
    random = np.random.default_rng(seed)
    seeds = BothHashes(
        random.integers(0, 256, (3, 8), dtype=np.uint8), random.integers(0, 256, (3, 32), dtype=np.uint8)
    )
    a, b = drawn(random, n, seeds), drawn(random, m, seeds)
    if n > 4 and m > 4:  # equal pairs, and equal pHashes with another PDQ
        a.phash[1], a.pdq[1] = a.phash[0], a.pdq[0]
        b.phash[2], b.pdq[2] = a.phash[0], a.pdq[0]
        b.phash[3] = b.phash[2]
    near = nearest_of_both(a, b, phash, pdq, candidates)
    found = list(zip(near.left.tolist(), near.right.tolist(), near.phash.tolist(), near.pdq.tolist(), strict=True))
    assert found == brute(a, b, phash, pdq)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    listed=st.lists(st.tuples(st.sampled_from([0, 1, 8]), st.sampled_from([0, 1, 8])), max_size=6),
)
def test_only_turns_of_which_both_hashes_are_listed_take_part(seed: int, listed: list[tuple[int, int]]) -> None:
    random = np.random.default_rng(seed)
    rows, expected = [], []
    for item, (pdq, phash) in enumerate(listed):
        hashes = [random.integers(0, 256, (count, width), dtype=np.uint8) for count, width in ((pdq, 32), (phash, 8))]
        texts = [" ".join(row.tobytes().hex() for row in each) or None for each in hashes]
        rows.append({"benchmark": "b", "item": str(item), "pdq": texts[0], "phash": texts[1], "quality": 90})
        expected += [(item, turn, hashes[0][turn], hashes[1][turn]) for turn in range(min(pdq, phash))]
    held = HeldOutPair.from_table(pa.Table.from_pylist(rows, HASH_LIST_SCHEMA))
    assert list(zip(held.owner.tolist(), held.variant.tolist(), strict=True)) == [(a, b) for a, b, *_ in expected]
    for place, (_, _, pdq_hash, phash_hash) in enumerate(expected):
        assert (held.hashes.pdq[place] == pdq_hash).all() and (held.hashes.phash[place] == phash_hash).all()
    if expected:
        found = find_pair_leaks(held.hashes, held, 10, 90)
        assert found.left.tolist() == list(range(len(expected)))
        assert set(found.phash.tolist()) == set(found.pdq.tolist()) == {0}


def test_hashes_of_other_shapes_are_refused() -> None:
    one, two = np.zeros((2, 8), np.uint8), np.zeros((3, 32), np.uint8)
    with pytest.raises(LikenessError, match="both hashes of every picture"):
        BothHashes(one, two)
    with pytest.raises(LikenessError, match="distance 32"):
        nearest_of_both(BothHashes(one, two[:2]), BothHashes(one, two[:2]), 32, 90)
