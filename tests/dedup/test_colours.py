"""What an image has of colour, told from its pixels and never from its mode."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from dedup import COLOURS, colours_of, has_few_colours


def picture(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


@pytest.mark.parametrize("seed", range(4))
def test_grey_is_told_from_the_pixels_however_they_are_stored(seed: int) -> None:
    grey = picture(seed).convert("L")
    toned = ImageOps.colorize(grey, (30, 15, 0), (255, 240, 205))
    for copy in (
        *(grey, grey.convert("RGB"), grey.convert("LA").convert("RGB"), grey.convert("P").convert("RGB")),
        *(as_jpeg(grey, 40), toned, as_jpeg(toned, 60), grey.resize((64, 48)), Image.new("RGB", (50, 40), "red")),
    ):
        assert colours_of(copy) == "grey"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [(320, 240), (1500, 900), (40, 33), (1, 2000)])
def test_colour_is_told_at_any_size(seed: int, size: tuple[int, int]) -> None:
    image = picture(seed, size)
    assert colours_of(image) == "many"
    assert colours_of(as_jpeg(image, 50)) == "many"
    assert colours_of(image, few=True) == "few"


def test_one_coloured_thing_in_a_grey_picture_is_colour() -> None:
    image = picture(5).convert("L").convert("RGB")
    image.paste((200, 30, 30), (150, 100, 180, 130))
    assert colours_of(image) == "many"


@pytest.mark.parametrize("palette", [2, 16, 64, 256])
def test_a_palette_is_told_also_where_it_is_stored_as_rgb(palette: int) -> None:
    image = picture(6)
    assert has_few_colours(image.quantize(palette).convert("RGB"))
    assert not has_few_colours(image)
    assert not has_few_colours(as_jpeg(image, 30))


def test_the_grades_are_ordered_from_the_most_colour() -> None:
    assert COLOURS == ("many", "few", "grey")


def test_colours_that_even_out_within_four_pixels_are_none() -> None:
    """Noise of chroma, as small sensors and JPEGs leave it: means of 4 x 4 of 128 x 128 pixels hold none of it."""
    grey = np.random.default_rng(7).integers(60, 190, (32, 32)).repeat(4, axis=0).repeat(4, axis=1)
    turn = np.where(np.arange(128) % 4 < 2, 40, -40)
    pixels = np.stack([grey + turn, grey, grey - turn], axis=2).astype(np.uint8)
    assert colours_of(Image.fromarray(pixels)) == "grey"
    assert colours_of(Image.fromarray(pixels.repeat(2, axis=1)[:, :128])) == "many"
