"""What decoding an image costs, told from its headers: pixels alone bound neither the time nor the memory.

A few kilobytes of JPEG can ask for hundreds of passes over all pixels, and a decoder may hold a picture four times.
"""

from __future__ import annotations

import io

from PIL import Image

from pipeline.media.images.decoder_errors import DECODER_ERRORS
from pipeline.media.images.jpeg_scans import CodedPicture, coded_picture
from pipeline.media.images.sniff import FORMATS, sniff, without_blanks

MAX_VISITS = 4_000_000_000
"""Samples that all scans of a JPEG may pass over together, 2.5 s of a core: 100 MP in 4:4:4 with twelve scans are 1.6
billion, 96 MP with 480 scans 44 billion."""
MAX_MEMORY = 780_000_000
"""Bytes that a decoder may hold for one picture."""
_NANOSECONDS_A_VISIT = 0.65
_NANOSECONDS_A_BYTE = 15.0
_NANOSECONDS_A_PIXEL = {"JPEG": 3.0, "PNG": 12.0, "WEBP": 40.0, "GIF": 10.0, "TIFF": 12.0, "BMP": 4.0, "AVIF": 40.0}
_BYTES_A_PIXEL = {"WEBP": 18, "AVIF": 18}
"""Of decoders that hold a picture several times: canvases, frame, raster, and the lossless codes' own picture."""
_COEFFICIENT = 2  # bytes


def too_costly(kind: str, width: int, height: int, picture: CodedPicture | None) -> str:
    """Return why an image of a format within the caps on pixels and bytes is not decoded, '' if it is.

    `picture`: the coded picture of a JPEG.

    >>> too_costly("PNG", 10_000, 10_000, None), too_costly("WEBP", 9_950, 9_950, None)
    ('', '9950 x 9950 pixels of WEBP need 1782 MB, 780 allowed')
    """
    held = _BYTES_A_PIXEL.get(kind, 0) * width * height
    if held > MAX_MEMORY:
        return f"{width} x {height} pixels of {kind} need {held // 10**6} MB, {MAX_MEMORY // 10**6} allowed"
    if picture is not None and (visits := picture.visits()) > MAX_VISITS:
        passes = f"{width} x {height} pixels in {len(picture.scans)} scans"
        return f"{passes} are {visits // 10**6} million samples, {MAX_VISITS // 10**6} allowed"
    return ""


def coefficients_too_large(picture: CodedPicture, width: int, height: int) -> str:
    """Return why a JPEG is not decoded to a raster of this size: progressive ones are held as coefficients as well."""
    held = _COEFFICIENT * picture.coefficients() + 4 * width * height
    return (
        f"coefficients and pixels need {held // 10**6} MB, {MAX_MEMORY // 10**6} allowed" if held > MAX_MEMORY else ""
    )


def decode_work(data: bytes) -> int:
    """Return about how many nanoseconds of one core decoding takes, from headers alone; 0 for what is not decoded.

    For those who keep long decodes apart from short ones; what `too_costly` refuses is given with its full cost.

    >>> picture = io.BytesIO()
    >>> Image.new("L", (1000, 1000)).save(picture, "PNG")
    >>> 10**6 < decode_work(picture.getvalue()) < 10**8, decode_work(b"<html>")
    (True, 0)
    """
    data = without_blanks(data)
    kind = sniff(data)
    if kind not in FORMATS:
        return 0
    if kind == "JPEG":
        picture = coded_picture(data)
        pixels, passes = picture.width * picture.height, picture.visits() * _NANOSECONDS_A_VISIT
    else:
        try:
            width, height = Image.open(io.BytesIO(data), formats=FORMATS).size
        except DECODER_ERRORS:
            return 0
        pixels, passes = width * height, 0.0
    return round(passes + _NANOSECONDS_A_PIXEL[kind] * pixels + _NANOSECONDS_A_BYTE * len(data))
