from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageFile

from manifests.recipe import ImageRules
from pipeline.media import Box, Processed, process
from pipeline.media.images.cost import MAX_VISITS, decode_work, too_costly
from pipeline.media.images.decoding import RejectedError, Source
from pipeline.media.images.jpeg_scans import coded_picture
from pipeline.model.outcomes import Outcome
from tests.conformance.damage import JPEG, OTHERS, damaged
from tests.conformance.damaged_images import drawn_others, outcome
from tests.conformance.drawn_jpegs import UNNAMED_SAMPLINGS, draw, drawn

EOI = b"\xff\xd9"
UNKNOWABLE = {
    "JPEG": {"parts in the wrong order", "an error page inside"},
    "WEBP": {"noise of 4 KB or a half", "parts in the wrong order"},
    "GIF": set(),
    "PNG": set(),
}
"""Damage that now and then leaves a file that is whole by every mark it has."""


def encoded(size: tuple[int, int] = (320, 240), kind: str = "JPEG", seed: int = 1, /, **options: object) -> bytes:
    out = io.BytesIO()
    draw("photo", size, random.Random(seed)).save(out, kind, **options)
    return out.getvalue()


def seeded(seed: int, **options: object) -> bytes:
    return encoded((320, 240), "JPEG", seed, **options)


def by_cjpeg(*options: str) -> bytes:
    image = io.BytesIO()
    draw("photo", (320, 240), random.Random(6)).save(image, "PPM")
    return subprocess.run(["cjpeg", *options], input=image.getvalue(), capture_output=True, check=True).stdout


def segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body


def is_silent(name: str) -> bool:
    """Whether damage in it may go unseen, as docs/images.md says: arithmetic codes hold few impossible ones."""
    return is_unnamed(name) or ("-arithmetic" in name and "-progressive" in name)


def is_unnamed(name: str) -> bool:
    return any(name.endswith(f"-sample {factors}") for factors in UNNAMED_SAMPLINGS)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Source(data, 10**8).load().convert("RGB"))


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def one(data: bytes, box: Box | None = None) -> Processed:
    return process(data, [box], ImageRules(side=64, min_side=8), 10**8)[0]


def split_scans(data: bytes) -> tuple[bytes, list[bytes]]:
    """The bytes up to the last table before each scan, and each scan with its tables and header, without the end."""
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] in (b"\xff\xda",)]
    tables = [data.rfind(b"\xff\xc4", 0, at) for at in starts]
    tables = [table if table > before else at for table, before, at in zip(tables, [0, *starts], starts, strict=False)]
    return data[: tables[0]], [data[at:end] for at, end in zip(tables, [*tables[1:], len(data) - 2], strict=True)]


PLAIN = encoded(quality=90)
PROGRESSIVE = encoded(quality=90, progressive=True)
HEAD, SCANS = split_scans(PROGRESSIVE)
FIRST_TABLE = PLAIN.index(b"\xff\xdb")


def thumbnail() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    small = encoded((64, 48), "JPEG", 2)
    tags = struct.pack("<H", 2) + struct.pack("<HHII", 0x201, 4, 1, 56) + struct.pack("<HHII", 0x202, 4, 1, len(small))
    block = b"Exif\0\0II*\0" + struct.pack("<IHI", 8, 0, 14) + tags + bytes(4)
    return PLAIN[:2] + segment(0xE1, block.ljust(6 + 56, b"\0") + small) + PLAIN[2:]


def multi_picture() -> bytes:
    out = io.BytesIO()
    first, second = (draw("photo", (320, 240), random.Random(seed)) for seed in (1, 9))
    first.save(out, "MPO", save_all=True, append_images=[second])
    return out.getvalue()


