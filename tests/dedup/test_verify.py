"""Verification of pairs: copies are confirmed, other pictures of the same scene are not."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from dedup import (
    DIHEDRAL,
    LikenessError,
    Pairs,
    Verifier,
    brute_pairs,
    dominating_set,
    hash_image,
    pdq_hashes,
    pdq_variants,
    residuals,
    thin,
    thumbnails,
    turned,
    verify_pairs,
)
from tests.dedup.test_hashes import synthetic


def thumbnail(image: Image.Image) -> np.ndarray:
    return thumbnails([hash_image(image).thumbnail])


def test_copies_are_confirmed() -> None:
    for seed in range(10):
        image = synthetic(seed, 640, 480)
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=60)
        copies = [
            Image.open(buffer),
            image.resize((320, 240), Image.Resampling.BICUBIC),
            image.convert("L"),
            ImageEnhance.Brightness(image).enhance(0.8),
        ]
        for copy in copies:
            assert residuals(thumbnail(image), thumbnail(copy))[0] <= 6


def test_a_thing_in_one_corner_is_seen() -> None:
    scene = np.asarray(synthetic(3, 640, 480)).copy()
    other = scene.copy()
    other[40:90, 60:120] //= 2
    a, b = Image.fromarray(scene), Image.fromarray(other)
    assert residuals(thumbnail(a), thumbnail(b))[0] > 6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 40, 255]))
def test_the_residual_is_the_same_both_ways_and_in_any_company(seed: int, contrast: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (random.integers(0, contrast + 1, (3, 64, 64), dtype=np.uint8) for _ in "ab")
    together = residuals(a, b)
    assert np.array_equal(together, residuals(b, a))
    assert np.array_equal(together[1:2], residuals(a[1:2], b[1:2]))
    assert not residuals(a, a).any()


def test_an_inverted_copy_is_no_copy() -> None:
    image = thumbnail(synthetic(2))
    assert residuals(image, 255 - image)[0] == np.inf


@pytest.mark.parametrize("place", range(8))
def test_a_turned_thumbnail_has_the_hash_of_its_variant(place: int) -> None:
    blocks = np.concatenate([thumbnail(synthetic(seed)) for seed in range(3)])
    assert np.array_equal(pdq_hashes(turned(blocks, [place] * 3)), pdq_variants(blocks)[:, place])
    assert len(DIHEDRAL) == 8


def test_pairs_keep_their_evidence_and_may_join_two_sets() -> None:
    blocks = np.concatenate([thumbnail(synthetic(seed)) for seed in range(4)])
    pairs = Pairs(np.array([0, 1, 2]), np.array([0, 1, 3]), np.array([0, 0, 120], np.int16))
    found = verify_pairs(pairs, blocks, others=blocks)
    assert found.confirmed.tolist() == [True, True, False]
    assert found.residual[:2].tolist() == [0, 0]
    assert len(found) == 3
    assert len(verify_pairs(brute_pairs(np.zeros((0, 8), np.uint8), 0), blocks)) == 0


def test_thinning_by_verified_pairs_is_the_dominating_set_of_the_verified_pairs() -> None:
    random = np.random.default_rng(8)
    scenes = [np.asarray(synthetic(seed).resize((64, 64))).mean(axis=2).astype(np.uint8) for seed in range(4)]
    blocks = np.stack([scenes[k] for k in random.integers(0, 4, 90)])
    for block in blocks:  # half of them have something in the picture, one of three things
        if random.random() < 0.5:
            at = 16 * int(random.integers(0, 3))
            block[at : at + 8, at : at + 8] = 255 - block[at : at + 8, at : at + 8]
    degenerate = random.random(90) < 0.1
    hashes, order = pdq_hashes(blocks), random.permutation(90)
    rule = Verifier(blocks, degenerate=degenerate)
    every = brute_pairs(hashes, 30)
    counted = rule(every.left, every.right, every.distance)
    assert 0 < counted.sum() < len(every)
    expected = dominating_set(90, every.left[counted], every.right[counted], order)
    for pairs in (100, 10**6):
        found = thin(hashes, 30, order, rule, pairs)
        assert np.array_equal(found.kept, expected.kept)
        assert np.array_equal(found.representative, expected.representative)
    assert expected.kept[degenerate].all()


def test_thumbnails_that_do_not_pair_up_are_refused() -> None:
    blocks = np.zeros((2, 64, 64), np.uint8)
    with pytest.raises(LikenessError, match="thumbnails"):
        residuals(blocks, blocks[:1])
    with pytest.raises(LikenessError, match="blocks"):
        residuals(blocks[:, :32], blocks[:, :32])


def test_a_copy_made_lighter_until_its_whites_are_cut_off_is_confirmed() -> None:
    """What was cut off says nothing of the gain: from the rest it is found exactly."""
    scene = np.kron(np.random.default_rng(9).integers(20, 240, (8, 8)), np.ones((8, 8))).astype(np.int64)
    lighter = np.minimum(scene * 2, 255)
    darker = np.maximum(scene * 2 - 330, 0)
    for copy, end in ((lighter, 255), (darker, 0)):
        assert 0.3 < (copy == end).mean() < 0.7
        a, b = (picture.astype(np.uint8)[np.newaxis] for picture in (scene, copy))
        assert residuals(a, b)[0] < 1
        assert residuals(b, a)[0] < 1


def test_black_points_say_nothing_of_the_gain_and_dark_ones_do() -> None:
    """A shadow that one copy shows: the rest is fitted exactly beside black, and only about beside what is dark."""
    scene = np.tile(np.linspace(60, 240, 64).astype(np.uint8), (64, 1))
    shown = scene.copy()
    shown[:32] = 25
    found = []
    for level in (4, 5):
        hidden = scene.copy()
        hidden[:32] = level
        found.append(float(residuals(hidden[np.newaxis], shown[np.newaxis])[0]))
    assert found[0] == 21
    assert found[1] < 16
