"""The leak search: every training image near a held-out one, turned in any way, is named; no other is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dedup import (
    DIHEDRAL,
    HASH_LIST_SCHEMA,
    HASH_SPEC,
    HeldOut,
    LikenessError,
    dihedral,
    find_leaks,
    hash_image,
    usable,
)


def held_out_of(variants: list[np.ndarray | None]) -> HeldOut:
    rows = [
        {
            "benchmark": "bench",
            "item": f"{number}.jpg",
            "pdq": None if rows is None else " ".join(row.tobytes().hex() for row in rows),
            "quality": None if rows is None else number % 101,
            "spec": None if rows is None else HASH_SPEC,
            "outcome": "corrupt" if rows is None else None,
        }
        for number, rows in enumerate(variants)
    ]
    return HeldOut.from_table(pa.Table.from_pylist(rows, schema=HASH_LIST_SCHEMA))


def noise(seed: int) -> Image.Image:
    grain = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(grain).resize((150, 110), Image.Resampling.BICUBIC)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 80),
    counts=st.lists(st.sampled_from([0, 1, 8]), max_size=12),
    distance=st.sampled_from([0, 10, 30]),
)
def test_the_nearest_held_out_image_is_named_for_each_leak_and_no_leak_is_missed(
    seed: int, n: int, counts: list[int], distance: int
) -> None:
    random = np.random.default_rng(seed)
    pool = random.integers(0, 256, (6, 32), dtype=np.uint8)  # few values, so that ties and repeats abound

    def some(count: int) -> np.ndarray:
        turned = np.zeros((count, 256), np.uint8)
        for row in turned:
            row[random.choice(256, random.integers(0, 24), replace=False)] = 1
        whether = random.integers(0, 2, (count, 1), "u1")
        hashes: np.ndarray = pool[random.integers(0, 6, count)] ^ np.packbits(turned, axis=1) * whether
        return hashes

    held_out = held_out_of([some(count) if count else None for count in counts])
    train = some(n)
    quality = random.integers(0, 101, n)
    leaks = find_leaks(train, quality, held_out, distance)
    assert held_out.not_covered().tolist() == [number for number, count in enumerate(counts) if not count]

    expected = []
    for row in range(n):
        between = np.bitwise_count(train[row] ^ held_out.pdq).sum(axis=1)
        if len(between) and between.min() <= distance:
            nearest = int(between.argmin())  # the first of the nearest: items in order, then variants
            item = int(held_out.owner[nearest])
            expected.append(
                (row, item, int(held_out.variant[nearest]), int(between[nearest]), int(quality[row]), item % 101)
            )
    columns = (
        leaks.train,
        leaks.held_out,
        leaks.variant,
        leaks.distance,
        leaks.train_quality,
        leaks.held_out_quality,
    )
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


@pytest.mark.parametrize("place", range(8))
def test_a_turned_copy_of_a_held_out_image_leaks_with_its_variant(place: int) -> None:
    turn = (None, *(Image.Transpose(value) for value in (2, 3, 4, 1, 0, 5, 6)))[place]
    held_out = held_out_of([dihedral(noise(seed)) for seed in range(5)])
    copy = noise(3) if turn is None else noise(3).transpose(turn)
    train = np.frombuffer(hash_image(copy).pdq + hash_image(noise(99)).pdq, np.uint8).reshape(2, 32)
    leaks = find_leaks(train, [100, 100], held_out, 30)
    assert leaks.train.tolist() == [0]
    assert leaks.held_out.tolist() == [3]
    assert DIHEDRAL[leaks.variant[0]] == DIHEDRAL[place]


def test_one_item_without_a_hash_changes_no_other_outcome() -> None:
    variants = [dihedral(noise(seed)) for seed in range(4)]
    train = np.stack([rows[2] for rows in variants])
    whole = find_leaks(train, [90] * 4, held_out_of(list(variants)), 30)
    holed = find_leaks(train, [90] * 4, held_out_of([variants[0], None, *variants[2:]]), 30)
    assert whole.train.tolist() == [0, 1, 2, 3]
    assert holed.train.tolist() == [0, 2, 3]
    # Neither is a hash of zeros, the usual mark of failure elsewhere, met by an item that has none.
    assert len(find_leaks(np.zeros((1, 32), np.uint8), [0], held_out_of([None]), 30)) == 0


def test_a_training_image_repeated_many_times_leaks_every_time() -> None:
    variants = dihedral(noise(1))
    train = np.repeat(variants[:1], 50_000, axis=0)
    leaks = find_leaks(train, np.full(50_000, 80), held_out_of([variants] * 40), 10)
    assert len(leaks) == 50_000
    assert not leaks.held_out.any()
    assert not leaks.distance.any()


def test_usable_hashes_have_the_quality_and_state_it() -> None:
    assert usable(np.array([0, 49, 50, 100]), 50).tolist() == [False, False, True, True]
    assert usable([-1, 0], 0).tolist() == [False, True]


def test_arrays_that_do_not_fit_are_refused() -> None:
    held_out = held_out_of([dihedral(noise(1))])
    with pytest.raises(LikenessError, match="qualities"):
        find_leaks(np.zeros((2, 32), np.uint8), [1], held_out, 30)
    with pytest.raises(LikenessError, match="train_pdq"):
        find_leaks(np.zeros((2, 31), np.uint8), [1, 1], held_out, 30)
    with pytest.raises(LikenessError, match="64 bits"):
        find_leaks(np.zeros((2, 8), np.uint8), [1, 1], held_out, 30)