GOOD = {
    "fill bytes before markers": PLAIN[:FIRST_TABLE] + b"\xff\xff\xff" + PLAIN[FIRST_TABLE:-2] + b"\xff" * 9 + EOI,
    "zeros after the end": PLAIN + bytes(5000),
    "a page after the end": PLAIN + b"<html><body>tracking</body></html>",
    "another picture after the end": PLAIN + seeded(4),
    "half a picture after the end": PLAIN + seeded(4)[:3000],
    "several pictures in one file": multi_picture(),
    "odd application segments": PLAIN[:2] + segment(0xED, b"Photoshop\0" + bytes(900)) + segment(0xEB, b"") + PLAIN[2:],
    "a segment of zeros": PLAIN[:2] + segment(0xE4, bytes(60_000)) + PLAIN[2:],
    "an unknown colour mark": PLAIN[:2] + segment(0xEE, b"Adobe\0\x64\0\0\0\0\x07") + PLAIN[2:],
    "an unknown JFIF revision": PLAIN.replace(b"JFIF\0\x01\x01", b"JFIF\0\x07\x07"),
    "junk between segments": PLAIN[:FIRST_TABLE] + b"junk\0" + PLAIN[FIRST_TABLE:],
    "restart markers": encoded(quality=90, restart_marker_rows=1),
    "restart markers of every block": encoded(quality=90, restart_marker_blocks=1),
    "a thumbnail in EXIF": thumbnail(),
    "an ICC profile that breaks off": PLAIN[:2] + segment(0xE2, b"ICC_PROFILE\0\x01\x03half") + PLAIN[2:],
    "zeros before the end mark": PLAIN[:-2] + bytes(3000) + EOI,
    "a byte of padding": PLAIN[:-2] + b"\x00" + EOI,
    "some bytes of padding": PLAIN[:-2] + b"\x12" * 12 + EOI,
    "other numbers in a scan's header": PLAIN.replace(b"\x11\x03\x11\x00\x3f\x00", b"\x11\x03\x11\x00\x00\x00"),
    "a last scan without data": HEAD + b"".join(SCANS) + segment(0xDA, b"\x01\x01\x00\x01\x3f\x10") + EOI,
    "progressive": PROGRESSIVE,
    "line breaks before the file": b"\r\n\r\n" + PLAIN,
    "a byte order mark before the file": b"\xef\xbb\xbf" + PLAIN,
}


@pytest.mark.parametrize("name", GOOD)
def test_what_good_files_carry_is_accepted_and_changes_no_pixel(name: str) -> None:
    data = GOOD[name]
    clean = PROGRESSIVE if data.startswith(PROGRESSIVE[:600]) and b"\xff\xc2" in data[:700] else PLAIN
    reference = by_pillow(encoded(quality=75)) if name.startswith("several") else None
    got = pixels(data)
    if name.startswith("restart"):
        reference = by_pillow(data)
    assert np.array_equal(got, by_pillow(clean) if reference is None else reference)
    assert one(data).outcome is None
    assert one(data, Box(10, 10, 200, 200)).outcome is None


