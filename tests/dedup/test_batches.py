"""Hashes of many images at a time against their oracles one by one, and the flags of degenerate images."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from dedup import (
    DEGENERATE,
    HASH_COLUMNS,
    LikenessError,
    block_of,
    degeneracy,
    hash_image,
    luma_of,
    pdq_hashes,
    pdq_quality,
    pdq_variants,
    phash_hashes,
    phash_variants,
    spec_of,
)
from tests.dedup.test_hashes import photographs, reference_pdq, synthetic


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["noise", "flat", "two tones", "mirrored", "ramp"]))
def test_phash_is_bit_for_bit_that_of_imagehash_for_degenerate_pictures_too(seed: int, shape: str) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (64, 64), dtype=np.uint8)
    if shape == "flat":
        pixels[:] = pixels[0, 0]
    if shape == "two tones":
        pixels = np.where(pixels > 250, 255, 0).astype(np.uint8)
    if shape == "mirrored":  # half of the coefficients are zero, and rounding decides their sign
        pixels[:, 32:] = pixels[:, 31::-1]
    if shape == "ramp":
        pixels[:] = np.arange(64, dtype=np.uint8) * (seed % 4)
    image = Image.fromarray(pixels)
    assert phash_hashes(pixels[np.newaxis])[0].tobytes().hex() == str(imagehash.phash(image))


def test_a_batch_hashes_as_its_images_do() -> None:
    images = [synthetic(seed, 200 + seed, 150) for seed in range(20)]
    blocks = np.stack([block_of(luma_of(image)) for image in images])
    single = [hash_image(image) for image in images]
    assert [row.tobytes() for row in pdq_hashes(blocks)] == [hashes.pdq for hashes in single]
    assert pdq_quality(blocks).tolist() == [hashes.quality for hashes in single]
    assert [row.tobytes().hex() for row in phash_hashes(blocks)] == [f"{hashes.phash:016x}" for hashes in single]
    assert [hashes.thumbnail for hashes in single] == [block.tobytes() for block in blocks]
    assert np.array_equal(pdq_variants(blocks)[:, 0], pdq_hashes(blocks))
    for block in blocks[:5]:
        assert (pdq_hashes(block[np.newaxis])[0].tobytes(), int(pdq_quality(block[np.newaxis])[0])) == reference_pdq(
            block
        )


def test_no_images_have_no_hashes() -> None:
    none = np.empty((0, 64, 64), np.uint8)
    assert pdq_hashes(none).shape == (0, 32)
    assert pdq_variants(none).shape == (0, 8, 32)
    assert pdq_quality(none).shape == (0,)
    assert degeneracy(none, []).shape == (0,)
    assert phash_hashes(none).shape == (0, 8)
    assert phash_variants(none).shape == (0, 8, 8)


@pytest.mark.parametrize("bad", [np.zeros((64, 64), np.uint8), np.zeros((1, 32, 32), np.uint8), np.zeros((1, 64, 64))])
def test_what_is_no_block_is_refused(bad: np.ndarray) -> None:
    for work in (pdq_hashes, pdq_variants, pdq_quality, phash_hashes, phash_variants):
        with pytest.raises(LikenessError, match="blocks"):
            work(bad)


def specked() -> Image.Image:
    page = Image.new("L", (640, 480), 248)
    ImageDraw.Draw(page).ellipse((300, 200, 330, 225), fill=30)
    return page


def test_flat_blank_and_poor_pictures_are_flagged_and_photographs_are_not() -> None:
    noise = np.random.default_rng(1).integers(-3, 4, (480, 640))
    cases = {
        "flat": [Image.new("RGB", (50, 40), "navy"), Image.fromarray((120 + noise).astype(np.uint8))],
        "blank": [specked()],
        "low_information": [Image.linear_gradient("L")],
        "": [synthetic(1), *photographs(30)],
    }
    for flag, images in cases.items():
        for image in images:
            assert hash_image(image).degenerate == flag
    assert set(cases) == set(DEGENERATE)


def test_every_hash_column_names_its_rule_and_version() -> None:
    for field in HASH_COLUMNS:
        assert spec_of(field.name)
        assert field.name == "sha256" or spec_of(field.name).rpartition("/")[2].isdigit()
