"""Hashes against their oracles: imagehash for pHash, pdqhash for PDQ on a 64 x 64 block."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from dedup import (
    DIHEDRAL,
    HASH_SPEC,
    PHASH_SPEC,
    THUMBNAIL_SPEC,
    LikenessError,
    dihedral,
    hash_image,
    phash_variants,
    thumbnails,
)

PHOTOS = Path(__file__).parents[2] / "../shared/data/sources/images"
TURNS = {
    "identity": None,
    "rotate90": Image.Transpose.ROTATE_90,
    "rotate180": Image.Transpose.ROTATE_180,
    "rotate270": Image.Transpose.ROTATE_270,
    "flip_y": Image.Transpose.FLIP_TOP_BOTTOM,
    "flip_x": Image.Transpose.FLIP_LEFT_RIGHT,
    "transpose": Image.Transpose.TRANSPOSE,
    "transverse": Image.Transpose.TRANSVERSE,
}


def synthetic(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """A picture with structure at several scales, as photographs have."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for side in (3, 6, 12, 24):
        grain = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        total += np.asarray(Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC)) / side**0.5
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def photographs(most: int = 60) -> list[Image.Image]:
    if not PHOTOS.is_dir():
        pytest.skip(f"no real photographs at {PHOTOS}")
    found = []
    for path in sorted(path for path in PHOTOS.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")):
        try:
            with Image.open(path) as image:
                if image.width * image.height <= 4_000_000:
                    found.append(ImageOps.exif_transpose(image).convert("RGB"))
        except OSError:
            continue  # the folder holds broken files on purpose
        if len(found) == most:
            break
    return found


def bits_between(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def reference_pdq(block: np.ndarray) -> tuple[bytes, int]:
    bits, quality = pdqhash.compute(np.repeat(block[:, :, np.newaxis], 3, axis=2))
    return np.packbits(bits.astype(np.uint8)).tobytes(), quality


def block_of(image: Image.Image) -> np.ndarray:
    """The block by the words of `specs.THUMBNAIL_SPEC`: means over whole cells, the last of a side perhaps cut off."""
    luma = image.convert("L")
    across, down = max(1, luma.width // 256), max(1, luma.height // 256)
    size = luma.width / across, luma.height / down
    if (across, down) != (1, 1):
        luma = luma.reduce((across, down))
    return np.asarray(luma.resize((64, 64), Image.Resampling.LANCZOS, box=(0, 0, *size)))


def imagehash_of(block: np.ndarray) -> str:
    return str(imagehash.phash(Image.fromarray(block)))


SIZES = [(90, 200), (255, 256), (511, 512), (513, 767), (768, 40), (1030, 1283), (1, 700), (3000, 2)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_thumbnail_is_the_block_that_its_spec_tells(width: int, height: int) -> None:
    image = synthetic(width, width, height)
    assert hash_image(image).thumbnail == block_of(image).tobytes()


@pytest.mark.parametrize("seed", range(40))
def test_phash_is_bit_for_bit_that_of_imagehash_on_the_thumbnail(seed: int) -> None:
    image = synthetic(seed, 90 + 27 * seed, 200 - 3 * seed)
    assert f"{hash_image(image).phash:016x}" == imagehash_of(block_of(image))


def test_phash_is_near_that_of_imagehash_on_the_raster() -> None:
    images = [synthetic(seed, 400 + 30 * seed, 300 + 20 * seed) for seed in range(20)]
    images += photographs(40) if PHOTOS.is_dir() else []
    away = [(hash_image(image).phash ^ int(str(imagehash.phash(image)), 16)).bit_count() for image in images]
    assert max(away) <= 2
    assert np.mean(np.array(away) == 0) > 0.8


def test_the_cheap_reduction_stays_near_the_whole_one() -> None:
    images = [synthetic(seed, 700 + 30 * seed, 500 + 20 * seed) for seed in range(10)]
    images += photographs(40) if PHOTOS.is_dir() else []
    for image in images:
        whole = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.LANCZOS))
        assert bits_between(hash_image(image).pdq, reference_pdq(whole)[0]) <= 4


@pytest.mark.parametrize("seed", range(40))
def test_pdq_of_a_block_is_that_of_pdqhash(seed: int) -> None:
    image = synthetic(seed)
    pdq, quality = reference_pdq(block_of(image))
    hashes = hash_image(image)
    assert (hashes.pdq, hashes.quality) == (pdq, quality)


def test_real_photographs_hash_as_the_oracles_say() -> None:
    for image in photographs():
        hashes = hash_image(image)
        pdq, quality = reference_pdq(block_of(image))
        assert hashes.quality == quality
        assert f"{hashes.phash:016x}" == imagehash_of(block_of(image))
        if quality >= 1:  # below, coefficients tie and floats decide by their rounding
            assert hashes.pdq == pdq


def test_the_dihedral_variants_are_those_of_pdqhash_in_its_order() -> None:
    block = block_of(synthetic(3))
    variants, _ = pdqhash.compute_dihedral(np.repeat(block[:, :, np.newaxis], 3, axis=2))
    expected = np.packbits(np.array(variants, np.uint8), axis=1)
    assert np.array_equal(dihedral(Image.fromarray(block)), expected)


@pytest.mark.parametrize("place", range(8))
def test_each_dihedral_variant_is_the_hash_of_the_block_so_turned(place: int) -> None:
    block = Image.fromarray(block_of(synthetic(5)))
    turn = TURNS[DIHEDRAL[place]]
    turned = block if turn is None else block.transpose(turn)
    assert dihedral(block)[place].tobytes() == hash_image(turned).pdq


@pytest.mark.parametrize("place", range(8))
def test_a_turned_image_lies_near_its_variant(place: int) -> None:
    turn = TURNS[DIHEDRAL[place]]
    for seed in range(5):
        image = synthetic(seed, 301, 211)
        turned = image if turn is None else image.transpose(turn)
        assert bits_between(dihedral(image)[place].tobytes(), hash_image(turned).pdq) <= 10


@pytest.mark.parametrize("place", range(8))
def test_each_phash_variant_is_that_of_the_block_so_turned(place: int) -> None:
    block = Image.fromarray(block_of(synthetic(5)))
    turn = TURNS[DIHEDRAL[place]]
    turned = block if turn is None else block.transpose(turn)
    variants = phash_variants(thumbnails([block.tobytes()]))[0]
    assert variants[place].tobytes() == hash_image(turned).phash.to_bytes(8, "big")


def test_copies_at_other_sizes_and_jpeg_qualities_stay_within_the_duplicate_distance() -> None:
    images = photographs(25) if PHOTOS.is_dir() else [synthetic(seed, 640, 480) for seed in range(10)]
    for image in images:
        original = hash_image(image)
        if original.quality < 50 or min(image.size) < 128:
            continue
        smaller = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
        for copy in (image, smaller):
            buffer = BytesIO()
            copy.save(buffer, "JPEG", quality=80)
            assert bits_between(hash_image(Image.open(buffer)).pdq, original.pdq) <= 10


def test_different_pictures_lie_far_apart() -> None:
    hashes = [hash_image(synthetic(seed)).pdq for seed in range(30)]
    assert min(bits_between(a, b) for i, a in enumerate(hashes) for b in hashes[:i]) > 60


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F", "HSV"])
def test_a_flat_image_of_any_mode_has_quality_zero(mode: str) -> None:
    hashes = hash_image(Image.new(mode, (31, 17), 0 if len(mode) > 2 or mode in "1LPIF" else (0, 255)))
    assert hashes.quality == 0
    assert len(hashes.pdq) == 32


def test_flat_images_have_one_hash_whatever_their_grey() -> None:
    assert len({hash_image(Image.new("L", (50, 50), grey)).pdq for grey in range(0, 256, 5)}) == 1


def test_structured_bits_are_half_ones() -> None:
    for seed in range(10):
        hashes = hash_image(synthetic(seed))
        assert int.from_bytes(hashes.pdq, "big").bit_count() == 128
        assert hashes.phash.bit_count() == 32


def test_the_pixel_digest_tells_pixels_and_shape_apart_and_nothing_else() -> None:
    image = synthetic(1, 12, 8)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    digest = hash_image(image).pixel_sha256
    assert hash_image(Image.open(buffer)).pixel_sha256 == digest
    assert hash_image(Image.frombytes("RGB", (8, 12), image.tobytes())).pixel_sha256 != digest
    changed = image.copy()
    first = image.getpixel((0, 0))
    assert isinstance(first, tuple)
    changed.putpixel((0, 0), tuple(255 - value for value in first))
    assert hash_image(changed).pixel_sha256 != digest


def test_what_cannot_be_hashed_is_refused_with_a_remedy() -> None:
    for image in (Image.new("RGB", (0, 5)), Image.new("LAB", (5, 5))):
        with pytest.raises(LikenessError) as caught:
            hash_image(image)
        assert caught.value.remedy
        with pytest.raises(LikenessError):
            dihedral(image)


def test_the_spec_has_known_hashes() -> None:
    """A change of these digits is a change of HASH_SPEC: lists hashed before it would no longer match."""
    assert (HASH_SPEC, PHASH_SPEC, THUMBNAIL_SPEC) == ("pdq-l64/2", "phash-l32/2", "luma-l64/2")
    row, column = np.mgrid[0:64, 0:64]
    block = Image.fromarray(((row * row * 3 + column * row * 5 + column * 7) % 251).astype(np.uint8))
    hashes = hash_image(block)
    assert hashes.pdq.hex() == GOLDEN
    assert hashes.quality == 100
    row, column = np.mgrid[0:700, 0:1100]
    large = hash_image(Image.fromarray(((row * row * 3 + column * row * 5 + column * 7) // 977 % 251).astype(np.uint8)))
    assert (large.pdq.hex(), f"{large.phash:016x}") == LARGE


GOLDEN = "ffb2b7e9b493cd7cb759a590fb68b5db4900ba48ec8873285a5b44a04a685919"
LARGE = ("fc73f07300e303e37fc7ff87f806000e003e03fefffefffcfff0fe0000000000", "8103030f0f3f3f3f")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 90))
def test_any_image_hashes_the_same_twice_and_its_first_variant_is_its_pdq(seed: int, width: int, height: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    hashes = hash_image(image)
    assert hashes == hash_image(image)
    assert dihedral(image)[0].tobytes() == hashes.pdq
    assert 0 <= hashes.quality <= 100
    assert 0 <= hashes.phash < 1 << 64