def test_the_last_refining_scan_may_be_missing_and_no_other() -> None:
    assert len(SCANS) == 10
    assert outcome(HEAD + b"".join(SCANS[:-1]) + EOI) == "stored"
    for count in range(1, 9):
        assert outcome(HEAD + b"".join(SCANS[:count]) + EOI) == "corrupt", count
    for left_out in range(1, 5):
        assert outcome(HEAD + b"".join(SCANS[:left_out] + SCANS[left_out + 1 :]) + EOI) == "corrupt", left_out


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 2}, {"optimize": True}])
def test_a_scaled_decode_gives_the_pixels_that_pillow_gives(options: dict[str, object]) -> None:
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        data = encoded((333, 251), quality=80, subsampling=subsampling, **options)
        for scale in (1, 2, 4, 8):
            source, image = Source(data, 10**8), Image.open(io.BytesIO(data))
            source.reduce(333 // scale, 251 // scale)
            image.draft(None, (333 // scale, 251 // scale))
            assert np.array_equal(np.asarray(source.load()), np.asarray(image)), (subsampling, scale)


def test_whole_jpegs_of_every_encoder_at_hand_are_accepted() -> None:
    refused = [(name, outcome(data)) for name, data in drawn(3, 240) if outcome(data) != "stored"]
    assert refused == []


@pytest.mark.skipif(shutil.which("cjpeg") is None, reason="libjpeg-turbo's programs are not installed")
@pytest.mark.parametrize("options", ["-arithmetic", "-sample 4x2", "-sample 3x1", "-sample 2x2,2x1,1x1"])
def test_rare_codings_are_decoded_and_their_ends_are_checked(options: str) -> None:
    data = by_cjpeg(*options.split())
    assert np.array_equal(pixels(data), by_pillow(data))
    half = len(data) // 2
    assert outcome(data[:half]) == "truncated"
    assert outcome(data[:half] + EOI) == "corrupt"
    assert outcome(data[:half] + data[half - 500 :]) == "corrupt"


@pytest.mark.parametrize("name", JPEG)
def test_a_damaged_jpeg_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(name)
    files = [data for name, data in drawn(8, 90) if len(data) > 5000 and not is_silent(name)]
    files += [seeded(seed, quality=q) for seed, q in ((1, 60), (2, 75), (3, 90), (4, 98))]
    ends = []
    for data, other in zip(files, files[1:] + files[:1], strict=True):
        bad = dict(damaged("JPEG", data, rng, other))[name]
        if bad != data:
            whole = pixels(data)
            monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as other libraries do
            ends.append(outcome(bad, whole))
    assert len(ends) > 10
    if name not in UNKNOWABLE["JPEG"]:
        assert set(ends) <= {"truncated", "corrupt"}


@pytest.mark.skipif(shutil.which("cjpeg") is None, reason="libjpeg-turbo's programs are not installed")
def test_of_samplings_without_a_name_most_damage_is_refused() -> None:
    rng, ends = random.Random(1), []
    files = [by_cjpeg("-quality", quality, "-sample", s) for quality in ("75", "95") for s in UNNAMED_SAMPLINGS]
    for data, other in zip(files, files[1:] + files[:1], strict=True):
        whole = pixels(data)
        for name, bad in damaged("JPEG", data, rng, other):
            if bad != data and name not in UNKNOWABLE["JPEG"]:
                ends.append(outcome(bad, whole))
    assert len(ends) > 100
    assert sum(end in ("truncated", "corrupt") for end in ends) > 0.9 * len(ends)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF"])
def test_damage_in_other_formats_is_refused_where_the_format_tells(kind: str) -> None:
    rng = random.Random(kind)
    files = list(drawn_others(kind, 10))
    assert [outcome(data) for data in files] == ["stored"] * 10
    sure = {"cut", "cut late", "zero hole of 64 KB or a half", "second half zeros", "missing middle"}
    for data, other in zip(files, files[1:] + files[:1], strict=True):
        for name, bad in damaged(kind, data, rng, other):
            end = outcome(bad, pixels(data))
            told = kind in UNKNOWABLE and name not in UNKNOWABLE[kind]
            if told or name in sure or "right" in name or "end marks" in name:
                assert end in ("truncated", "corrupt"), name
    assert {"cut + right sizes", "cut + end marks"} <= {*OTHERS["WEBP"], *OTHERS["GIF"]}


def test_flat_pictures_are_zero_bits_without_end_and_good() -> None:
    for mode in ("L", "RGB"):
        for colour in (0, 128, 255):
            image = Image.new(mode, (3000, 2000), colour if mode == "L" else (colour, 30, 60))
            for options in ({}, {"optimize": True}, {"progressive": True}):
                out = io.BytesIO()
                image.save(out, "JPEG", **options)
                assert outcome(out.getvalue()) == "stored", (mode, colour, options)


def black_areas() -> list[Image.Image]:
    """Specimens on black, letterboxes and black squares: rows of zeros that are the picture."""
    boxed, round_, square = (draw("noise", (300, 200), random.Random(5)) for _ in range(3))
    boxed.paste((0, 0, 0), (0, 0, 300, 40))
    boxed.paste((0, 0, 0), (0, 150, 300, 200))
    down, across = np.mgrid[:200, :300]
    inside = (across - 150) ** 2 + (down - 100) ** 2 < 80**2
    square.paste((0, 0, 0), (50, 0, 300, 100))
    return [boxed, Image.fromarray(np.asarray(round_) * inside[:, :, None].astype(np.uint8)), square]


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "PNG", "WEBP"])
def test_black_areas_are_no_holes(kind: str) -> None:
    for image in black_areas():
        out = io.BytesIO()
        image.save(out, kind)
        assert outcome(out.getvalue()) == "stored"


def scan_bomb(side: int, scans: int) -> bytes:
    """A progressive JPEG whose scans say of every block that nothing changes."""
    blocks = ((side + 7) // 8) ** 2
    out = b"\xff\xd8" + segment(0xDB, bytes((0, *[1] * 64)))
    out += segment(0xC2, struct.pack(">BHHB", 8, side, side, 3) + bytes((1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)))
    out += segment(0xC4, bytes((0, 1, *[0] * 15, 0))) + segment(0xC4, bytes((0x10, 1, *[0] * 15, 0xE0)))
    out += segment(0xDA, bytes((3, 1, 0, 2, 0, 3, 0, 0, 0, 0))) + bytes((blocks * 3 + 7) // 8)
    runs = bytes((blocks // 16384 + 2) * 15 // 8 + 1)
    for number in range(scans):
        above = max(0, number - 3)
        bits = 13 if number < 3 else (13 - above // 3 % 13) << 4 | (12 - above // 3 % 13)
        out += segment(0xDA, bytes((1, 1 + number % 3, 0, 1, 63, bits))) + runs
    return out + EOI


def test_passes_over_the_pixels_are_counted_before_any_is_made() -> None:
    bomb = scan_bomb(9800, 400)
    assert coded_picture(bomb).visits() > MAX_VISITS
    answer = one(bomb)
    assert answer.outcome is Outcome.TOO_MANY_PIXELS
    assert "401 scans" in answer.detail
    assert decode_work(bomb) > 10 * decode_work(scan_bomb(9800, 10))
    camera = coded_picture(scan_bomb(10_000, 12))
    assert camera.visits() < MAX_VISITS
    assert too_costly("JPEG", 10_000, 10_000, camera) == ""


def test_the_work_of_a_decode_grows_with_pixels_and_passes() -> None:
    small, large = encoded((100, 100)), encoded((1000, 1000))
    assert 50 < decode_work(large) / decode_work(small) < 200
    assert decode_work(encoded((1000, 1000), progressive=True)) > decode_work(large)
    for kind in ("PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"):
        assert decode_work(encoded((500, 500), kind)) > 10**6, kind
    assert decode_work(b"II*\0") == decode_work(b"") == 0


def test_formats_whose_decoders_hold_many_copies_have_a_lower_bound() -> None:
    assert too_costly("WEBP", 9900, 9900, None) and too_costly("AVIF", 9900, 9900, None)
    assert not too_costly("WEBP", 6500, 6500, None) and not too_costly("TIFF", 10_000, 10_000, None)


def test_boxes_of_a_turned_image_are_cut_before_it_is_turned() -> None:
    numbers = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(5, 7, 3)
    for orientation in range(1, 9):
        exif, out = Image.Exif(), io.BytesIO()
        exif[0x0112] = orientation
        Image.fromarray(numbers).save(out, "PNG", exif=exif)
        source = Source(out.getvalue(), 10**6)
        raster = source.load()
        whole = raster.transpose(source.turn) if source.turn is not None else raster
        for box in ((0, 0, 3, 2), (1, 2, 4, 5), (2, 1, 5, 4)):
            part = raster.crop(source.unturned(box))
            part = part.transpose(source.turn) if source.turn is not None else part
            assert np.array_equal(np.asarray(part), np.asarray(whole.crop(box))), (orientation, box)


def test_strips_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.media.images import raster

    grey = np.random.default_rng(1).normal(0, 1e4, (50, 40)).astype(np.float32)
    clear = draw("noise", (40, 50), random.Random(2)).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((40, 50)))
    for image in (Image.fromarray(grey), Image.fromarray(np.abs(grey).astype(np.uint16)), clear, clear.convert("LA")):
        monkeypatch.setattr(raster, "_STRIP", 10**9)
        whole = raster.to_shallow(image)
        monkeypatch.setattr(raster, "_STRIP", 100)
        assert np.array_equal(np.asarray(whole), np.asarray(raster.to_shallow(image)))


def tiff(*pages: tuple[dict[int, tuple[int, int]], list[int]], pixels_of: int = 48) -> bytes:
    """A little-endian TIFF: each page a dict tag -> (type, value), and the numbers of pages that are its SubIFDs."""
    size = 2 + 12 * 16 + 4
    starts = [8 + number * size for number in range(len(pages))]
    out = bytearray(b"II*\0" + struct.pack("<I", 8) + bytes(size * len(pages)) + bytes(pixels_of * pixels_of * 3))
    for number, (tags, below) in enumerate(pages):
        entries = dict(tags)
        if below:
            entries[330] = (4, starts[below[0]])
        rows = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(entries.items()))
        struct.pack_into("<H", out, starts[number], len(entries))
        out[starts[number] + 2 : starts[number] + 2 + len(rows)] = rows
    return bytes(out)


def page(side: int, **more: int) -> dict[int, tuple[int, int]]:
    names = {"subfile": 254, "photometric": 262, "dng": 50706}
    tags = {256: side, 257: side, 258: 8, 259: 1, 262: 1, 273: 900, 277: 1, 278: side, 279: side * side}
    tags |= {names[name]: value for name, value in more.items()}
    return {tag: (4, value) for tag, value in tags.items()}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100), "CR3"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(100), "CR2"),
        (b"IIRO\x08\0\0\0" + bytes(100), "ORF"),
        (b"IIU\0\x18\0\0\0" + bytes(100), "RW2"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(100), "RAF"),
        (b"FOVb" + bytes(100), "X3F"),
        (tiff((page(48, subfile=1, dng=0x0401), [1]), (page(400, photometric=32803), [])), "DNG"),
        (tiff((page(48, subfile=1), [1]), (page(400, photometric=32803), [])), "RAW"),
        (tiff((page(48), [1]), (page(400), [])), "preview"),
        (tiff((page(48, subfile=1), [1]), (page(40), [])), "preview"),
    ],
)
def test_raw_files_are_named_and_their_previews_never_stored(data: bytes, kind: str) -> None:
    for box in (None, Box(0, 0, 40, 40)):
        answer = one(data, box)
        assert answer.outcome is Outcome.UNSUPPORTED_FORMAT
        assert kind in answer.detail


