"""What bytes are, by their content alone: names and content types of foreign media are not to be believed."""

from __future__ import annotations

import re
from typing import Literal

from pipeline.media.images.tiff_tags import raw_kind

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
"""Pillow's names of the formats that are decoded; the loaders of all others are never reached."""

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"8BPS", "PSD"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\xff\x0a", "JPEGXL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEGXL"),
    (b"SIMPLE  =", "FITS"),
    (b"AT&TFORM", "DJVU"),
    (b"\x76\x2f\x31\x01", "EXR"),
    (b"qoif", "QOI"),
    (b"\x89JNG", "JNG"),
    (b"\x8aMNG", "MNG"),
    (b"II\xbc\x01", "JPEGXR"),
    (b"IIRO", "ORF"),
    (b"IIRS", "ORF"),
    (b"MMOR", "ORF"),
    (b"IIU\0", "RW2"),
    (b"FUJIFILMCCD-RAW", "RAF"),
    (b"\0MRM", "MRW"),
    (b"FOVb", "X3F"),
    (b"II\x1a\0\0\0HEAPCCDR", "CRW"),
)
_RAW = frozenset({"CR3", "CR2", "DNG", "NEF", "ARW", "PEF", "SRW", "3FR", "RAW", "PREVIEW"})
_IMAGES = frozenset({kind for _, kind in _STARTS} | {"WEBP", "SVG", "HEIC", "AVIF", "PNM"} | _RAW)
_BEHIND_BLANKS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"RIFF", b"II*\0", b"MM\0*")
_BLANKS = b"\xef\xbb\xbf \t\r\n"
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "GZIP"),
    (b"ID3", "MP3"),
    (b"OggS", "OGG"),
    (b"fLaC", "FLAC"),
    (b"\x1aE\xdf\xa3", "MATROSKA"),
    (b"%!PS", "POSTSCRIPT"),
)
_HEIC = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})
_ANY_CODEC = frozenset({b"mif1", b"msf1"})  # ISO/IEC 23008-12: an image or sequence, coded as the other brands say
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|title)\b", re.IGNORECASE)


def sniff(data: bytes) -> str:
    """Return the kind of content: an image format, 'HTML', 'XML', 'JSON', 'PDF', 'MP4', ..., or '' when unknown.

    A TIFF whose first page is only a preview (cameras' raw files, which keep the photograph elsewhere) is of its own
    kind: 'DNG', 'CR2', 'NEF', ..., or 'PREVIEW'.

    >>> sniff(b"GIF89a..."), sniff(b"<!DOCTYPE html><p>"), sniff(b'<?xml version="1.0"?><svg>'), sniff(b"abc")
    ('GIF', 'HTML', 'SVG', '')
    """
    data = without_blanks(data)
    for start, kind in (*_STARTS, *_OTHERS):
        if data.startswith(start) and not (kind == "BMP" and not _is_bmp(data)):
            return (raw_kind(data) or kind) if kind == "TIFF" else kind
    if data[:4] == b"RIFF":
        return {b"WEBP": "WEBP", b"WAVE": "WAV", b"AVI ": "AVI"}.get(data[8:12], "RIFF")
    if data[4:8] == b"ftyp":
        brand, end = data[8:12], min(int.from_bytes(data[:4], "big"), 256)
        compatible = {data[at : at + 4] for at in range(16, end, 4)}
        if brand in _AVIF or (brand in _ANY_CODEC and compatible & _AVIF):
            return "AVIF"
        return "CR3" if brand == b"crx " else "HEIC" if brand in _HEIC else "MP4"
    if re.match(rb"P[1-7f]\s", data):
        return "PNM"
    head = data[:4096].lstrip(_BLANKS)
    if head.startswith(b"<"):
        html, svg = _HTML.search(head), _SVG.search(head)
        if svg and not (html and html.start() < svg.start()):
            return "SVG"
        return "HTML" if html else "XML"
    return "JSON" if head[:1] in (b"{", b"[") and b'"' in head else ""


def without_blanks(data: bytes) -> bytes:
    """Return the bytes from the start of the image on, if only a byte order mark or white space stand before it.

    Scripts that print one line too many before the picture do this, and browsers show it all the same.

    >>> without_blanks(b"\\r\\n\\xff\\xd8\\xff..."), without_blanks(b"  text")
    (b'\\xff\\xd8\\xff...', b'  text')
    """
    if data[:1] not in (b"\xef", b" ", b"\t", b"\r", b"\n"):
        return data
    blanks = 4096 - len(data[:4096].lstrip(_BLANKS)) if len(data) >= 4096 else len(data) - len(data.lstrip(_BLANKS))
    return data[blanks:] if data.startswith(_BEHIND_BLANKS, blanks) else data


def is_image(kind: str) -> bool:
    """Whether a kind given by `sniff` is an image format, decodable here or not.

    >>> is_image("SVG"), is_image("HTML")
    (True, False)
    """
    return kind in _IMAGES


def ends_early(kind: str, data: bytes) -> bool:
    """Whether a file of a kind that marks its end (or its size) breaks off before it.

    Trailing junk does not count: only the absence of the end mark, or fewer bytes than the header declares.
    """
    if kind == "JPEG":
        return data.rfind(b"\xff\xd9") <= data.rfind(b"\xff\xda")
    if kind == "PNG":
        return b"IEND" not in data[-(1 << 16) :] and b"IEND" not in data
    if kind == "WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if kind == "BMP":
        return len(data) < int.from_bytes(data[2:6], "little")
    if kind == "TIFF":  # the directory often stands last
        order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
        big = data[2:4] in (b"+\0", b"\0+")
        return int.from_bytes(data[8:16] if big else data[4:8], order) >= len(data)
    if kind == "AVIF":
        return _boxes_break_off(data)
    if kind == "GIF":
        return not data.rstrip(b"\0").endswith(b";")
    return False


def _boxes_break_off(data: bytes) -> bool:
    """Whether a box at the top level of an ISO base media file (ISO/IEC 14496-12, section 4.2) ends after the file."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:  # to the end of the file
            return False
        at += max(size, 8)
    return at > len(data)


def _is_bmp(data: bytes) -> bool:
    """Whether a known size of the DIB header follows; 'BM' alone begins many a word."""
    return int.from_bytes(data[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)
