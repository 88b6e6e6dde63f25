"""The exact join against brute force: recall 1.0, nothing twice, nothing beyond the distance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import (
    LikenessError,
    Pairs,
    band_pairs,
    brute_cross_pairs,
    brute_pairs,
    cross_band_pairs,
    cross_pairs_within,
    first_rows,
    merge_pairs,
    pairs_within,
    plan_bands,
)
from dedup.bands import permuted_word
from dedup.hamming import mixed_words
from dedup.nearest import nearest_within
from dedup.pairs import as_words

PLANS = [(32, 0), (32, 2), (32, 6), (32, 10), (32, 20), (32, 30), (32, 31), (8, 0), (8, 4), (8, 6), (8, 7), (8, 10)]


def flipped(hashes: np.ndarray, random: np.random.Generator, most: int) -> np.ndarray:
    """Copies with 0 to `most` bits turned over, each count as likely as the next."""
    bits = hashes.shape[1] * 8
    order = np.argsort(random.random((len(hashes), bits)), axis=1)
    turned = np.zeros((len(hashes), bits), np.uint8)
    counts = random.integers(0, most + 1, len(hashes))
    np.put_along_axis(turned, order, (np.arange(bits) < counts[:, np.newaxis]).astype(np.uint8), axis=1)
    return hashes ^ np.packbits(turned, axis=1)


def make(seed: int, n: int, width: int, distance: int, shape: str) -> np.ndarray:
    random = np.random.default_rng(seed)
    if shape == "skewed":  # a few bits decide everything, as on plain backgrounds
        base = random.integers(0, 256, (1, width), dtype=np.uint8)
        noise = random.integers(0, 256, (n, width), dtype=np.uint8) * (random.random((n, width)) < 0.15)
        return base ^ noise.astype(np.uint8)
    hashes = random.integers(0, 256, (n, width), dtype=np.uint8)
    if shape == "planted" and n > 1:
        source = random.integers(0, n, n // 2)
        target = random.integers(0, n, n // 2)
        hashes[target] = flipped(hashes[source], random, distance + 3)
    if shape == "repeated" and n > 1:
        hashes = hashes[random.integers(0, max(1, n // 3), n)]
    return hashes


def tuples(pairs: Pairs) -> list[tuple[int, int, int]]:
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist(), strict=True))


def collapsed(pairs: Pairs, hashes: np.ndarray) -> list[tuple[int, int, int]]:
    """All pairs, reduced to what the join promises: distinct values at their first rows, and representative edges."""
    first = first_rows(hashes)
    return [
        (left, right, distance)
        for left, right, distance in tuples(pairs)
        if (first[left] == left and first[right] == right) or (distance == 0 and first[right] == left)
    ]


@pytest.mark.parametrize(("width", "distance"), PLANS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 220),
    shape=st.sampled_from(["random", "planted", "skewed", "repeated"]),
    candidates=st.sampled_from([1, 7, 1 << 17]),
)
def test_the_join_finds_what_brute_force_finds(
    width: int, distance: int, seed: int, n: int, shape: str, candidates: int
) -> None:
    hashes = make(seed, n if candidates > 1 else n // 5, width, distance, shape)
    assert tuples(pairs_within(hashes, distance, candidates)) == collapsed(brute_pairs(hashes, distance), hashes)


@pytest.mark.parametrize(("width", "distance"), PLANS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 150), shape=st.sampled_from(["planted", "skewed", "repeated"]))
def test_bands_on_their_own_share_no_pair_and_miss_none(
    width: int, distance: int, seed: int, n: int, shape: str
) -> None:
    hashes = make(seed, n, width, distance, shape)
    plan = plan_bands(width * 8, distance)
    parts = [band_pairs(hashes, plan, band) for band in range(len(plan.bands))]
    together = [pair for part in parts for pair in tuples(part)]
    assert len(set(together)) == len(together)
    assert tuples(merge_pairs(parts)) == tuples(pairs_within(hashes, distance))


@pytest.mark.parametrize(("width", "distance"), PLANS)
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 160),
    m=st.integers(0, 160),
    shape=st.sampled_from(["random", "skewed", "repeated"]),
)
def test_the_cross_join_answers_every_left_row(
    width: int, distance: int, seed: int, n: int, m: int, shape: str
) -> None:
    random = np.random.default_rng(seed)
    b = make(seed, m, width, distance, shape)
    a = make(seed + 1, n, width, distance, shape)
    if n and m:
        taken = random.integers(0, n, n // 2)
        a[taken] = flipped(b[random.integers(0, m, n // 2)], random, distance + 3)
    first = first_rows(b)
    expected = [pair for pair in tuples(brute_cross_pairs(a, b, distance)) if first[pair[1]] == pair[1]]
    assert tuples(cross_pairs_within(a, b, distance)) == expected
    plan = plan_bands(width * 8, distance)
    parts = [cross_band_pairs(a, b, plan, band) for band in range(len(plan.bands))]
    assert tuples(merge_pairs(parts)) == expected


@pytest.mark.parametrize(("width", "distance"), [(32, 10), (32, 30), (8, 6)])
def test_thousands_of_planted_pairs_are_all_found(width: int, distance: int) -> None:
    random = np.random.default_rng(7)
    base = random.integers(0, 256, (4000, width), dtype=np.uint8)
    hashes = np.concatenate([base, flipped(base, random, distance)])
    assert tuples(pairs_within(hashes, distance)) == collapsed(brute_pairs(hashes, distance), hashes)
    assert np.array_equal(np.unique(cross_pairs_within(hashes[4000:], base, distance).left), np.arange(4000))


@pytest.mark.parametrize("bits", [64, 256])
def test_every_plan_meets_the_pigeonhole_condition(bits: int) -> None:
    for distance in range(bits // 2):
        plan = plan_bands(bits, distance)
        assert plan.is_exact()
        for word in {band.word for band in plan.bands}:
            bands = [band for band in plan.bands if band.word == word]
            covered = sorted(bit for band in bands for bit in range(band.shift, band.shift + band.width))
            assert covered == list(range(64))
            assert sum(band.flips + 1 for band in bands) >= bands[0].word_budget + 1
        slots = sum(next(b.word_budget for b in plan.bands if b.word == w) + 1 for w in {b.word for b in plan.bands})
        assert slots >= distance + 1


@pytest.mark.parametrize("width", [8, 32])
def test_the_permutation_loses_no_bit(width: int) -> None:
    hashes = np.random.default_rng(1).integers(0, 256, (500, width), dtype=np.uint8)
    words = np.stack([permuted_word(hashes, word) for word in range(width // 8)], axis=1)
    assert np.array_equal(np.bitwise_count(words).sum(axis=1), np.unpackbits(hashes, axis=1).sum(axis=1))
    single = np.packbits(np.eye(width * 8, dtype=np.uint8), axis=1)
    places = np.stack([permuted_word(single, word) for word in range(width // 8)], axis=1)
    assert len({row.tobytes() for row in places}) == width * 8


def test_a_hundred_thousand_equal_hashes_cost_as_many_edges() -> None:
    hashes = np.random.default_rng(2).integers(0, 256, (100_500, 32), dtype=np.uint8)
    hashes[500:] = hashes[0]
    pairs = pairs_within(hashes, 10)
    assert len(pairs) == 100_000
    assert not pairs.left.any()
    assert len(cross_pairs_within(hashes, hashes[500:], 10)) == 100_001


def test_keys_wider_than_a_sort_item_are_compared_in_full() -> None:
    """Distance 0 to 3 gives bands of 64 bits, of which only 32 are sorted by."""
    random = np.random.default_rng(3)
    hashes = random.integers(0, 2, (300, 32), dtype=np.uint8)
    for distance in range(4):
        assert tuples(pairs_within(hashes, distance)) == collapsed(brute_pairs(hashes, distance), hashes)
        near = flipped(hashes, random, 3)
        expected = [p for p in tuples(brute_cross_pairs(near, hashes, distance)) if first_rows(hashes)[p[1]] == p[1]]
        assert tuples(cross_pairs_within(near, hashes, distance)) == expected


def test_first_rows_survive_a_crafted_digest_collision() -> None:
    """Two words chosen so that their multiplicative mix agrees still count as two values."""
    odd, mask = 0x9E3779B97F4A7C15, 2**64 - 1

    def mixed(word: int) -> int:
        product = word * odd & mask
        return (product ^ product >> 32) * odd & mask

    one, other = 1, 2
    last = mixed(one) ^ mixed(other)
    rows = np.array([[one, 0, 0, 0], [other, last, 0, 0], [one, 0, 0, 0]], np.uint64).view(np.uint8)
    assert len(np.unique(mixed_words(as_words(rows)))) == 1
    assert first_rows(rows).tolist() == [0, 1, 0]


def test_near_hashes_do_not_share_a_digest() -> None:
    """Every hash within two bits of one has a digest of its own, so that the quick sort tells dense groups apart."""
    single = np.packbits(np.eye(256, dtype=np.uint8), axis=1)
    one, other = np.triu_indices(256)
    hashes = np.random.default_rng(4).integers(0, 256, (1, 32), dtype=np.uint8) ^ single[one] ^ single[other]
    hashes = np.concatenate([hashes, hashes[0] ^ single])
    assert len(np.unique(mixed_words(as_words(hashes)))) == 1 + 256 + 256 * 255 // 2


@pytest.mark.parametrize(
    "hashes",
    [np.zeros((3, 16), np.uint8), np.zeros(8, np.uint8), np.zeros((2, 4), np.uint64), np.zeros((2, 32), np.int8)],
)
def test_other_arrays_are_refused(hashes: np.ndarray) -> None:
    with pytest.raises(LikenessError, match="uint8"):
        pairs_within(hashes, 6)


@pytest.mark.parametrize("search", [cross_pairs_within, nearest_within])
def test_the_array_that_is_wrong_is_named(search: Callable[[np.ndarray, np.ndarray, int], Pairs]) -> None:
    good, wrong = np.zeros((2, 8), np.uint8), np.zeros((2, 5), np.uint8)
    with pytest.raises(LikenessError, match=r"^a is uint8\[2, 5\]"):
        search(wrong, good, 6)
    with pytest.raises(LikenessError, match=r"^b is uint8\[2, 5\]"):
        search(good, wrong, 6)


def test_distances_and_plans_that_do_not_fit_are_refused() -> None:
    pdq, phash = np.zeros((2, 32), np.uint8), np.zeros((2, 8), np.uint8)
    for distance in (-1, 128):
        with pytest.raises(LikenessError, match="not a likeness"):
            pairs_within(pdq, distance)
    with pytest.raises(LikenessError, match="64 bits"):
        cross_pairs_within(pdq, phash, 6)
    with pytest.raises(LikenessError, match="does not fit"):
        band_pairs(pdq, plan_bands(64, 6), 0)
    with pytest.raises(LikenessError, match="does not fit"):
        band_pairs(pdq, plan_bands(256, 10), 11)
    with pytest.raises(LikenessError, match="128 bits"):
        plan_bands(128, 3)
    with pytest.raises(LikenessError, match="uint8"):
        cross_band_pairs(np.zeros((2, 7), np.uint8), pdq, plan_bands(256, 10), 0)
