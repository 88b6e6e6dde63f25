from __future__ import annotations

import io
import resource
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from dedup import hash_image
from manifests.recipe import ImageRules
from pipeline.media import Box, Processed, process
from pipeline.model.outcomes import Outcome

RULES = ImageRules(side=64, min_side=8)
MEGAPIXEL = 1_000_000
Picture = Callable[..., bytes]


def one(data: bytes, box: Box | None = None, rules: ImageRules = RULES, max_pixels: int = MEGAPIXEL) -> Processed:
    (answer,) = process(data, [box], rules, max_pixels)
    return answer


def pixels(answer: Processed) -> np.ndarray:
    assert answer.outcome is None, answer.detail
    return np.asarray(Image.open(io.BytesIO(answer.jpeg)).convert("RGB")).astype(int)


def quarters(*colours: tuple[int, int, int]) -> Image.Image:
    """A 64 x 48 picture whose quarters (top left, top right, bottom left, bottom right) have these colours."""
    image = Image.new("RGB", (64, 48))
    for number, colour in enumerate(colours):
        left, top = (number % 2) * 32, (number // 2) * 24
        image.paste(colour, (left, top, left + 32, top + 24))
    return image


RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
QUARTERS = quarters(RED, GREEN, BLUE, WHITE)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("BMP", {}),
        ("AVIF", {"quality": 95, "subsampling": "4:4:4"}),
    ],
)
def test_every_allowed_format_gives_the_same_picture(kind: str, options: dict[str, object]) -> None:
    answer = one(encode(QUARTERS, kind, **options))
    assert (answer.format, answer.frames, answer.orientation) == (kind, 1, 1)
    assert (answer.width, answer.height) == (answer.source_width, answer.source_height) == (64, 48)
    got = pixels(answer)
    for x, y, colour in ((8, 8, RED), (56, 8, GREEN), (8, 40, BLUE), (56, 40, WHITE)):
        assert np.abs(got[y, x] - colour).max() <= 12


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"", Outcome.EMPTY),
        (b"<!DOCTYPE html><html><body>Please log in", Outcome.NOT_AN_IMAGE),
        (b"\n\n <html><svg></svg></html>", Outcome.NOT_AN_IMAGE),
        (b'{"error": "not found"}', Outcome.NOT_AN_IMAGE),
        (b"Not found", Outcome.NOT_AN_IMAGE),
        (b"BMW is no bitmap, whatever it begins with", Outcome.NOT_AN_IMAGE),
        (b"%PDF-1.7", Outcome.NOT_AN_IMAGE),
        (b"\0\0\0\x18ftypmp42" + bytes(40), Outcome.NOT_AN_IMAGE),
        (bytes(1000), Outcome.NOT_AN_IMAGE),
        (b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>', Outcome.UNSUPPORTED_FORMAT),
        (b"<svg><script>alert(1)</script></svg>", Outcome.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x18ftypheic" + bytes(40), Outcome.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x18ftypavif" + bytes(40), Outcome.CORRUPT),
        (b"\0\0\0\x18ftypmif1\0\0\0\0heicmif1" + bytes(40), Outcome.UNSUPPORTED_FORMAT),
        (b"8BPS\0\1" + bytes(40), Outcome.UNSUPPORTED_FORMAT),
        (b"\0\0\1\0\1\0" + bytes(40), Outcome.UNSUPPORTED_FORMAT),
        (b"P6 4 4 255 " + bytes(48), Outcome.UNSUPPORTED_FORMAT),
        (b"\xff\xd8\xff\xe0", Outcome.TRUNCATED),
        (b"GIF89a", Outcome.TRUNCATED),
        (b"II*\0\x08\0\0\0", Outcome.TRUNCATED),
    ],
)
def test_what_is_no_decodable_image_ends_by_its_content(data: bytes, outcome: Outcome) -> None:
    answer = one(data)
    assert (answer.outcome, answer.jpeg, answer.pdq) == (outcome, b"", b"")
    assert answer.detail and " at 0x" not in answer.detail


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_file_that_breaks_off_is_never_filled_with_grey(
    kind: str, keep: float, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture(kind, size=(200, 150))
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as other libraries do, for the whole process
    for box in (None, Box(0, 0, 50, 50)):
        answer = one(data[: int(len(data) * keep)], box)
        assert answer.outcome is Outcome.TRUNCATED, answer.detail


def test_damage_inside_a_whole_file_is_corrupt(picture: Picture) -> None:
    data = bytearray(picture("PNG", size=(200, 150)))
    at = data.index(b"IDAT") + 60
    data[at : at + 40] = bytes(40)
    assert one(bytes(data)).outcome is Outcome.CORRUPT


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes whose header announces width x height pixels, and whose data holds them."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = packer.compress(bytes(1 + width // 8) * (height // 10)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(11_000, 11_000), (30_000, 30_000)])
def test_pixels_are_counted_from_the_header_and_cost_no_memory(size: tuple[int, int]) -> None:
    data = bomb(*size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    assert one(data, max_pixels=100_000_000).outcome is Outcome.TOO_MANY_PIXELS
    assert time.process_time() - started < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


@pytest.mark.parametrize("limit", [None, 1000, Image.MAX_IMAGE_PIXELS])
def test_what_is_said_of_too_many_pixels_does_not_depend_on_what_others_ask_of_pillow(
    limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    answer = one(bomb(20_000, 20_000), max_pixels=100_000_000)
    assert (answer.outcome, answer.detail) == (Outcome.TOO_MANY_PIXELS, "400000000 pixels, 100000000 allowed")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True}), ("AVIF", {"quality": 95})],
)
def test_the_stored_image_stands_as_its_provider_shows_it(
    orientation: int, kind: str, options: dict[str, object]
) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpositions that undo each orientation
    stored = QUARTERS if orientation == 1 else QUARTERS.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(stored, kind, exif=exif, **options)
    answer = one(data)
    assert (answer.orientation, answer.source_width, answer.source_height) == (orientation, 64, 48)
    assert np.abs(pixels(answer)[8, 8] - RED).max() <= 12
    assert np.abs(pixels(answer)[8, 56] - GREEN).max() <= 12
    crop = one(data, Box(34, 2, 28, 20))
    assert np.abs(pixels(crop).reshape(-1, 3).mean(0) - GREEN).max() <= 12


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_tiffs_are_turned_once(orientation: int, compression: str) -> None:
    back = {3: 3, 6: 2, 8: 4}
    stored = QUARTERS if orientation == 1 else QUARTERS.transpose(Image.Transpose(back[orientation]))
    answer = one(encode(stored, "TIFF", compression=compression, tiffinfo={0x0112: orientation}))
    assert (answer.orientation, answer.width, answer.height) == (orientation, 64, 48)
    assert np.abs(pixels(answer)[8, 8] - RED).max() <= 12
    assert np.abs(pixels(answer)[8, 56] - GREEN).max() <= 12


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 32, 64))
    for data in (
        encode(clear, "PNG"),
        encode(clear.convert("LA"), "PNG"),
        encode(clear, "WEBP", lossless=True),
        encode(clear.convert("P"), "PNG", transparency=0),
        encode(clear.convert("RGB"), "PNG", transparency=(0, 0, 0)),
        encode(clear, "GIF"),
    ):
        got = pixels(one(data))
        assert np.abs(got[32, 56] - WHITE).max() <= 12
        assert got[32, 8].max() - 255 >= -12 or got[32, 8].max() < 200  # what was opaque stays as it was


