"""Signs of damage in the coded data of TIFF, BMP and AVIF files, of which most decoders say nothing.

Deflate has a checksum and JPEG has codes that must end with the data: both are checked. LZW and AV1 never write many
zero bytes in a row. Plain pixels carry no sign but their shape: a hole begins and ends anywhere in a row, a black area
at an edge. What else is changed in them cannot be known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from pipeline.media.images.jpeg_decoding import DamagedError, decoded
from pipeline.media.images.jpeg_scans import coded_picture, visible_damage, zero_run
from pipeline.media.images.tiff_tags import (
    COMPRESSION,
    HEIGHT,
    JPEG_TABLES,
    STRIP_OFFSETS,
    STRIP_SIZES,
    TILE_OFFSETS,
    TILE_SIZES,
    WIDTH,
    Tags,
    directory,
)

MIN_HOLE = 64
"""Zero bytes in a row in LZW or AV1 codes; the longest run in good files measured was 7."""
MIN_ROWS = 2
"""Rows of zero bytes that are looked at in plain pixels."""
SOLID = 0.75
"""Share of bytes that are not zero in what a black area with an edge would continue, and a hole does not."""
_BITS, _SAMPLES, _PLANES = 258, 277, 284
_LZW, _JPEG, _DEFLATE = 5, 7, frozenset({8, 32946})


def tiff_damage(data: bytes) -> str:
    """Return what is lost in the first page of a TIFF that decodes all the same, '' for no sign of it.

    >>> tiff_damage(b"II*\\0" + bytes(8))
    ''
    """
    tags, _ = directory(data)
    compression = tags.get(COMPRESSION, (1,))[0]
    for number, part in enumerate(_parts(data, tags)):
        if compression == _LZW and zero_run(part, MIN_HOLE):
            return f"zero bytes in a row in the codes of part {number}"
        if compression in _DEFLATE and not _inflates(part):
            return f"part {number} fails its checksum"
        if compression == _JPEG and (words := _jpeg_damage(tags, part)):
            return f"part {number}: {words}"
    if compression == 1 and STRIP_OFFSETS in tags and len(tags.get(_BITS, ())) <= 4:
        return _plain_hole(data, tags)
    return ""


def bmp_damage(data: bytes) -> str:
    """Return where plain pixels of a BMP are lost, '' for no sign of it."""
    if data[14] != 40 and data[14] < 40:
        return ""
    start, width = int.from_bytes(data[10:14], "little"), int.from_bytes(data[18:22], "little")
    bits, compression = int.from_bytes(data[28:30], "little"), int.from_bytes(data[30:34], "little")
    row = (width * bits + 31) // 32 * 4
    return _hole_in_rows(memoryview(data)[start:], row) if bits >= 24 and compression == 0 and row else ""


def avif_damage(data: bytes) -> str:
    """Return where AV1 codes are lost, '' for no sign of it. Source: ISO/IEC 14496-12, section 8.11.3."""
    hole = zero_run(data, MIN_HOLE, max(0, data.find(b"mdat")))
    if hole is None or any(mark in data for mark in (b"Exif\0\0\0\0", b"grid", b"tmap")):
        return ""
    return f"{hole[1] - hole[0]} zero bytes in a row in the codes"


def _parts(data: bytes, tags: Tags) -> Iterator[memoryview]:
    """Yield the strips or tiles."""
    view = memoryview(data)
    for offsets, sizes in ((STRIP_OFFSETS, STRIP_SIZES), (TILE_OFFSETS, TILE_SIZES)):
        for offset, size in zip(tags.get(offsets, ()), tags.get(sizes, ()), strict=False):
            yield view[offset : offset + size]


def _inflates(part: memoryview) -> bool:
    """Whether a zlib stream is whole and of the right checksum, without holding what it unpacks to."""
    unpacker, rest = zlib.decompressobj(), part.tobytes()
    try:
        while rest and not unpacker.eof:
            unpacker.decompress(rest, 1 << 20)
            rest = unpacker.unconsumed_tail
        unpacker.flush(1)
    except zlib.error:
        return False
    return unpacker.eof


def _jpeg_damage(tags: Tags, part: memoryview) -> str:
    """Return what is wrong with one JPEG-coded strip, whose tables stand in a tag. Source: TIFF Technical Note 2."""
    tables = bytes(value & 255 for value in tags.get(JPEG_TABLES, ()))
    picture = coded_picture(b"\xff\xd8" + tables[2:-2] + bytes(part[2:]))
    if not picture.ended:
        return "no end mark"
    words = visible_damage(picture)
    try:
        if not words:
            layout = {1: "GRAY", 4: "CMYK"}.get(len(picture.components), "RGB")
            decoded(picture, layout, 1, 1)
    except DamagedError as error:
        words = str(error).replace("0x", "")
    return words


def _plain_hole(data: bytes, tags: Tags) -> str:
    """Look for a hole in plain strips that follow each other without a gap, as nearly all writers lay them."""
    offsets, sizes = tags.get(STRIP_OFFSETS, ()), tags.get(STRIP_SIZES, ())
    if not offsets or any(at + size != after for at, size, after in zip(offsets, sizes, offsets[1:], strict=False)):
        return ""
    samples = 1 if tags.get(_PLANES, (1,))[0] == 2 else tags.get(_SAMPLES, (1,))[0]
    row = (tags.get(WIDTH, (0,))[0] * samples * tags.get(_BITS, (1,))[0] + 7) // 8
    whole = memoryview(data)[offsets[0] : offsets[0] + sum(sizes)]
    return _hole_in_rows(whole, row) if tags.get(_BITS, (1,))[0] == 8 and row and tags.get(HEIGHT) else ""


def _hole_in_rows(pixels: memoryview, row: int) -> str:
    """Return where rows of zero bytes begin or end inside a row, though the rows beside have pixels there."""
    whole, at = pixels.tobytes(), 0
    while (run := zero_run(whole, min(MIN_ROWS * row, 1 << 24), at)) is not None:
        start, at = run
        first, last = start % row, at % row
        # Of a row that is cut in two, the part with pixels; of its neighbour, the part where this row has none.
        begins = first and _solid(pixels[start - first : start]) and _solid(pixels[start - row : start - first])
        ends = last and _solid(pixels[at : at - last + row]) and _solid(pixels[at - last + row : at + row])
        if begins or ends:
            return f"{at - start} zero bytes from inside a row on"
    return ""


def _solid(part: memoryview) -> bool:
    """Whether most of some bytes are not zero."""
    return len(part) > 0 and part.tobytes().count(0) < (1 - SOLID) * len(part)
