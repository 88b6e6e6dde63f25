"""The quick refusal is sound: what it refuses has a residual above the limit, whatever was done to the picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import LikenessError, Verifier, cell_means, residuals, surely_above, verify_pairs
from dedup.pairs import Pairs

Blocks = npt.NDArray[np.uint8]


def scene(random: np.random.Generator, texture: float) -> npt.NDArray[np.float64]:
    """Draw a picture with large and small structure, grey levels of about 0 to 255."""
    coarse = np.kron(random.uniform(0, 255, (8, 8)), np.ones((8, 8)))
    fine = random.normal(0, texture, (64, 64))
    return coarse + fine


def frames(seed: int, count: int) -> Blocks:
    """Draw frames of one camera: one background, lighter or darker, with an animal somewhere in most."""
    random = np.random.default_rng(seed)
    background = scene(random, 8.0)
    made = []
    for _ in range(count):
        frame = background * random.uniform(0.6, 1.2) + random.normal(0, 1, (64, 64))
        if random.random() < 0.9:
            row, column = random.integers(0, 52, 2)
            frame[row : row + 10, column : column + 12] += random.choice([-70, 70])
        made.append(np.clip(frame, 0, 255).astype(np.uint8))
    return np.stack(made)


def all_pairs(count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    left, right = np.triu_indices(count, 1)
    return left.astype(np.int64), right.astype(np.int64)


@settings(max_examples=150)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 60),
    st.floats(0.3, 3.0),
    st.floats(-120, 120),
    st.floats(0, 40),
    st.floats(0, 12),
    st.sampled_from([0.5, 2.0, 6.0, 20.0, 255.0]),
)
def test_what_is_refused_is_above_the_limit(
    seed: int, texture: float, gain: float, offset: float, patch: float, noise: float, limit: float
) -> None:
    random = np.random.default_rng(seed)
    picture = scene(random, texture)
    one, other = [], []
    for scale in (0.0, 0.3, 1.0):  # an exact copy up to clipping and rounding, a poor one, and another picture
        copy = picture * gain + offset + random.normal(0, 1, (64, 64)) * noise * scale
        row, column = random.integers(0, 56, 2)
        copy[row : row + 8, column : column + 8] += patch * scale
        one.append(np.clip(picture, 0, 255).astype(np.uint8))
        other.append(np.clip(copy, 0, 255).astype(np.uint8))
    a, b = np.stack(one), np.stack(other)
    rows = np.arange(len(a))
    refused = surely_above(limit, cell_means(a), cell_means(b), rows, rows)
    assert (residuals(a, b)[refused] > limit).all()
    assert (surely_above(limit, cell_means(b), cell_means(a), rows, rows) == refused).all()


def test_means_and_spreads_are_those_of_the_cells() -> None:
    blocks = np.random.default_rng(1).integers(0, 256, (3, 64, 64)).astype(np.uint8)
    blocks[0, :4, :4] = 100
    blocks[0, 0, 0] = 90
    cells = cell_means(blocks)
    plain = blocks.reshape(3, 16, 4, 16, 4).transpose(0, 1, 3, 2, 4).reshape(3, 256, 16)
    assert np.array_equal(cells.mean, plain.mean(axis=2, dtype=np.float32))
    whole = (plain.min(axis=2) > 4) & (plain.max(axis=2) < 251)
    assert np.array_equal(np.isfinite(cells.spread), whole)
    assert cells.spread[0, 0] == 10


@pytest.mark.parametrize(("levels", "spread"), [((5, 250), 245), ((4, 250), np.inf), ((5, 251), np.inf)])
def test_a_cell_that_holds_black_or_white_may_be_cut_off(levels: tuple[int, int], spread: float) -> None:
    block = np.full((1, 64, 64), 100, np.uint8)
    block[0, 0, :2] = levels
    assert cell_means(block).spread[0, :2].tolist() == [spread, 0]


def test_nearly_all_frames_with_different_animals_are_refused_without_a_fit() -> None:
    blocks = frames(3, 40)
    left, right = all_pairs(40)
    cells = cell_means(blocks)
    above = residuals(blocks[left], blocks[right]) > 6.0
    refused = surely_above(6.0, cells, cells, left, right)
    assert above.sum() > 700
    assert refused.sum() > 0.9 * above.sum()
    assert not (refused & ~above).any()


def test_the_rule_for_many_pairs_says_what_the_fit_says() -> None:
    blocks = frames(5, 30)
    blocks[7] = blocks[3]
    degenerate = np.zeros(30, np.bool_)
    degenerate[7] = True
    left, right = all_pairs(30)
    distance = np.zeros(len(left), np.int16)
    fitted = verify_pairs(Pairs(left, right, distance), blocks).confirmed
    assert fitted.any()
    assert not fitted.all()
    assert np.array_equal(Verifier(blocks)(left, right, distance), fitted)
    informed = fitted & ~(degenerate[left] | degenerate[right])
    assert np.array_equal(Verifier(blocks, degenerate=degenerate)(left, right, distance), informed)


def test_ends_that_do_not_match_are_an_error() -> None:
    cells = cell_means(frames(1, 2))
    with pytest.raises(LikenessError, match="1 left ends stand beside 2 right ones"):
        surely_above(6.0, cells, cells, np.array([0]), np.array([0, 1]))


def test_half_a_level_above_the_limit_is_refused_without_a_fit_and_half_a_level_below_is_not() -> None:
    """A patch on a straight ramp is missed by every line by half of what it stands out."""
    page = np.tile(np.arange(64, dtype=np.uint8) * 2 + 60, (3, 64, 1))
    page[1, 24:28, 24:28] += 13
    page[2, 24:28, 24:28] += 11
    cells = cell_means(page)
    assert surely_above(6.0, cells, cells, np.array([0, 0]), np.array([1, 2])).tolist() == [True, False]


def test_flat_pictures_are_refused_at_no_limit() -> None:
    flat = np.stack([np.full((64, 64), level, np.uint8) for level in (100, 100, 130)])
    cells = cell_means(flat)
    left, right = all_pairs(3)
    assert not surely_above(0.25, cells, cells, left, right).any()
    assert not residuals(flat[left], flat[right]).any()


def test_a_pair_is_refused_alone_as_in_any_company() -> None:
    """Also the first pair, and those beyond the number that is bounded at a time."""
    cells = cell_means(frames(4, 14))
    left, right = all_pairs(14)
    together = surely_above(6.0, cells, cells, left, right)
    assert len(left) > 64
    assert together[0]
    alone = [bool(surely_above(6.0, cells, cells, left[[row]], right[[row]])[0]) for row in range(len(left))]
    assert together.tolist() == alone
