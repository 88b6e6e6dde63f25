"""What the model sees is the crop that was drawn, near to the exact path, and never more pixels than allowed."""

from __future__ import annotations

import importlib.util
import io
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.feed import CROPS, View, show
from pipeline.feed.decoding import DRAWS, decoded_whole, region
from pipeline.feed.permutation import uniforms
from pipeline.model.errors import FeedError
from tests.performance.photos import jpegs

ENOUGH_DB = 38.0


def decoders() -> list[str]:
    return ["pillow", *(["simplejpeg"] if importlib.util.find_spec("simplejpeg") else [])]


@pytest.mark.parametrize("decoder", ["pillow", "simplejpeg"])
@pytest.mark.parametrize("size", [(720, 540), (341, 256)])
def test_the_fast_path_is_near_to_the_exact_one(decoder: str, size: tuple[int, int]) -> None:
    if decoder not in decoders():
        pytest.skip("simplejpeg is not installed")
    images = jpegs(16, size, None)
    draws = uniforms(1, np.arange(16), DRAWS).tolist()
    found = []
    for image, numbers in zip(images, draws, strict=True):
        exact = show(image, View(exact=True), numbers).astype(np.float64)
        error = float(np.mean((exact - show(image, View(decoder=decoder), numbers)) ** 2))
        found.append(10 * np.log10(255**2 / max(error, 1e-9)))
    assert statistics.median(found) >= ENOUGH_DB


@pytest.mark.parametrize("decoder", ["pillow", "simplejpeg"])
@pytest.mark.parametrize("crop", ["random", "center", "squash"])
def test_a_crop_shows_its_region_and_nothing_else(decoder: str, crop: str) -> None:
    if decoder not in decoders():
        pytest.skip("simplejpeg is not installed")
    ramp = np.zeros((480, 640, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, 640).astype(np.uint8)[None, :]
    ramp[..., 1] = np.linspace(0, 255, 480).astype(np.uint8)[:, None]
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "JPEG", quality=95, subsampling="4:4:4")
    view = View(crop=crop, scale=(0.2, 0.5), decoder=decoder, size=96)
    for numbers in uniforms(5, np.arange(6), DRAWS).tolist():
        part = region(view, 640, 480, numbers)
        shown = show(buffer.getvalue(), view, numbers).astype(float)
        red, green = shown[..., 0].mean(axis=0), shown[..., 1].mean(axis=1)
        assert red[0] == pytest.approx(part.left / 640 * 255, abs=5)
        assert red[-1] == pytest.approx((part.left + part.width) / 640 * 255, abs=5)
        assert green[0] == pytest.approx(part.top / 480 * 255, abs=5)
        assert green[-1] == pytest.approx((part.top + part.height) / 480 * 255, abs=5)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 2**32), st.sampled_from(CROPS))
def test_a_region_lies_within_the_image(width: int, height: int, position: int, crop: str) -> None:
    view = View(crop=crop, scale=(0.05, 1.0))
    part = region(view, width, height, uniforms(3, np.array([position]), DRAWS)[0].tolist())
    assert part.left >= 0 and part.top >= 0 and part.width >= 1 and part.height >= 1
    assert part.left + part.width <= width and part.top + part.height <= height


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("decoder", ["pillow", "simplejpeg"])
@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 3), (17, 23)])
def test_every_kind_of_jpeg_becomes_a_square_in_rgb(mode: str, decoder: str, size: tuple[int, int]) -> None:
    if decoder not in decoders():
        pytest.skip("simplejpeg is not installed")
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "JPEG")
    for numbers in uniforms(5, np.arange(3), DRAWS).tolist():
        shown = show(buffer.getvalue(), View(size=32, decoder=decoder), numbers)
        assert shown.shape == (32, 32, 3) and shown.dtype == np.uint8


def test_hostile_bytes_are_refused() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (400, 300)).save(buffer, "JPEG")
    whole = buffer.getvalue()
    for data in (b"", b"<html>", whole[:200], whole[: len(whole) // 2]):
        told = []
        with pytest.raises(FeedError) as error:
            show(data, View(crop="center"), ())
        told.append(error.value.what)
        with pytest.raises(FeedError) as error:
            decoded_whole(data)
        told.append(error.value.what)
        assert not any("object at" in each for each in told)
        assert data[:2] == whole[:2] or set(told) == {"the image cannot be decoded: the bytes are no JPEG"}
    with pytest.raises(FeedError, match="at most 1,000"):
        show(whole, View(crop="center", max_pixels=1000), ())
    png = io.BytesIO()
    Image.new("RGB", (40, 30)).save(png, "PNG")
    with pytest.raises(FeedError):
        show(png.getvalue(), View(crop="center"), ())


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (View(crop="middle"), "crop is 'middle'"),
        (View(resampling="nearest"), "resampling is 'nearest'"),
        (View(decoder="gpu"), "decoder is 'gpu'"),
        (View(size=0), "size 0"),
        (View(scale=(0.9, 0.5)), "scale"),
    ],
)
def test_views_that_cannot_be_are_refused(view: View, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        view.check()