def test_deep_greys_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    for peak, kind in ((65535, "PNG"), (4095, "PNG"), (65535, "TIFF")):
        data = encode(Image.fromarray((ramp * peak).astype(np.uint16)), kind)
        got = pixels(one(data))
        assert np.abs(got[:, :, 0] - ramp * 255).mean() <= 3, (peak, kind)
    for values in (ramp * 1e6 - 3e5, np.where(ramp < 0.001, np.nan, ramp)):
        got = pixels(one(encode(Image.fromarray(values.astype(np.float32)), "TIFF")))
        assert np.abs(got[1:, :, 0] - ramp[1:] * 255).mean() <= 3


def test_grey_ink_and_bilevel_images_become_rgb() -> None:
    for mode in ("L", "CMYK", "1"):
        data = encode(Image.new("RGB", (64, 64), WHITE).convert(mode), "TIFF" if mode == "1" else "JPEG")
        assert np.abs(pixels(one(data)) - 255).max() <= 3


def test_colour_profiles_are_applied_and_broken_ones_noted() -> None:
    grey = Image.new("RGB", (64, 64), (128, 64, 200))
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = pixels(one(encode(grey, "PNG")))
    assert np.abs(pixels(one(encode(grey, "PNG", icc_profile=same))) - plain).max() <= 2
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (b"no profile at all", same[:200], lab, bytes(5 << 20)):
        answer = one(encode(grey, "JPEG", icc_profile=profile, quality=95))
        assert "ICC profile" in answer.detail
        assert np.abs(pixels(answer) - plain).max() <= 6


