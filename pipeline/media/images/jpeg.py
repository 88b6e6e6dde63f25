"""A JPEG without its metadata: the coded picture is kept bit for bit, everything else is left behind."""

from __future__ import annotations

import re

_JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00"  # version 1.1, square pixels, no thumbnail
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_TABLES = frozenset({0xC4, 0xDB, 0xDD})  # Huffman tables, quantisation tables, restart interval
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended and progressive, all with Huffman codes
_SCAN, _END, _ADOBE = 0xDA, 0xD9, 0xEE


def stripped(data: bytes) -> bytes | None:
    """Return the first image of a JPEG file with a plain JFIF header in place of all metadata; None for any odd file.

    What decoders need is copied unchanged: tables, frame, scans. EXIF, positions, comments, profiles, thumbnails,
    further pictures and whatever follows the end are not copied. None when the file is not an 8-bit YCbCr picture of
    three components in order, or has a segment that is not understood: such files have to be encoded anew.
    Source: ITU-T T.81, annex B; JFIF 1.02; which files are YCbCr is decided as libjpeg decides it.

    >>> stripped(b"not a JPEG") is None
    True
    """
    parts = [b"\xff\xd8", _JFIF]
    at, frame, jfif, adobe = 2, b"", False, -1
    if data[:2] != b"\xff\xd8":
        return None
    while data[at : at + 1] == b"\xff":
        while data[at : at + 1] == b"\xff":  # any number of fill bytes may precede a marker
            at += 1
        code, length = data[at] if at < len(data) else 0, int.from_bytes(data[at + 1 : at + 3], "big")
        if code == _END:
            return b"".join([*parts, b"\xff\xd9"]) if _is_ycbcr(frame, jfif, adobe) else None
        body = data[at + 3 : at + 1 + length]
        if length < 2 or len(body) != length - 2:
            return None
        end = at + 1 + length
        if code == _SCAN:
            marker = _END_OF_SCAN.search(data, end)
            if marker is None or not frame:
                return None
            end = marker.start()
        if code in _FRAMES:
            if frame:
                return None
            frame = body
        elif 0xE0 <= code <= 0xEF or code == 0xFE:
            jfif = jfif or (code == 0xE0 and body.startswith(b"JFIF\0"))
            if code == _ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
                adobe = body[11]
            at = end
            continue
        elif code not in _TABLES and code != _SCAN:
            return None
        parts.append(b"\xff" + data[at:end])
        at = end
    return None


def _is_ycbcr(frame: bytes, jfif: bool, adobe: int) -> bool:
    """Whether a frame header is of 8-bit YCbCr; `adobe` is the colour transform of an Adobe marker, -1 for none."""
    if len(frame) != 15 or frame[0] != 8 or frame[5] != 3:
        return False
    ids = frame[6], frame[9], frame[12]
    return jfif or (adobe == 1 if adobe >= 0 else ids == (1, 2, 3))
