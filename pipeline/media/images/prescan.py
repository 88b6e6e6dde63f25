"""A look at an image's structure before any decoder sees it: how many frames, is it whole, does it attack the reader.

Pixel caps do not bound what a decoder spends on metadata. A few kilobytes can name the same bytes in 65,000 TIFF
entries, repeat a JPEG scan a thousand times or string together a million empty chunks; such files end here, cheaply.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field

MAX_SCANS = 500
"""JPEG scans; real progressive files have about ten, libjpeg-turbo's own fuzzers stop at 500."""
MAX_SEGMENTS = 20_000
"""JPEG segments; real files have some dozens. Decoders walk them one by one, as they walk fill bytes between them."""
MAX_FILL = 4096
"""Bytes between two JPEG segments."""
MAX_CHUNKS = 100_000
"""PNG chunks and GIF blocks: a 50 MB file of 1 KB chunks stays below."""
MAX_FRAMES = 10_000
MAX_METADATA = 8 << 20
"""Bytes of comments or EXIF that a decoder would gather."""
_MAX_ENTRIES = 200_000  # numbers in one TIFF tag: strips of an image with one row each
_EXIF_MAX_WORK = 4 << 20  # bytes that the entries of an EXIF block may name together
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_BYTE_TYPES = frozenset({1, 2, 6, 7})
_SUB_IFDS = frozenset({330, 34665, 34853, 40965})


@dataclass(frozen=True, slots=True)
class Structure:
    """What the look found: frames (at least 1, counted to MAX_FRAMES), and a reason not to decode ('' for none)."""

    frames: int = 1
    problem: str = ""


def prescan(kind: str, data: bytes) -> Structure:
    """Look at the structure of an image of a kind given by `sniff`, in time linear in its size.

    >>> prescan("GIF", b"GIF89a" + bytes(7) + b";").frames
    1
    """
    if kind == "JPEG":
        return _jpeg(data)
    if kind == "PNG":
        return _png(data)
    if kind == "GIF":
        return _gif(data)
    if kind == "TIFF":
        return _tiff(data, max(4 * len(data), _EXIF_MAX_WORK))
    if kind == "WEBP":
        return _webp(data)
    return Structure()


def _jpeg(data: bytes) -> Structure:
    """Walk the segments (ITU-T T.81, annex B) to the end of the first image."""
    at, segments, scans, metadata, exif, problem = 2, 0, 0, 0, b"", ""
    code = 0
    while True:
        marker = _MARKER.search(data, at)
        gap = (marker.start() if marker is not None else len(data)) - at
        segments += 1
        if segments > MAX_SEGMENTS or (gap > MAX_FILL and code != 0xDA):
            return Structure(problem=f"{segments} segments, {gap} bytes before the last")
        if marker is None or data[marker.start() + 1] == 0xD9:
            break
        code = data[marker.start() + 1]
        length = int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        if code == 0xDA:
            scans += 1
            if scans > MAX_SCANS:
                return Structure(problem=f"more than {MAX_SCANS} scans")
        elif 0xE0 <= code <= 0xEF or code == 0xFE:
            metadata += length
            if metadata > MAX_METADATA:
                return Structure(problem=f"more than {MAX_METADATA} bytes of metadata")
            if code == 0xE1 and data.startswith(b"Exif\0", marker.end() + 2):
                exif += data[marker.end() + 8 : marker.end() + length]  # decoders join the parts of long EXIF, too
            elif code == 0xE2 and data.startswith(b"MPF\0", marker.end() + 2):
                problem = problem or _exif_problem(data[marker.end() + 6 : marker.end() + length])
        at = marker.end() + max(length, 2)
    return Structure(problem=problem or _exif_problem(exif))


def _png(data: bytes) -> Structure:
    """Walk the chunks (PNG specification, third edition, section 5), past APNG's acTL."""
    at, chunks, metadata, frames, problem, view = 8, 0, 0, 1, "", memoryview(data)
    while at + 8 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunks += 1
        if name != b"IDAT" and name != b"fdAT":
            metadata += min(length, len(data) - at)
        if chunks > MAX_CHUNKS or metadata > MAX_METADATA:
            return Structure(problem=f"{chunks} chunks with {metadata} bytes of metadata")
        body = view[at + 4 : at + 8 + length]
        if name in _CRITICAL and at + 12 + length <= len(data):
            # Decoders that skip this check give noise from the damage on, and call it a picture.
            if zlib.crc32(body) != int.from_bytes(data[at + 8 + length : at + 12 + length], "big"):
                return Structure(frames, f"chunk {name.decode()} fails its checksum")
        elif name == b"acTL":
            frames = min(MAX_FRAMES, max(1, int.from_bytes(data[at + 8 : at + 12], "big")))
        elif name == b"eXIf":
            problem = problem or _exif_problem(data[at + 8 : at + 8 + length])
        elif name == b"IEND":
            break
        at += 12 + length
    return Structure(frames, problem)


