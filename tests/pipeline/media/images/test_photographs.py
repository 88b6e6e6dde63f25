"""Every real photograph and edge case beside the repository ends as it is stated here."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manifests.recipe import ImageRules
from pipeline.media import Processed, process, stored_raster

RULES = ImageRules(side=64, min_side=8)
REFUSED = {
    "heliconius/amalfreda_0.tif": "truncated",
    "misc/skimage_truncated.jpg": "truncated",
    "edge/truncated_jpeg.jpg": "truncated",
    "edge/broken.png": "truncated",
    "edge/broken_data_stream.png": "corrupt",
    "edge/crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif": "corrupt",
    "edge/decompression_bomb.gif": "too_many_pixels",
    "edge/decompression_bomb.ico": "unsupported_format",
    "edge/hopper_16bit.pgm": "unsupported_format",
    "edge/avif_hopper.heif": "unsupported_format",
}
ORIENTATIONS = {"edge/hopper_orientation_3.jpg": 3, "edge/hopper_orientation_5.jpg": 5}
FRAMES = {"edge/multipage.tiff": 3, "edge/iss634.gif": 42}


@pytest.fixture(scope="module")
def rows(real_images: Path) -> list[tuple[str, dict[str, str], bytes]]:
    with (real_images / "images/manifest.csv").open(newline="", encoding="utf-8") as file:
        listed = [(row["file"].removeprefix("images/"), row, real_images / row["file"]) for row in csv.DictReader(file)]
    return [(name, row, path.read_bytes()) for name, row, path in listed if path.is_file()]


@pytest.fixture(scope="module")
def answers(rows: list[tuple[str, dict[str, str], bytes]]) -> dict[str, Processed]:
    return {name: process(data, [None], RULES, 100_000_000)[0] for name, _, data in rows}


def test_every_photograph_has_its_stated_outcome(answers: dict[str, Processed]) -> None:
    assert len(answers) > 200
    ends = {name: answer.outcome.code for name, answer in answers.items() if answer.outcome is not None}
    assert ends == {name: outcome for name, outcome in REFUSED.items() if name in answers}
    assert {name: a.orientation for name, a in answers.items() if a.orientation != 1} == ORIENTATIONS
    assert {name: a.frames for name, a in answers.items() if a.frames != 1} == FRAMES


def test_stored_photographs_have_the_size_and_format_of_their_list(
    rows: list[tuple[str, dict[str, str], bytes]], answers: dict[str, Processed]
) -> None:
    digests: dict[str, set[str]] = {}
    for name, row, data in rows:
        answer = answers[name]
        if answer.outcome is not None:
            continue
        size = (int(row["width"]), int(row["height"]))
        turned = size[::-1] if answer.orientation >= 5 else size
        assert ((answer.source_width, answer.source_height), answer.format) == (turned, row["format"]), name
        digests.setdefault(hashlib.sha256(data).hexdigest(), set()).add(answer.pixel_sha256)
    assert all(len(same) == 1 for same in digests.values())


def test_photographs_that_fit_are_kept_and_give_the_pixels_of_their_file(
    rows: list[tuple[str, dict[str, str], bytes]],
) -> None:
    rules = ImageRules(side=1024, rule="longest")
    kept = 0
    for name, row, data in rows:
        if not name.startswith("commons/") or row["mode"] != "RGB":
            continue
        (first,) = process(data, [None], rules, 100_000_000)
        kept += not first.reencoded
        assert len(first.jpeg) <= len(data) + 20 or first.reencoded, name
        (again,) = process(first.jpeg, [None], rules, 100_000_000)
        assert (again.jpeg, again.pixel_sha256 == first.pixel_sha256) == (first.jpeg, not first.reencoded), name
    assert kept > 50


def test_scaled_decoding_costs_less_than_the_choice_of_a_filter(
    rows: list[tuple[str, dict[str, str], bytes]],
) -> None:
    checked = 0
    for name, row, data in rows:
        if not name.startswith("commons/") or row["mode"] != "RGB" or checked == 25:
            continue
        with Image.open(io.BytesIO(data)) as image:
            image.load()
        for ratio in (3.1, 6.2):
            rules = ImageRules(side=round(max(image.size) / ratio), rule="longest", min_side=1)
            reduced = stored_raster(data, rules, 100_000_000)
            assert isinstance(reduced, Image.Image)
            whole = image.resize(reduced.size, Image.Resampling.HAMMING)
            error = float(np.mean((np.asarray(reduced, dtype=float) - np.asarray(whole)) ** 2))
            assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 34, (name, ratio)  # decibels
        checked += 1
    assert checked == 25
