"""Kinds of damage that transfers, disks and proxies do to files, as functions of the file and seeded chance."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator

from pipeline.media.images.jpeg_scans import coded_picture

Damage = Callable[[bytes, int, int, random.Random, bytes], bytes]
"""Bytes, first and last offset of the coded picture, chance, another good file of the kind -> damaged bytes."""
END = b"\xff\xd9"


def _hole(size: int, filler: Callable[[random.Random, int], bytes], aligned: int = 1) -> Damage:
    def damage(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
        length = min(size, max(1, (end - start) // 2))
        at = (
            start + (end - start - length) // 2 if size > 10_000 else rng.randrange(start, max(start + 1, end - length))
        )
        at = max(start, at - at % aligned)
        return data[:at] + filler(rng, length) + data[at + length :]

    return damage


def _zeros(rng: random.Random, length: int) -> bytes:
    return bytes(length)


def _ones(rng: random.Random, length: int) -> bytes:
    return b"\xff" * length


def _noise(rng: random.Random, length: int) -> bytes:
    return rng.randbytes(length)


def _text(rng: random.Random, length: int) -> bytes:
    return (b"<html><body><h1>502 Bad Gateway</h1></body></html>\r\n" * (length // 50 + 1))[:length]


def _middle(start: int, end: int) -> int:
    return start + (end - start) // 2


def cut(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    return data[: _middle(start, end)]


def cut_late(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    return data[: start + (end - start) * 19 // 20]


def second_half_zeros(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    return data[: _middle(start, end)] + bytes(len(data) - _middle(start, end))


def missing_middle(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    length = (end - start) // 5
    return data[: _middle(start, end)] + data[_middle(start, end) + length :]


def doubled_middle(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    length = (end - start) // 5
    return data[: _middle(start, end)] + data[_middle(start, end) - length :]


def tail_of_another(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    return data[: _middle(start, end)] + other[len(other) // 2 :]


def swapped_parts(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    one, two, three = (start + (end - start) * part // 4 for part in (1, 2, 3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


ANY: dict[str, Damage] = {
    "cut": cut,
    "cut late": cut_late,
    "zero hole of 64 KB or a half": _hole(65_536, _zeros),
    "second half zeros": second_half_zeros,
    "noise of 4 KB or a half": _hole(4096, _noise),
    "missing middle": missing_middle,
    "doubled middle": doubled_middle,
    "parts in the wrong order": swapped_parts,
    "tail of another": tail_of_another,
    "zero sectors of 4 KB": _hole(4096, _zeros, 512),
    "packet of 1,460 zeros": _hole(1460, _zeros),
    "hole of FF bytes": _hole(1460, _ones),
    "an error page inside": _hole(4096, _text),
}
"""Kinds that every format is tried with."""


def _closed(damage: Damage) -> Damage:
    def closed(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
        return damage(data, start, end, rng, other)[:-2] + END

    return closed


JPEG: dict[str, Damage] = {
    **ANY,
    "cut + EOI": _closed(cut),
    "cut late + EOI": _closed(cut_late),
    "second half zeros + EOI": _closed(second_half_zeros),
    "zero sector of 512": _hole(512, _zeros),
}


def _png_closed(damage: Damage) -> Damage:
    """Cut inside the pixels, with lengths and checksums that are right for what is left."""

    def closed(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
        parts, pixels, at = [data[:8]], b"", 8
        while at + 8 <= len(data):
            length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
            if name == b"IDAT":
                pixels += data[at + 8 : at + 8 + length]
            elif name != b"IEND":
                parts.append(data[at : at + 12 + length])
            at += 12 + length
        pixels = damage(pixels, 0, len(pixels), rng, other)
        for name, body in ((b"IDAT", pixels), (b"IEND", b"")):
            parts.append(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))
        return b"".join(parts)

    return closed


def _riff_closed(damage: Damage) -> Damage:
    """Cut inside the last chunk, with sizes that are right for what is left."""

    def closed(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
        left = damage(data, start, end, rng, other)
        at, header = 12, bytearray(left)
        while at + 8 <= len(left) and at + 8 + int.from_bytes(left[at + 4 : at + 8], "little") < len(left):
            at += 8 + (int.from_bytes(left[at + 4 : at + 8], "little") + 1) // 2 * 2
        header[at + 4 : at + 8] = struct.pack("<I", len(left) - at - 8)
        header[4:8] = struct.pack("<I", len(left) - 8 + (len(left) & 1))
        return bytes(header) + bytes(len(left) & 1)

    return closed


def _gif_closed(data: bytes, start: int, end: int, rng: random.Random, other: bytes) -> bytes:
    """Cut at the end of a block of pixels, closed with the end of blocks and of the file."""
    at = data.index(b",", 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0))
    at += 11 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
    blocks = [at]
    while data[blocks[-1]]:
        blocks.append(blocks[-1] + 1 + data[blocks[-1]])
    return data[: blocks[len(blocks) // 2]] + b"\0;"


OTHERS: dict[str, dict[str, Damage]] = {
    "PNG": {
        **ANY,
        "cut + right checksum + IEND": _png_closed(cut),
        "hole + right checksum": _png_closed(ANY["packet of 1,460 zeros"]),
    },
    "WEBP": {**ANY, "cut + right sizes": _riff_closed(cut)},
    "GIF": {**ANY, "cut + end marks": _gif_closed},
    "TIFF": dict(ANY),
    "AVIF": dict(ANY),
    "BMP": dict(ANY),
}


def damaged(kind: str, data: bytes, rng: random.Random, other: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (name, damaged bytes) for every kind of damage, done to the coded picture and not to metadata before it."""
    start, end = picture_range(kind, data)
    for name, damage in (JPEG if kind == "JPEG" else OTHERS[kind]).items():
        yield name, damage(data, start, end, rng, other)


def picture_range(kind: str, data: bytes) -> tuple[int, int]:
    """Return where the coded picture begins and ends in a file."""
    if kind == "JPEG":
        picture = coded_picture(data)
        scans = [bytes(picture.parts[at]) for at in picture.data_at]
        return data.index(scans[0]) + 1, data.rindex(scans[-1]) + len(scans[-1])
    start = {"PNG": data.find(b"IDAT"), "WEBP": data.find(b"VP8"), "GIF": 800, "AVIF": data.find(b"mdat")}.get(
        kind, 150
    )
    return min(start + 40, len(data) // 3), len(data) - 12