def _gif(data: bytes) -> Structure:
    """Walk the blocks (GIF89a specification, sections 15 to 27) and count image descriptors."""
    at = 13 + _palette_bytes(data, 10)
    blocks, frames, comments = 0, 0, 0
    while at < len(data) and data[at] in (0x21, 0x2C) and frames < MAX_FRAMES:
        image = data[at] == 0x2C
        at += 11 + _palette_bytes(data, at + 9) if image else 2
        frames += image
        while at < len(data) and data[at]:
            blocks += 1
            comments += 0 if image else data[at]
            # Before the first picture a decoder gathers these one by one, in time that grows with their square.
            if blocks > 4 * MAX_CHUNKS or (frames == 0 and comments > MAX_METADATA // 8):
                return Structure(problem=f"{blocks} data blocks, {comments} bytes of comments")
            at += 1 + data[at]
        at += 1
    return Structure(max(1, frames))


def _webp(data: bytes) -> Structure:
    """Walk the RIFF chunks (WebP container specification) for animation frames and EXIF."""
    at, chunks, frames, problem = 12, 0, 0, ""
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        chunks += 1
        if chunks > MAX_CHUNKS:
            return Structure(problem=f"more than {MAX_CHUNKS} chunks")
        frames += name == b"ANMF"
        if name == b"EXIF":
            problem = problem or _exif_problem(data[at + 8 : at + 8 + length])
        at += 8 + length + (length & 1)
    return Structure(min(MAX_FRAMES, max(1, frames)), problem)


def _exif_problem(block: bytes) -> str:
    """Return what is wrong with an EXIF block, which is a TIFF file without pictures."""
    block = block.removeprefix(b"Exif\0\0")
    if len(block) > MAX_METADATA:
        return f"more than {MAX_METADATA} bytes of EXIF"
    return _tiff(block, _EXIF_MAX_WORK).problem if block[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") else ""


@dataclass(slots=True)
class _Directories:
    """The image file directories (TIFF 6.0, section 2) still to visit, and the bytes named so far."""

    todo: list[tuple[int, bool]]
    seen: set[int] = field(default_factory=set)
    named: int = 0


def _tiff(data: bytes, max_named: int) -> Structure:
    """Walk the directories: each counts one frame, and their entries may name only so many bytes together."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    size, head = (20, 8) if big else (12, 2)
    pointer, counter, entry = (order + part for part in (("Q", "Q", "HHQ8s") if big else ("I", "H", "HHI4s")))
    frames = 0
    try:
        first = struct.unpack_from(pointer, data, 8 if big else 4)[0]
        walk = _Directories([(first, True)])
        while walk.todo and frames < MAX_FRAMES:
            at, main = walk.todo.pop()
            if at == 0 or at in walk.seen:
                continue
            walk.seen.add(at)
            count = struct.unpack_from(counter, data, at)[0]
            if count > 65535:
                return Structure(problem=f"a directory of {count} entries")
            frames += main
            for index in range(count):
                tag, kind, number, value = struct.unpack_from(entry, data, at + head + index * size)
                width = _TYPE_SIZES.get(kind, 0)
                walk.named += min(number * width, len(data))
                if kind not in _BYTE_TYPES and width and number > _MAX_ENTRIES:
                    return Structure(problem=f"tag {tag} claims {number} numbers")
                if walk.named > max_named:
                    return Structure(problem=f"{count} tags that name more bytes than the file could hold")
                if tag in _SUB_IFDS and len(walk.seen) < 64:
                    walk.todo.append((struct.unpack_from(pointer, value)[0], False))
            if main:
                walk.todo.insert(0, (struct.unpack_from(pointer, data, at + head + count * size)[0], True))
    except struct.error:
        pass  # it breaks off; the decoder will say so in its own words
    return Structure(max(1, frames))


def _palette_bytes(data: bytes, flags_at: int) -> int:
    """Return the size of the colour table that the packed field at an offset announces."""
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
