"""Measures of pictures: what they promise of blurred, turned, grey and framed ones, and against plain definitions."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps

from manifests import ImageRules
from pipeline.media.images.measures import SIDE, Measures, measures_of
from pipeline.media.images.stored_image import Box, process
from pipeline.media.media_schema import MEASURES, MEDIA_SCHEMA

Pixels = npt.NDArray[np.uint8]
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(128, 400)


def drawn(seed: int, width: int, height: int) -> Image.Image:
    """Draw a picture with structure at several scales."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float64)
    for side in (3, 9, 27, 81):
        grain = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
        total += np.asarray(grain.resize((width, height), Image.Resampling.BICUBIC), np.float64) / side**0.5
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def plain(image: Image.Image) -> Measures:
    """The definitions, in floating point and without haste, of a picture that has the measured size."""
    rgb = np.asarray(image, np.float64)
    luma = np.asarray(image.convert("L"), np.float64)
    around = np.roll(luma, 1, 0) + np.roll(luma, -1, 0) + np.roll(luma, 1, 1) + np.roll(luma, -1, 1)
    laplacian = (around - 4 * luma)[1:-1:2, 1:-1:2]
    some = rgb[::2, ::2]
    rg, yb = some[..., 0] - some[..., 1], (some[..., 0] + some[..., 1]) / 2 - some[..., 2]
    colour = math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean())
    shares = np.unique(luma, return_counts=True)[1] / luma.size
    entropy = float(-(shares * np.log2(shares)).sum())
    return Measures(float(laplacian.var()), float(luma.mean()), float(luma.std()), colour, entropy, 0.0)


@given(SEEDS)
@settings(max_examples=30)
def test_measures_are_their_plain_definitions(seed: int) -> None:
    image = drawn(seed, SIDE, SIDE)
    found, wanted = measures_of(image), plain(image)
    for name in ("sharpness", "brightness", "contrast", "colourfulness", "entropy"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), abs=0.006), name


@given(SEEDS, SIDES, SIDES, st.sampled_from([1, 2, 4]))
@settings(max_examples=30)
def test_a_blurred_picture_is_less_sharp(seed: int, width: int, height: int, radius: int) -> None:
    image = drawn(seed, width, height)
    assert measures_of(image.filter(ImageFilter.GaussianBlur(radius))).sharpness < measures_of(image).sharpness


@given(SEEDS, SIDES, SIDES, st.sampled_from(list(Image.Transpose)), st.integers(0, 40))
@settings(max_examples=40)
def test_a_turned_or_mirrored_picture_has_the_same_measures(
    seed: int, width: int, height: int, turn: Image.Transpose, border: int
) -> None:
    # Odd sides: where a sample lies between two pixels, a turned picture gives the other one.
    image = ImageOps.expand(drawn(seed, width | 1, height | 1), border, "black")
    assert measures_of(image.transpose(turn)) == measures_of(image)


@given(SEEDS, SIDES, SIDES)
@settings(max_examples=20)
def test_a_turned_picture_of_any_size_has_almost_the_same_measures(seed: int, width: int, height: int) -> None:
    image = drawn(seed, width, height)
    one, other = measures_of(image), measures_of(image.transpose(Image.Transpose.ROTATE_90))
    for name in MEASURES:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=0.1, abs=0.02), name


@given(SEEDS, SIDES, SIDES)
@settings(max_examples=20)
def test_grey_has_no_colourfulness_and_the_rest_of_its_luma(seed: int, width: int, height: int) -> None:
    image = drawn(seed, width, height)
    grey = measures_of(image.convert("L"))
    assert grey.colourfulness == 0 and measures_of(image).colourfulness > 0
    assert dataclasses.replace(measures_of(image), colourfulness=0.0) == grey


@given(SEEDS, st.tuples(*[st.integers(0, 90)] * 4), st.integers(0, 255), st.integers(128, 300))
@settings(max_examples=40)
def test_borders_are_found_to_a_line_of_the_samples_at_each_side(
    seed: int, edges: tuple[int, int, int, int], level: int, side: int
) -> None:
    inner = drawn(seed, side, side)
    left, top, right, bottom = edges
    framed = Image.new("RGB", (side + left + right, side + top + bottom), (level, level, level))
    framed.paste(inner, (left, top))
    share = 1 - side * side / (framed.width * framed.height)
    assert abs(measures_of(framed).border_share - share) <= 4 / SIDE


def test_borders_of_jpeg_files_are_found_and_bars_above_do_not_hide_bars_beside() -> None:
    picture = drawn(7, 240, 160)
    framed = ImageOps.expand(ImageOps.expand(picture, (30, 0), "white"), (0, 40), "black")
    buffer = io.BytesIO()
    framed.save(buffer, "JPEG", quality=75)
    answer = process(buffer.getvalue(), [None], ImageRules(), 10**7)[0]
    assert answer.measures is not None
    assert answer.measures.border_share == pytest.approx(1 - 240 * 160 / (300 * 240), abs=0.03)
    assert measures_of(picture).border_share == 0


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (126, 5000), (3, 900), (128, 127)])
def test_a_flat_picture_of_any_size_has_nothing_but_brightness(size: tuple[int, int]) -> None:
    assert measures_of(Image.new("RGB", size, (77, 77, 77))) == Measures(0.0, 77.0, 0.0, 0.0, 0.0, 1.0)


def test_a_small_picture_made_larger_has_no_edges_between_its_pixels() -> None:
    image = drawn(3, 300, 300)
    small = image.resize((32, 32), Image.Resampling.BOX)
    assert measures_of(small).sharpness < measures_of(image).sharpness / 2


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1", "LA"])
def test_pictures_of_every_mode_and_crops_have_measures(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    buffer = io.BytesIO()
    drawn(5, 200, 150).convert("L" if mode == "I;16" else "RGB").convert(mode).save(buffer, kind)
    for answer in process(buffer.getvalue(), [None, Box(10, 10, 60, 60)], ImageRules(), 10**7):
        assert answer.measures is not None and answer.measures.sharpness > 0, answer.detail


def test_the_columns_of_media_are_the_measures() -> None:
    assert tuple(field.name for field in dataclasses.fields(Measures)) == MEASURES
    assert set(MEASURES) <= set(MEDIA_SCHEMA.names)
