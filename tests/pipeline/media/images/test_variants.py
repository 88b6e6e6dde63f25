"""Addresses of one picture in several sizes, and addresses of several pictures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.images.variants import picture_of


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("http://h/img/7-300x200.jpg", "http://h/img/7.jpg"),
        ("http://h/img/7@2x.jpg", "https://H/img/7.jpg"),
        ("http://h/iiif/7/full/640,/0/default.jpg", "http://h/iiif/7/full/max/0/default.jpg"),
        ("http://h/thumb/a.png/300px-a.png", "http://h/thumb/a.png/640px-a.png"),
        ("http://h/i?size=large&id=7", "http://h/i?id=7&size=640x480"),
        ("http://h/65535/5123_0123456789_b.jpg", "http://h/65535/5123_0123456789.jpg"),
    ],
)
def test_size_variants_of_a_picture_are_told(one: str, two: str) -> None:
    assert picture_of(one) == picture_of(two)


OTHERS = [
    ("http://h/7/original.jpg", "http://h/8/original.jpg"),
    ("http://h/640/a.jpg", "http://h/1024/a.jpg"),
    ("http://h/p?id=640", "http://h/p?id=1024"),
    ("http://h/p?s=bee", "http://h/p?s=fly"),
    ("http://h/bee_1.jpg", "http://h/bee_2.jpg"),
    ("http://h/Small-tortoiseshell.jpg", "http://h/Large-tortoiseshell.jpg"),
    ("http://h/a.jpg", "http://g/a.jpg"),
]


@pytest.mark.parametrize(("one", "two"), OTHERS)
def test_other_pictures_are_not_taken_for_sizes(one: str, two: str) -> None:
    assert picture_of(one) != picture_of(two)


@given(st.text(st.characters(exclude_characters="#", exclude_categories=["Z", "C"]), max_size=80))
def test_schemes_and_fragments_are_no_part_of_a_picture(rest: str) -> None:
    addresses = (f"http://a.org/{rest}", f"https://A.org/{rest}", f"HTTPS://a.org/{rest}#page7")
    assert len({picture_of(address) for address in addresses}) == 1


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=20, unique=True), st.sampled_from(["/{}.jpg", "/i?id={}"]))
def test_numbered_pictures_are_all_told_apart(numbers: list[int], pattern: str) -> None:
    addresses = [f"https://a.org{pattern.format(number)}" for number in numbers]
    assert len({picture_of(address) for address in addresses}) == len(numbers)
