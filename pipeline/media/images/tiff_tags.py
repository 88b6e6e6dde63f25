"""The directories of a TIFF file as numbers: enough to tell a photograph from a camera's raw file and its preview."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Tags = Mapping[int, tuple[int, ...]]
WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, MAKE = 256, 257, 259, 262, 271
STRIP_OFFSETS, STRIP_SIZES, TILE_OFFSETS, TILE_SIZES, JPEG_TABLES = 273, 279, 324, 325, 347
_SUBFILE, _OLD_SUBFILE, _SUB_DIRECTORIES, _DNG_VERSION = 254, 255, 330, 50706
_SENSOR = frozenset({32803, 34892})  # photometric: colour filter array, linear raw (TIFF/EP, DNG 1.7)
_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_MAX_VALUES = 200_000
_RAW_OF_MAKE = {b"NIKON": "NEF", b"SONY": "ARW", b"PENTAX": "PEF", b"SAMSUNG": "SRW", b"CANON": "CR2", b"HASSEL": "3FR"}


def directory(data: bytes, at: int | None = None) -> tuple[Tags, int]:
    """Return the whole numbers (and texts as bytes' numbers) of one directory, and where the next begins (0: nowhere).

    `at`: its offset, None for the first. What breaks off is left out. Source: TIFF 6.0, section 2; BigTIFF.

    >>> directory(b"II*\\0\\x08\\0\\0\\0" + b"\\1\\0" + b"\\0\\1\\3\\0\\1\\0\\0\\0\\x40\\0\\0\\0" + bytes(4))
    ({256: (64,)}, 0)
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    pointer, counter, entry, size = (
        (order + "Q", order + "Q", order + "HHQ", 20) if big else (order + "I", order + "H", order + "HHI", 12)
    )
    tags: dict[int, tuple[int, ...]] = {}
    try:
        at = struct.unpack_from(pointer, data, 8 if big else 4)[0] if at is None else at
        (count,) = struct.unpack_from(counter, data, at)
        first = at + (8 if big else 2)
        for place in range(first, first + min(count, 4096) * size, size):
            tag, kind, number = struct.unpack_from(entry, data, place)
            letter = _TYPES.get(kind, "")
            if not letter or number > _MAX_VALUES:
                continue
            inside = place + struct.calcsize(entry)
            fits = number * struct.calcsize("=" + letter) <= size - struct.calcsize(entry)
            where = inside if fits else struct.unpack_from(pointer, data, inside)[0]
            if where + number * struct.calcsize("=" + letter) <= len(data):
                tags[tag] = struct.unpack_from(f"{order}{number}{letter}", data, where)
        return tags, struct.unpack_from(pointer, data, first + count * size)[0]
    except struct.error:
        return tags, 0


def raw_kind(data: bytes) -> str:
    """Return which camera's raw format a TIFF file is in, 'PREVIEW' if its first page only stands for a larger one.

    '' for a picture. The first directory of such files holds a thumbnail; the photograph itself is sensor data.
    Source: DNG 1.7; TIFF/EP; TIFF 6.0, NewSubfileType.
    """
    tags, following = directory(data)
    make = bytes(value & 255 for value in tags.get(MAKE, ())).upper()
    name = next((kind for start, kind in _RAW_OF_MAKE.items() if make.startswith(start)), "RAW")
    if data[8:10] == b"CR":
        return "CR2"
    if _DNG_VERSION in tags:
        return "DNG"
    others = [directory(data, at)[0] for at in tags.get(_SUB_DIRECTORIES, ())[:16]]
    if any(set(part.get(PHOTOMETRIC, ())) & _SENSOR for part in (tags, *others)):
        return name
    seen: set[int] = set()
    while following and following not in seen and len(seen) < 16:
        seen.add(following)
        page, following = directory(data, following)
        others += [page] if _reduced(tags) else []
    larger = any(_area(part) > _area(tags) for part in others)
    return "PREVIEW" if larger or (_reduced(tags) and _SUB_DIRECTORIES in tags) else ""


def _reduced(tags: Tags) -> bool:
    return bool(tags.get(_SUBFILE, (0,))[0] & 1) or tags.get(_OLD_SUBFILE, (1,))[0] == 2


def _area(tags: Tags) -> int:
    return int(tags.get(WIDTH, (0,))[0]) * int(tags.get(HEIGHT, (0,))[0])
