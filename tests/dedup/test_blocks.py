"""The reduction to one block: what has no luma or no pixels is refused, not hashed."""

from __future__ import annotations

import pytest
from PIL import Image

from dedup import LikenessError, luma_of, pixel_digest


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_an_image_without_pixels_is_refused_with_its_size(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size)
    for work in (luma_of, pixel_digest):
        with pytest.raises(LikenessError, match="without pixels") as caught:
            work(image)
        assert caught.value.where == f"size {size[0]} x {size[1]}"


@pytest.mark.parametrize("size", [(1, 1), (1, 3000)])
def test_an_image_of_one_column_has_a_luma(size: tuple[int, int]) -> None:
    assert luma_of(Image.new("RGB", size, "white")).getextrema() == (255, 255)