def test_a_wide_gamut_profile_changes_the_numbers() -> None:
    """Swapping the red and green columns of sRGB's own profile must swap the channels of the picture."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    got = pixels(one(encode(Image.new("RGB", (64, 64), (250, 10, 10)), "PNG", icc_profile=bytes(profile))))
    assert np.abs(got[32, 32] - (10, 250, 10)).max() <= 12


def test_the_first_frame_is_stored_and_frames_are_counted(picture: Picture) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "MPO", "AVIF"):
        answer = one(encode(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert answer.frames == 3, kind
        assert np.abs(pixels(answer)[32, 32] - RED).max() <= 12


def test_nothing_of_the_original_metadata_is_kept(picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    data = picture(exif=exif, comment=b"secret comment", icc_profile=b"secret profile", dpi=(300, 300))
    answer = one(data + b"PK\x03\x04 secret appended archive")
    assert b"ecret" not in answer.jpeg and b"Exif" not in answer.jpeg and b"ICC" not in answer.jpeg
    stored = Image.open(io.BytesIO(answer.jpeg))
    assert isinstance(stored, JpegImageFile)
    assert not stored.getexif()
    assert not {"comment", "exif", "icc_profile", "dpi", "progressive"} & set(stored.info)
    assert stored.layer[0][1:3] == (2, 2) and stored.layer[1][1:3] == (1, 1)  # 4:2:0


@pytest.mark.parametrize(
    ("rule", "size", "stored"),
    [
        ("shortest", (400, 200), (128, 64)),
        ("longest", (400, 200), (64, 32)),
        ("shortest", (50, 40), (50, 40)),
        ("longest", (64, 64), (64, 64)),
        ("shortest", (1000, 20), (1000, 20)),
        ("longest", (4000, 10), (64, 1)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_images_are_made_smaller_by_the_rule_and_never_larger(
    kind: str, rule: str, size: tuple[int, int], stored: tuple[int, int], picture: Picture
) -> None:
    answer = one(picture(kind, size=size), rules=ImageRules(side=64, rule=rule, min_side=8))
    assert (answer.width, answer.height) == Image.open(io.BytesIO(answer.jpeg)).size == stored
    assert (answer.source_width, answer.source_height) == size


def test_an_image_longer_than_jpeg_allows_still_fits() -> None:
    data = encode(Image.new("L", (70_000, 10), 128), "PNG")
    answer = one(data, rules=ImageRules(side=64, min_side=8))
    assert (answer.outcome, answer.width) == (None, 65_500)


def test_the_shorter_side_decides_what_is_too_small(picture: Picture) -> None:
    answer = one(picture("PNG", size=(400, 31)), rules=ImageRules())
    assert (answer.outcome, answer.source_width, answer.source_height) == (Outcome.TOO_SMALL, 400, 31)
    crop = one(picture("PNG", size=(400, 300)), Box(0, 0, 31, 200), ImageRules())
    assert (crop.outcome, crop.source_width) == (Outcome.TOO_SMALL, 31)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (Box(10, 5, 20, 20), (20, 20)),
        (Box(10.5, 5.5, 20, 20), (21, 21)),
        (Box(0, 0, 64, 48), (64, 48)),
        (Box(-10, -4, 40, 30), (30, 26)),
        (Box(40, 20, 40, 30), (24, 28)),
        (Box(-1, -1, 66, 50), (64, 48)),
        (Box(48, 0, 32, 48), (16, 48)),
        (Box(50, 0, 32, 48), None),
        (Box(100, 100, 20, 20), None),
        (Box(-50, 0, 20, 20), None),
        (Box(10, 10, 0, 20), None),
        (Box(10, 10, -20, 20), None),
        (Box(float("nan"), 0, 20, 20), None),
        (Box(0, 0, float("inf"), 20), None),
        (Box(0, 0, 1e308, 1e308), None),
    ],
)
def test_boxes_are_clipped_to_the_image_or_refused(box: Box, size: tuple[int, int] | None) -> None:
    answer = one(encode(QUARTERS, "PNG"), box)
    if size is None:
        assert answer.outcome is Outcome.BOX_OUTSIDE
        assert answer.detail
    else:
        assert (answer.outcome, (answer.source_width, answer.source_height)) == (None, size)
        assert (answer.width, answer.height) == size


def test_boxes_of_one_image_are_answered_in_order_and_do_not_disturb_each_other(picture: Picture) -> None:
    data = picture("JPEG", size=(600, 400))
    boxes = [Box(0, 0, 300, 200), None, Box(900, 0, 9, 9), Box(300, 200, 300, 200), None, Box(0, 0, 4, 4)]
    together = process(data, boxes, RULES, MEGAPIXEL)
    assert together == [one(data, box) for box in boxes]
    assert [a.outcome for a in together] == [None, None, Outcome.BOX_OUTSIDE, None, None, Outcome.TOO_SMALL]
    assert process(data, [], RULES, MEGAPIXEL) == []
    assert {a.outcome for a in process(data[:500], boxes, RULES, MEGAPIXEL)} == {Outcome.TRUNCATED}


def test_hashes_are_those_of_the_stored_raster(picture: Picture) -> None:
    answer = one(picture("PNG", size=(40, 30)))
    raster = Image.open(io.BytesIO(picture("PNG", size=(40, 30)))).convert("RGB")
    expected = hash_image(raster)
    assert (answer.phash, answer.pdq, answer.quality) == (expected.phash, expected.pdq, expected.quality)
    assert answer.pixel_sha256 == expected.pixel_sha256
    assert len(answer.pdq) == 32


def test_a_stored_image_says_what_its_file_had_of_colour() -> None:
    grain = np.random.default_rng(1).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    image = Image.fromarray(grain).resize((240, 200), Image.Resampling.BICUBIC)
    for copy, kind, colours in (
        (image, "PNG", "many"),
        (image, "JPEG", "many"),
        (image.convert("L").convert("RGB"), "JPEG", "grey"),
        (image.quantize(64), "GIF", "few"),
        (image.quantize(64), "PNG", "few"),
        (image.quantize(256).convert("RGB"), "TIFF", "few"),
    ):
        out = io.BytesIO()
        copy.save(out, kind)
        whole, crop = process(out.getvalue(), [None, Box(20, 30, 160, 120)], RULES, MEGAPIXEL)
        assert (whole.colours, crop.colours) == (colours, colours), kind


def test_the_same_bytes_give_the_same_answer_every_time(picture: Picture) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = picture(kind, size=(900, 700))
        assert one(data) == one(data)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def tiff_that_names_itself(entries: int, size: int) -> bytes:
    """A directory whose every entry names the same bytes: a reader that copies each would need entries x size."""
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", entries)
    rows = b"".join(struct.pack("<HHII", 1000 + n, 7, size, 8) for n in range(entries))
    return (head + rows + bytes(4)).ljust(size + 8, b"\0")


def attacks(picture: Picture) -> dict[str, bytes]:
    jpeg, png, gif = picture(size=(64, 64), progressive=True), picture("PNG", size=(64, 64)), picture("GIF")
    scan = jpeg.rindex(b"\xff\xda")
    exif = tiff_that_names_itself(4000, 60_000)[:65_000]
    gif_start = 13 + (3 << ((gif[10] & 7) + 1))
    assert gif[gif_start] in (0x21, 0x2C)
    return {
        "scans": jpeg[:scan] + jpeg[scan:-2] * 3000 + b"\xff\xd9",
        "exif": jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif + jpeg[2:],
        "exif parts": jpeg[:2] + (b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)) * 200 + jpeg[2:],
        "segments": jpeg[:2] + b"\xff\xdd\0\x04\0\0" * 1_000_000 + jpeg[2:],
        "fill": jpeg[:2] + b"\xff" * 5_000_000 + jpeg[2:],
        "chunks": png[:33] + png_chunk(b"teSt", b"") * 300_000 + png[33:],
        "metadata": png[:33] + png_chunk(b"teSt", bytes(9 << 20)) + png[33:],
        "png exif": png[:33] + png_chunk(b"eXIf", tiff_that_names_itself(4000, 60_000)) + png[33:],
        "comments": gif[:gif_start] + b"\x21\xfe" + (b"\xff" + bytes(255)) * 20_000 + b"\0" + gif[gif_start:],
        "tiff": tiff_that_names_itself(60_000, 2_000_000),
        "strips": b"II*\0"
        + struct.pack("<IH", 8, 1)
        + struct.pack("<HHII", 273, 4, 3_000_000, 26)
        + bytes(4 + 12_000_000),
    }


@pytest.mark.parametrize(
    "name",
    ["scans", "exif", "exif parts", "segments", "fill", "chunks", "metadata", "png exif", "comments", "tiff", "strips"],
)
def test_structures_that_attack_the_decoder_end_before_it(name: str, picture: Picture) -> None:
    data = attacks(picture)[name]
    started = time.process_time()
    answer = one(data)
    assert answer.outcome is Outcome.CORRUPT
    assert answer.detail.startswith("not decoded")
    assert time.process_time() - started < 1.0


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 10_000),
)
def test_whatever_the_bytes_are_there_is_one_answer_per_box(
    kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(encode(QUARTERS, kind))
    for at, value in changes:
        data[at % len(data)] = value
    data = data[: len(data) - cut % len(data)] if cut % 3 == 0 else data
    answers = process(bytes(data), [None, Box(1, 1, 30, 30)], RULES, MEGAPIXEL)
    assert len(answers) == 2
    assert answers == process(bytes(data), [None, Box(1, 1, 30, 30)], RULES, MEGAPIXEL)
    for answer in answers:
        assert (answer.outcome is None) == bool(answer.jpeg)
        assert "0x" not in answer.detail


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_answered(data: bytes) -> None:
    assert one(data).outcome is not None


def test_a_reduced_decode_hashes_like_a_full_one(real_images: Path) -> None:
    """What the reduced decode gives must be the same image to the likeness stage: at most 6 of 256 PDQ bits apart."""
    checked = 0
    for path in sorted((real_images / "images/commons").glob("*.jpg"))[:12]:
        data = path.read_bytes()
        image = Image.open(io.BytesIO(data))
        image.load()
        answer = one(data, rules=ImageRules(side=64, min_side=8))
        scale = 64 / min(image.size)
        full = image.convert("RGB").resize((answer.width, answer.height), Image.Resampling.LANCZOS)
        assert image.size[0] * scale == pytest.approx(answer.width, abs=1)
        distance = (int.from_bytes(answer.pdq, "big") ^ int.from_bytes(hash_image(full).pdq, "big")).bit_count()
        assert distance <= 10, path.name
        checked += 1
    assert checked > 0
