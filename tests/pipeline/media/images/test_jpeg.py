"""A JPEG that fits is kept bit for bit where it counts, and loses everything else."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from manifests.recipe import ImageRules
from pipeline.media import Box, process
from pipeline.media.images.jpeg import stripped

RULES = ImageRules(side=64, min_side=8)
Picture = Callable[..., bytes]


def encode(size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object) -> bytes:
    ramp = np.arange(size[0] * size[1] * 3, dtype=np.uint32) * 2654435761 >> 13 & 0xFF
    image = Image.fromarray(ramp.astype(np.uint8).reshape(size[1], size[0], 3)).convert(mode)
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(8, 70),
    height=st.integers(8, 70),
    quality=st.integers(5, 100),
    subsampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    progressive=st.booleans(),
    optimize=st.booleans(),
    restart=st.sampled_from([0, 1, 3]),
    comment=st.binary(max_size=200),
)
def test_stripping_changes_no_pixel_and_is_done_once(
    width: int,
    height: int,
    quality: int,
    subsampling: str,
    progressive: bool,
    optimize: bool,
    restart: int,
    comment: bytes,
) -> None:
    data = encode(
        (width, height),
        quality=quality,
        subsampling=subsampling,
        progressive=progressive,
        optimize=optimize,
        restart_marker_blocks=restart,
        comment=comment,
    )
    kept = stripped(data)
    assert kept is not None
    assert (pixels(kept) == pixels(data)).all()
    assert stripped(kept) == kept
    assert len(kept) <= len(data)


def test_nothing_but_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = encode(quality=90)
    full = encode(quality=90, exif=exif, comment=b"secret", icc_profile=same, dpi=(300, 300))
    odd = segment(0xED, b"Photoshop 3.0\0secret") + segment(0xEC, b"secret") + b"\xff\xff"
    for data in (full, full[:2] + odd + full[2:], full + b"PK\x03\x04secret", full + full):
        (answer,) = process(data, [None], RULES, 10**6)
        assert (answer.outcome, answer.reencoded) == (None, False)
        assert answer.jpeg == stripped(plain)
        assert not {"exif", "comment", "icc_profile", "dpi"} & set(Image.open(io.BytesIO(answer.jpeg)).info)


def test_what_has_to_change_is_encoded_anew(picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = swapped.index(b"rXYZ"), swapped.index(b"gXYZ")
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    fits = picture(size=(60, 40))
    assert not process(fits, [None], RULES, 10**6)[0].reencoded
    for name, data in {
        "turned": picture(size=(60, 40), exif=exif),
        "colours": picture(size=(60, 40), icc_profile=bytes(swapped)),
        "grey": picture(size=(60, 40), mode="L"),
        "ink": picture(size=(60, 40), mode="CMYK"),
        "too large": picture(size=(90, 70)),
        "another format": picture("PNG", size=(60, 40)),
    }.items():
        (answer,) = process(data, [None], RULES, 10**6)
        assert (answer.outcome, answer.reencoded) == (None, True), name
    assert process(fits, [Box(0, 0, 60, 40)], RULES, 10**6)[0].reencoded


def test_files_whose_colours_are_not_ycbcr_are_not_kept(picture: Picture) -> None:
    data = picture(size=(60, 40))
    jfif = data.index(b"\xff\xe0")
    bare = data[:jfif] + data[jfif + 18 :]  # neither JFIF nor Adobe: the ids of the components decide
    assert stripped(bare) == stripped(data)
    adobe = b"Adobe\0\x64\0\0\0\0"
    assert stripped(bare[:2] + segment(0xEE, adobe + b"\x01") + bare[2:]) == stripped(data)
    assert stripped(bare[:2] + segment(0xEE, adobe + b"\x00") + bare[2:]) is None
    frame = bare.index(b"\xff\xc0")
    for number, letter in enumerate(b"RGB"):
        at = frame + 10 + 3 * number
        bare = bare[:at] + bytes((letter,)) + bare[at + 1 :]
    assert stripped(bare) is None


@pytest.mark.parametrize("code", [0xC3, 0xC5, 0xC9, 0xCC, 0xDC, 0xDE, 0x01, 0xD0])
def test_segments_that_are_not_understood_are_not_kept(code: int, picture: Picture) -> None:
    data = picture(size=(60, 40))
    assert stripped(data[:2] + segment(code, bytes(9)) + data[2:]) is None


@given(cut=st.integers(0, 2000), at=st.integers(0, 2000), value=st.integers(0, 255))
def test_damage_never_breaks_the_walk(cut: int, at: int, value: int) -> None:
    data = bytearray(encode())
    data[at % len(data)] = value
    for piece in (bytes(data), bytes(data[:cut])):
        kept = stripped(piece)
        assert kept is None or (kept.startswith(b"\xff\xd8\xff\xe0") and kept.endswith(b"\xff\xd9"))


def test_a_file_heavier_than_its_own_raster_is_not_kept() -> None:
    data = encode()
    padded = data[:2] + segment(0xDB, data[data.index(b"\xff\xdb") + 4 :][:65]) * 400 + data[2:]
    assert stripped(padded) is not None
    assert process(padded, [None], RULES, 10**6)[0].reencoded