def test_a_tiff_with_smaller_copies_of_its_page_is_a_picture() -> None:
    pyramid = tiff((page(48), [1]), (page(24, subfile=1), []))
    assert one(pyramid).outcome is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF"])
@pytest.mark.parametrize("junk", [b"\xef\xbb\xbf", b"\n", b"\r\n \t", b"\xef\xbb\xbf\r\n"])
def test_blanks_before_a_file_are_left_out(kind: str, junk: bytes) -> None:
    data = encoded((80, 60), kind)
    plain, answer = one(data), one(junk + data)
    assert (answer.outcome, answer.jpeg, answer.pixel_sha256) == (None, plain.jpeg, plain.pixel_sha256)
    assert one(junk + b"<html>").outcome is Outcome.NOT_AN_IMAGE
    assert one(b"x" + data).outcome is Outcome.NOT_AN_IMAGE


def test_one_refusal_is_given_for_all_boxes_of_a_damaged_image() -> None:
    data = PLAIN[: len(PLAIN) // 2] + EOI
    answers = process(data, [None, Box(0, 0, 60, 60)], ImageRules(side=64), 10**8)
    assert [answer.outcome for answer in answers] == [Outcome.CORRUPT] * 2
    with pytest.raises(RejectedError):
        Source(data, 10**8).load()


@pytest.mark.parametrize(("seed", "subsampling"), [(3, "4:2:0"), (17, "4:2:2"), (19, "4:2:0"), (1, "4:2:0")])
def test_a_good_picture_of_samplings_without_a_name_is_kept_whatever_its_last_bytes_are(
    seed: int, subsampling: str
) -> None:
    """Without its last bytes, which are left out to see whether they are needed, such a file may not decode at all."""
    out = io.BytesIO()
    image = draw("tiles", (250, 333), random.Random(seed)).convert("CMYK")
    image.save(out, "JPEG", quality=30, subsampling=subsampling)
    assert Source(out.getvalue(), 10**6).load().size == (250, 333)
