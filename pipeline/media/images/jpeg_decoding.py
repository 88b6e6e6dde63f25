"""Decoding a JPEG so that what the decoder has to guess is an error: libjpeg-turbo's warnings are not passed over.

Pillow decodes with the same library and gives the same pixels, but hides its warnings: a file cut in half and closed
with an end mark comes out half grey. What does not concern the picture, such as odd application segments, junk
between segments and whatever follows the end, is left out before decoding: each warning that remains is of lost data.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, ImageFile

from pipeline.media.images.jpeg_scans import CodedPicture

Raster = npt.NDArray[np.uint8]
MAX_PADDING = 16
"""Bytes between the last code and the end mark that are no sign of damage: cameras pad to even or round sizes."""
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_UNKNOWN_SAMPLING = "subsampling level"
_PROBES = (b"\x55" * 8, b"\xaa" * 8)
_DISCARDED = bytes(64)  # zero bytes that an arithmetic coder may leave off at the end (T.81, D.1.8)


class DamagedError(ValueError):
    """A coded picture of which a decoder would have to guess a part; the text says what libjpeg-turbo met."""


def refuse_grey_fill() -> None:
    """Let Pillow refuse what is cut off, which has to be said before every file it decodes.

    Another library in this process may have asked for grey fill, which must never become training data.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False


def decoded(picture: CodedPicture, layout: str, width: int, height: int) -> Raster | None:
    """Return the raster of height x width x channels, or None for sampling factors that TurboJPEG has no name for.

    `layout`: 'RGB', 'RGBX', 'GRAY' or 'CMYK'. `width`, `height`: at least this size, of the sizes in eighths that the
    format can be decoded at. Raises DamagedError for what libjpeg-turbo warns of, and for every other failure.
    """

    def decode(data: bytes) -> Raster:
        raster: Raster = simplejpeg.decode_jpeg(data, layout, min_width=width, min_height=height, strict=True)
        return raster

    data = picture.file()
    try:
        raster = decode(data)
    except ValueError as error:
        if _UNKNOWN_SAMPLING in str(error):
            return None
        extraneous = _EXTRANEOUS.search(str(error))
        if extraneous is None:
            raise DamagedError(str(error)) from error
        raster = _without_padding(picture, int(extraneous[1]), decode)
    if picture.arithmetic:
        _check_arithmetic_end(
            picture,
            lambda data: simplejpeg.decode_jpeg(data, layout, min_width=1, min_height=1, strict=False).tobytes(),
        )
    return raster


def check_end(picture: CodedPicture) -> None:
    """Raise DamagedError unless the last scan's data end where its picture ends, whatever the sampling factors are.

    Told by Pillow's decoder, which warns of nothing: bits behind the end must not change the picture, the last bytes
    must. Less is seen than by `decoded`.
    """

    def pixels(data: bytes) -> bytes:
        refuse_grey_fill()
        try:
            image = Image.open(io.BytesIO(data), formats=("JPEG",))
            if isinstance(image, ImageFile.ImageFile):
                image.decodermaxblock = len(data)  # arithmetic codes cannot be decoded in parts
            return image.tobytes()
        except OSError as error:
            raise DamagedError(str(error)) from error

    if picture.arithmetic:
        return _check_arithmetic_end(picture, pixels)
    data, whole = bytes(picture.parts[picture.data_at[-1]]), pixels(picture.file())
    if any(pixels(_ending(picture, data + probe)) != whole for probe in _PROBES):
        raise DamagedError("premature end of data segment")
    if picture.progressive or len(data) < 8 * MAX_PADDING:  # the last codes may change nothing that is seen
        return None

    def needless(ending: bytes) -> bool:
        try:
            return pixels(_ending(picture, ending)) == whole
        except DamagedError:  # without its last bytes the picture cannot be decoded at all
            return False

    if all(needless(data[: -2 * MAX_PADDING] + probe) for probe in _PROBES):
        raise DamagedError("extraneous bytes before the end mark")
    return None


def _check_arithmetic_end(picture: CodedPicture, pixels: Callable[[bytes], bytes]) -> None:
    """Raise DamagedError if bits behind the end of the scans change the picture.

    An arithmetic decoder cannot tell: zero bytes at the end are left off by encoders, and read on for ever. Of flat
    pictures these are many, and in several passes some are flat, so that only detailed sequential ones are looked at.
    """
    if picture.progressive or 80 * sum(len(scan.data) for scan in picture.scans) < picture.width * picture.height:
        return
    if pixels(picture.file(_DISCARDED + _PROBES[0])) != pixels(picture.file(_DISCARDED + _PROBES[1])):
        raise DamagedError("arithmetic codes end too early")


def _without_padding(picture: CodedPicture, extraneous: int, decode: Callable[[bytes], Raster]) -> Raster:
    """Decode a picture whose last scan is followed by bytes that are no codes, if they are padding.

    Few bytes are; so are zeros of any number that the picture is whole without: zeros that a decoder took for codes
    before it had enough of them are a hole in the file.
    """
    data = bytes(picture.parts[picture.data_at[-1]])
    bare = data.rstrip(b"\0")
    for kept in [data[:-extraneous]] if extraneous <= MAX_PADDING else [bare, bare + bytes(4)]:
        try:
            return decode(_ending(picture, kept))
        except ValueError:
            continue
    raise DamagedError(f"{extraneous} bytes more than the picture needs before its end mark")


def _ending(picture: CodedPicture, data: bytes) -> bytes:
    """Return the picture as a file in which the last scan has other data."""
    parts = list(picture.parts)
    picture.parts[picture.data_at[-1]] = data
    try:
        return picture.file()
    finally:
        picture.parts = parts
