"""Whether a WebP picture's codes end where its data end: the format has no checksum, and its decoder reads on.

A decoder of arithmetic codes makes a picture of any bytes, and stops when it has all pixels. Of a whole file it needs
the last bytes, so that the file without them is an error; of a damaged one it has mostly had enough before.
"""

from __future__ import annotations

import io

from PIL import Image

FLUSH = 16
"""Bytes at the end that are more than an encoder's flush (at most 8, with the reader's lead) and a wrong size."""


def webp_damage(data: bytes) -> str:
    """Return why a still WebP that decodes is damaged all the same, '' for no sign of it; animations are not looked at.

    Costs a second decode. Source: RFC 6386, sections 7 and 9.5; WebP container and lossless bitstream specifications.

    >>> picture = io.BytesIO()
    >>> Image.linear_gradient("L").convert("RGB").save(picture, "WEBP")
    >>> webp_damage(picture.getvalue())
    ''
    """
    at = 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in (b"VP8 ", b"VP8L"):
            codes = data[at + 8 : at + 8 + length]
            return "" if _fails(name, codes[:-FLUSH]) else "the codes of the picture end before its data"
        at += 8 + length + (length & 1)
    return ""


def _fails(name: bytes, codes: bytes) -> bool:
    body = b"WEBP" + name + len(codes).to_bytes(4, "little") + codes + bytes(len(codes) & 1)
    try:
        Image.open(io.BytesIO(b"RIFF" + len(body).to_bytes(4, "little") + body), formats=("WEBP",)).load()
    except (OSError, ValueError, SyntaxError):
        return True
    return False
