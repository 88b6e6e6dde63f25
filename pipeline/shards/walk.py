"""Walk a shard header by header, and refuse all that a shard of plain files has no use for.

What is refused, and why: links, devices, folders and extension headers (a name that unpacks elsewhere), absolute paths
and '..' (the same), a name twice (two readers would see two contents), a wrong checksum or number (damage), data past
the end or too little of it (truncation), and non-zero padding (content that no reader shows).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from pipeline.model.errors import VerifyError
from pipeline.shards.tar import BLOCK, MemberLocation, SampleLocation

_OCTAL = re.compile(rb" *([0-7]+)[ \0]*")
_NAME = re.compile(r"[A-Za-z0-9_.+@=,-]+(?:/[A-Za-z0-9_.+@=,-]+)*")
TYPES = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"5": "a folder",
    b"6": "a pipe",
    b"x": "a pax header",
    b"g": "a global pax header",
    b"L": "a GNU long name",
    b"K": "a GNU long link",
    b"S": "a sparse file",
}
"""What a member is that is no file, by its typeflag; POSIX.1-2001 and GNU's own."""
_REMEDY = "write the shard again; do not unpack this one"


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file of a tar archive."""

    name: str
    header_offset: int
    data_offset: int
    size: int


def walk(path: str | os.PathLike[str]) -> Iterator[Member]:
    """Yield the members of a tar archive in file order, reading headers and padding but no data.

    Raises VerifyError at the first thing that a shard may not hold, with the byte offset at which it lies; the file is
    whole only if the walk comes to its end.

    >>> import tempfile
    >>> from pipeline.shards.tar import ShardWriter
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     shard = ShardWriter(file)
    ...     _ = shard.add("a1", [("jpg", b"...")])
    ...     shard.close()
    ...     file.flush()
    ...     list(walk(file.name))
    [Member(name='a1.jpg', header_offset=0, data_offset=512, size=3)]
    """
    with _open(Path(path)) as file:
        yield from _members(file, str(path))


def sample_locations(path: str | os.PathLike[str]) -> Iterator[SampleLocation]:
    """Walk a shard and give its samples, which `ShardWriter.add` gave when it wrote them.

    Raises VerifyError as `walk` does, and for a key whose members do not lie together or a member without suffix.
    """
    seen: set[str] = set()
    for key, group in groupby(walk(path), key=_key):
        members = list(group)
        where = f"{path}, byte {members[0].header_offset}"
        if key in seen:
            raise VerifyError(f"the members of sample {key!r} do not lie together", where, remedy=_REMEDY)
        seen.add(key)
        places = tuple(MemberLocation(each.name[len(key) + 1 :], each.data_offset, each.size) for each in members)
        if not key or key.endswith("/") or not all(place.suffix for place in places):
            raise VerifyError(f"{members[0].name!r} is no member of a sample", where, "a name such as 'key.jpg'")
        last = members[-1]
        end = last.data_offset + last.size + -last.size % BLOCK
        yield SampleLocation(key, members[0].header_offset, end - members[0].header_offset, places)


def _key(member: Member) -> str:
    """Return the part of a name before the first dot of its last component, as WebDataset's loaders do."""
    dot = member.name.find(".", member.name.rfind("/") + 1)
    return member.name if dot < 0 else member.name[:dot]


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise VerifyError(
            f"the shard cannot be read: {error.strerror}", str(path), "a readable file", "check the path"
        ) from error


def _members(file: BinaryIO, path: str) -> Iterator[Member]:
    total = os.fstat(file.fileno()).st_size
    seen: set[str] = set()
    offset = 0
    while True:
        block = file.read(BLOCK)
        if len(block) < BLOCK:
            raise _fault(path, offset, "the archive is truncated: its end marker is missing")
        if not any(block):
            _check_end(file, path, offset)
            return
        member = _parse(block, path, offset)
        if member.name in seen:
            raise _fault(path, offset, f"the name {member.name!r} comes twice")
        seen.add(member.name)
        padding = -member.size % BLOCK
        if member.data_offset + member.size + padding > total:
            raise _fault(path, offset, f"the archive is truncated inside {member.name!r}")
        file.seek(member.data_offset + member.size)
        if any(file.read(padding)):
            raise _fault(path, offset, f"the padding of {member.name!r} is not zero")
        yield member
        offset = member.data_offset + member.size + padding


def _parse(block: bytes, path: str, offset: int) -> Member:
    stated = _number(block[148:156], path, offset, "checksum")
    actual = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if stated != actual:
        raise _fault(path, offset, f"the header's checksum is {actual}, but it states {stated}")
    if block[257:263] not in (b"ustar\0", b"ustar "):
        raise _fault(path, offset, "the header is not a ustar header")
    kind = block[156:157]
    name = _text(block[0:100], path, offset)
    if block[257:265] == b"ustar\x0000" and block[345] != 0:
        name = f"{_text(block[345:500], path, offset)}/{name}"
    if kind not in (b"0", b"\0"):
        raise _fault(path, offset, f"{name!r} is {TYPES.get(kind, f'of type {kind!r}')}, not a regular file")
    if name.startswith("/") or ".." in name.split("/"):
        raise _fault(path, offset, f"the name {name!r} leads out of the folder it is unpacked in")
    if not _NAME.fullmatch(name) or "." in name.split("/"):
        raise _fault(path, offset, f"the name {name!r} is not of letters, digits and . _ - + @ = , with single slashes")
    return Member(name, offset, offset + BLOCK, _number(block[124:136], path, offset, "size"))


def _check_end(file: BinaryIO, path: str, offset: int) -> None:
    """Check that nothing but zeros follows the first zero block, and at least one more block of them."""
    zeros = BLOCK
    while chunk := file.read(1 << 16):
        if any(chunk):
            raise _fault(path, offset, "data follows the end of the archive")
        zeros += len(chunk)
    if zeros < 2 * BLOCK or zeros % BLOCK:
        raise _fault(path, offset, "the archive is truncated: its end marker is not two zero blocks")


def _number(field: bytes, path: str, offset: int, what: str) -> int:
    found = _OCTAL.fullmatch(field)
    if found is None:
        raise _fault(path, offset, f"the header's {what} is not an octal number: {field!r}")
    return int(found.group(1), 8)


def _text(field: bytes, path: str, offset: int) -> str:
    text, _, rest = field.partition(b"\0")
    if any(rest) or not text.isascii():
        raise _fault(path, offset, f"the name {field!r} is not ASCII text ended by zeros")
    return text.decode("ascii")


def _fault(path: str, offset: int, what: str) -> VerifyError:
    return VerifyError(what, f"{path}, byte {offset}", "a plain ustar shard, as Biomill writes it", _REMEDY)
