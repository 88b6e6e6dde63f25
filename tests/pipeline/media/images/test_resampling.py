"""Resamplers: what a recipe may name, what is said when it is missing, and that one is nearer to LANCZOS and steady."""

from __future__ import annotations

import importlib.util
import io

import numpy as np
import pytest
from PIL import Image

from manifests import ImageRules
from manifests.checks import CYKOOZ, RESAMPLERS
from pipeline.media import Box, Processed, process, stored_raster
from pipeline.media.images.resamplers import check_resampler
from pipeline.media.images.resampling import library_versions, reduced
from pipeline.model.errors import PipelineError

installed = importlib.util.find_spec("cykooz_resizer") is not None
needs_cykooz = pytest.mark.skipif(not installed, reason="cykooz-resizer is not installed")
NAMES = [pytest.param(name, marks=needs_cykooz if name == CYKOOZ else ()) for name in RESAMPLERS]


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture with structure at all scales, as photographs have."""
    random = np.random.default_rng(width)
    total = np.zeros((height, width, 3))
    for side in (4, 12, 36, 108, 324):
        grain = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
        total += np.asarray(grain.resize((width, height), Image.Resampling.BICUBIC)) / side**0.4
    return Image.fromarray((total / total.max() * 255).astype(np.uint8)).convert(mode)


def psnr(one: Image.Image, two: Image.Image) -> float:
    error = float(np.mean((np.asarray(one).astype(float) - np.asarray(two)) ** 2))
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("size", [(320, 240), (1, 1), (799, 1), (64, 600)])
def test_any_raster_gets_the_asked_size_and_keeps_its_mode(name: str, mode: str, size: tuple[int, int]) -> None:
    small = reduced(picture(800, 600, mode), size, name)
    assert (small.size, small.mode) == (size, mode)


@pytest.mark.parametrize("name", NAMES)
def test_a_raster_of_four_bytes_a_pixel_is_reduced_as_its_colours_are(name: str) -> None:
    raster = picture(800, 600)
    padded = Image.frombuffer("RGBX", raster.size, raster.tobytes("raw", "RGBX"), "raw", "RGBX", 0, 1)
    small = reduced(padded, (320, 240), name)
    assert np.array_equal(np.asarray(small)[:, :, :3], np.asarray(reduced(raster, (320, 240), name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_region_is_reduced_as_if_it_had_been_cut(name: str) -> None:
    raster = picture(801, 603)
    whole = reduced(raster.crop((0, 0, 400, 300)), (200, 150), name)
    part = reduced(raster, (200, 150), name, (0, 0, 400, 300))
    assert psnr(whole.crop((0, 0, 196, 146)), part.crop((0, 0, 196, 146))) > 45  # edges see what lies beyond the cut


@needs_cykooz
@pytest.mark.parametrize("size", [(720, 540), (450, 338), (120, 90)])
def test_cykooz_is_nearer_to_lanczos_than_pillows_hamming(size: tuple[int, int]) -> None:
    raster = picture(1000, 750)
    best = raster.resize(size, Image.Resampling.LANCZOS)
    assert psnr(reduced(raster, size, CYKOOZ), best) > psnr(reduced(raster, size, "pillow"), best)
    assert psnr(reduced(raster, size, CYKOOZ), raster.resize(size, Image.Resampling.BICUBIC)) > 48


@needs_cykooz
def test_cykooz_gives_the_same_pixels_whatever_the_processor_can_do() -> None:
    import cykooz_resizer as cykooz

    raster = picture(901, 677)
    options = cykooz.ResizeOptions(cykooz.ResizeAlg.convolution(cykooz.FilterType.catmull_rom))
    for mode in ("L", "RGB", "CMYK"):
        expected = reduced(raster.convert(mode), (333, 250), CYKOOZ).tobytes()
        plain = cykooz.Resizer()
        plain.cpu_extensions = cykooz.CpuExtensions.none
        small = Image.new(mode, (333, 250))
        plain.resize_pil(raster.convert(mode), small, options)
        assert small.tobytes() == expected


@needs_cykooz
def test_the_resampler_changes_pixels_and_nothing_else_of_an_image() -> None:
    out = io.BytesIO()
    picture(1000, 750).save(out, "JPEG", quality=92)
    boxes = [None, Box(10, 20, 700, 500)]
    rules = [ImageRules(side=300, resampler=name) for name in RESAMPLERS]
    for one, two in zip(*(process(out.getvalue(), boxes, each, 10**6) for each in rules), strict=True):
        assert (one.width, one.height, one.outcome) == (two.width, two.height, two.outcome)
        assert one.pixel_sha256 != two.pixel_sha256
        assert int.from_bytes(bytes(a ^ b for a, b in zip(one.pdq, two.pdq, strict=True)), "big").bit_count() <= 6
    again = process(out.getvalue(), boxes, rules[1], 10**6)
    assert again == process(out.getvalue(), boxes, rules[1], 10**6)
    raster = stored_raster(out.getvalue(), rules[1], 10**6)
    assert not isinstance(raster, Processed)


def test_a_resampler_that_is_not_installed_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cykooz_resizer" else find(name))
    check_resampler("pillow")
    with pytest.raises(PipelineError) as caught:
        check_resampler(CYKOOZ)
    assert "biomill[fast]" in caught.value.remedy


@pytest.mark.parametrize("name", NAMES)
def test_the_versions_name_every_library_that_decides_pixels(name: str) -> None:
    versions = library_versions(name)
    assert ("pillow" in versions, CYKOOZ in versions) == (True, name == CYKOOZ)
    assert all(versions.values())
