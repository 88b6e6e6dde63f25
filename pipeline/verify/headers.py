"""The header of a member as every shard's must be: a regular file with fixed time, owner, group and mode.

The layout is POSIX's ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"); the values are those that make equal
members equal bytes. They stand here and not in the writer's terms, so that a change of the writer is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.shards.walk import TYPES

BLOCK = 512
RECORD = 20 * BLOCK
FIXED: dict[str, tuple[int, bytes]] = {
    "mode": (100, b"0000644\0"),
    "uid": (108, b"0000000\0"),
    "gid": (116, b"0000000\0"),
    "mtime": (136, b"00000000000\0"),
    "typeflag": (156, b"0"),
    "linkname": (157, bytes(100)),
    "magic": (257, b"ustar\0"),
    "version": (263, b"00"),
    "uname": (265, bytes(32)),
    "gname": (297, bytes(32)),
    "devmajor": (329, bytes(8)),
    "devminor": (337, bytes(8)),
    "prefix": (345, bytes(155)),
    "end": (500, bytes(12)),
}
"""Field: its place in the header, and the bytes that every header has there."""
_OWNER = b"".join(FIXED[name][1] for name in ("mode", "uid", "gid"))
_MTIME = FIXED["mtime"][1]
_REST = b"".join(FIXED[name][1] for name in list(FIXED)[4:])
_FIXED_SUM = sum(_OWNER) + sum(_MTIME) + sum(_REST) + 8 * ord(" ")
_NAME = re.compile(rb"([A-Za-z0-9_-]{1,98})\.([A-Za-z0-9_]+(?:\.[a-z0-9_]+)*)\0+")
_SIZE = re.compile(rb"[0-7]{11}\0")
_OCTAL = re.compile(rb" *([0-7]+)[ \0]*")


class Header(NamedTuple):
    """What one header says."""

    key: str
    suffix: str
    size: int
    odd: tuple[str, ...]
    """Fields that are not as they must be, each with what was found."""


def parse_header(block: bytes) -> Header:
    """Read a member's header of 512 bytes; raise ValueError for one after which nothing can be trusted.

    >>> from pipeline.shards.tar import header
    >>> parse_header(header("a1.sci.txt", 9))
    Header(key='a1', suffix='sci.txt', size=9, odd=())
    >>> parse_header(header("a1.jpg", 9).replace(b"0000644", b"0000600"))
    Traceback (most recent call last):
    ValueError: its checksum is 3544, but it states 3552
    """
    fixed = block[100:124] == _OWNER and block[136:148] == _MTIME and block[156:] == _REST
    actual = _FIXED_SUM + sum(block[:100]) + sum(block[124:136]) if fixed else _sum(block)
    stated = _OCTAL.fullmatch(block[148:156])
    if stated is None or int(stated[1], 8) != actual:
        said = repr(bytes(block[148:156])) if stated is None else int(stated[1], 8)
        raise ValueError(f"its checksum is {actual}, but it states {said}")
    odd = [] if fixed else list(_odd(block))
    kind = block[156:157]
    if kind not in (b"0", b"\0"):
        raise ValueError(f"it is {TYPES.get(kind, f'of type {kind!r}')}, not a regular file (typeflag)")
    name = _NAME.fullmatch(block[:100])
    if name is None:
        raise ValueError(f"its name {block[:100].rstrip(bytes(1))!r} is not KEY.suffix, of letters, digits, _ and -")
    if block[148:156] != b"%06o\0 " % actual:
        odd.append(f"chksum {block[148:156]!r}")
    size = _OCTAL.fullmatch(block[124:136])
    if size is None:
        raise ValueError(f"its size {block[124:136]!r} is no octal number")
    if not _SIZE.fullmatch(block[124:136]):
        odd.append(f"size {block[124:136]!r}")
    return Header(name[1].decode(), name[2].decode(), int(size[1], 8), tuple(odd))


def _sum(block: bytes) -> int:
    return sum(block) - sum(block[148:156]) + 8 * ord(" ")


def _odd(block: bytes) -> Iterator[str]:
    for name, (start, expected) in FIXED.items():
        found = block[start : start + len(expected)]
        if found != expected:
            yield f"{name} {found.rstrip(bytes(1))!r}"
