"""Bodies that hosts send in place of a good picture, made here: nothing is copied from anywhere."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from PIL import Image


def photo(size: tuple[int, int] = (320, 240)) -> Image.Image:
    image = Image.merge("RGB", [Image.linear_gradient("L").resize(size).rotate(turn) for turn in (0, 90, 180)])
    image.paste((200, 30, 30), (0, 0, size[0] // 4, size[1] // 3))
    return image


def encode(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


JPEG = encode(photo())


def _exif(tag: int, value: int) -> bytes:
    exif = Image.Exif()
    exif[tag] = value
    return encode(photo(), exif=exif)


def _transparent() -> bytes:
    image = photo().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encode(image, "PNG")


def _frames(kind: str) -> bytes:
    return encode(photo(), kind, save_all=True, append_images=[Image.new("RGB", (320, 240), "red")])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_rows(width: int, height: int, depth: int, colour: int, rows: Iterable[bytes]) -> bytes:
    """A PNG of any colour type (PNG, section 11.2.1) from its rows, each with its filter byte before it."""
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row) for row in rows) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def png_bomb(side: int = 30_000) -> bytes:
    """A PNG of 900 megapixels in some 100 kB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    body = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _wide_jpeg() -> bytes:
    """A JPEG whose header claims 65,000 x 65,000 pixels."""
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + struct.pack(">HH", 65_000, 65_000) + JPEG[at + 4 :]


BODIES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "good": ("stored", lambda: JPEG),
    "progressive": ("stored", lambda: encode(photo(), progressive=True)),
    "orientation": ("stored", lambda: _exif(0x0112, 6)),
    "exif-maker": ("stored", lambda: _exif(0x0100, 7)),
    "cmyk": ("stored", lambda: encode(photo().convert("CMYK"))),
    "grey": ("stored", lambda: encode(photo().convert("L"))),
    "grey16": ("stored", lambda: encode(Image.linear_gradient("L").resize((320, 240)).convert("I;16"), "PNG")),
    "grey-alpha": ("stored", lambda: encode(photo().convert("LA"), "PNG")),
    "alpha": ("stored", _transparent),
    "palette": ("stored", lambda: encode(photo().convert("P"), "PNG", transparency=0)),
    "png-named-jpg": ("stored", lambda: encode(photo(), "PNG")),
    "animated-gif": ("stored", lambda: _frames("GIF")),
    "animated-webp": ("stored", lambda: _frames("WEBP")),
    "pages-tiff": ("stored", lambda: _frames("TIFF")),
    "mpo": ("stored", lambda: _frames("MPO")),
    "webp": ("stored", lambda: encode(photo(), "WEBP")),
    "bmp": ("stored", lambda: encode(photo(), "BMP")),
    "trailing-junk": ("stored", lambda: JPEG + bytes(range(256)) * 20),
    "zip-polyglot": ("stored", lambda: JPEG + b"PK\x03\x04" + bytes(100)),
    "half": ("truncated", lambda: JPEG[: len(JPEG) // 2]),
    "last-bytes-missing": ("truncated", lambda: JPEG[:-200]),
    "half-png": ("truncated", lambda: encode(photo(), "PNG")[:800]),
    "header-only": ("truncated|corrupt", lambda: JPEG[:100]),
    "html": ("not_an_image", lambda: b"<!doctype html><html><body>Please log in</body></html>"),
    "html-after-blanks": ("not_an_image", lambda: b"\n\n   <html><title>404</title>"),
    "json": ("not_an_image", lambda: b'{"error": "not found"}'),
    "text": ("not_an_image", lambda: b"file not found"),
    "noise": ("not_an_image", lambda: bytes((i * 37 + 11) % 251 for i in range(5000))),
    "zeros": ("not_an_image", lambda: bytes(5000)),
    "pdf": ("not_an_image", lambda: b"%PDF-1.7\n" + bytes(1000)),
    "zip": ("not_an_image", lambda: b"PK\x03\x04" + bytes(1000)),
    "mp3": ("not_an_image", lambda: b"ID3" + bytes(1000)),
    "mp4": ("not_an_image", lambda: b"\0\0\0\x18ftypisom" + bytes(1000)),
    "svg": ("unsupported_format", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///x"/></svg>'),
    "heic": ("unsupported_format", lambda: b"\0\0\0\x18ftypheic" + bytes(1000)),
    "jpeg2000": ("unsupported_format", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(1000)),
    "postscript": ("not_an_image", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(100)),
    "one-pixel": ("too_small", lambda: encode(photo((1, 1)))),
    "thread": ("too_small", lambda: encode(photo((4000, 4)))),
    "png-bomb": ("too_many_pixels", png_bomb),
    "wide-jpeg": ("too_many_pixels", _wide_jpeg),
    "broken-scan": ("corrupt", lambda: JPEG[:700] + bytes(300) + JPEG[1000:]),
    "half-closed": ("corrupt", lambda: JPEG[: len(JPEG) // 2] + b"\xff\xd9"),
    "half-zeros": ("corrupt", lambda: JPEG[: len(JPEG) // 2] + bytes(len(JPEG) // 2) + b"\xff\xd9"),
    "blanks-before": ("stored", lambda: b"\xef\xbb\xbf\r\n" + JPEG),
    "raw-cr3": ("unsupported_format", lambda: b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(1000)),
    "raw-cr2": ("unsupported_format", lambda: b"II*\0\x10\0\0\0CR\x02\0" + bytes(1000)),
    "empty": ("empty", lambda: b""),
}
"""Name: (outcomes that are right, what the host sends as image/jpeg)."""

GZIP_BOMB = gzip.compress(bytes(80_000_000))
