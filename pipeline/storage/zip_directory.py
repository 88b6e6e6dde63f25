"""The directory of a zip, read once, and its members by their offsets; members are unpacked by the standard library.

`zipfile` reads the whole directory again whenever a zip is opened, keeps 0.6 kB of every member, lets the last of two
members of one name win, and what else it checks depends on Python's patch level. Here a directory of 150,000 members
takes a third of a second, and what a zip claims of itself is compared with what it holds.

Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end, zip64),
4.5.3 (zip64 extra field), 4.6.9 (Unicode path).
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self, cast

import numpy as np

from pipeline.storage.files.byte_span import ByteSpan

MAX_DIRECTORY_BYTES = 2 << 30
_END, _END_MARK = struct.Struct("<4s4H2LH"), b"PK\x05\x06"
_LOCATOR, _LOCATOR_MARK = struct.Struct("<4sLQL"), b"PK\x06\x07"
_END64, _END64_MARK = struct.Struct("<4sQ2H2L4Q"), b"PK\x06\x06"
_CENTRAL, _CENTRAL_MARK = struct.Struct("<4s6H3L5H2L"), b"PK\x01\x02"
_LOCAL, _LOCAL_MARK = struct.Struct("<4s5H3L2H"), b"PK\x03\x04"
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_UTF8, _PATCHED, _STRONG = 0x800, 0x20, 0x40
ENCRYPTED = 0x1


class ZipEntry(NamedTuple):
    """One member, as the directory has it."""

    name: str
    """As it is stored; bytes that are no UTF-8 where the zip says UTF-8 are surrogates."""
    size: int
    packed: int
    crc: int
    offset: int
    """Where its local header begins, in bytes from the file's beginning."""
    method: int
    flags: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, which is a name that ends in a slash of either kind."""
        return self.name.endswith(("/", "\\"))


class ZipDirectory:
    """What a zip lists, in its own order. Memory: about 0.3 kB per member."""

    def __init__(self, path: Path, most: int) -> None:
        """Read the directory; raises BadZipFile when it is damaged or lies, or lists more than `most` members."""
        self.path = path
        with path.open("rb") as file:
            stated, start, shift, data = _located(file)
        self.entries = tuple(_entries(data, shift, start, most))
        # Old writers count beyond 65,535 without zip64, and so state the remainder alone.
        if stated not in (len(self.entries), len(self.entries) & _FULL16):
            raise zipfile.BadZipFile(f"its directory lists {len(self.entries)} members, its end says {stated}")
        self._starts = array("Q", sorted([*(entry.offset for entry in self.entries), start]))

    def overlapping(self) -> ZipEntry | None:
        """Return a member whose bytes are also those of another, as bombs have them; None when all lie apart."""
        offsets = np.array([entry.offset for entry in self.entries], dtype=np.int64)
        ends = offsets + np.array([entry.packed for entry in self.entries], dtype=np.int64) + _LOCAL.size
        order = np.argsort(offsets, kind="stable")
        into = ends[order] > np.append(offsets[order][1:], self._starts[-1])
        return self.entries[int(order[np.argmax(into)])] if into.any() else None

    def room(self, entry: ZipEntry) -> int:
        """Return the bytes from a member's local header to the next one, or to the directory."""
        after = bisect_right(self._starts, entry.offset)
        return (self._starts[after] if after < len(self._starts) else self._starts[-1]) - entry.offset


class OpenZip:
    """A zip that members are read from; a context manager. Reading from several threads is safe.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.zip")
    ...     with zipfile.ZipFile(path, "w") as made:
    ...         made.writestr("a.txt", "abc")
    ...     directory = ZipDirectory(path, most=10)
    ...     with OpenZip(directory) as archive, archive.open(directory.entries[0]) as stream:
    ...         directory.entries[0].name, stream.read()
    ('a.txt', b'abc')
    """

    def __init__(self, directory: ZipDirectory) -> None:
        self._directory = directory
        self._handle = os.open(directory.path, os.O_RDONLY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the zip."""
        os.close(self._handle)

    def open(self, entry: ZipEntry) -> IO[bytes]:
        """Return a member's unpacked bytes as a stream, which compares size and CRC-32 at its end.

        Raises BadZipFile (here and while reading) when the member is not what the directory says, RuntimeError when it
        is encrypted, NotImplementedError for a method that zipfile lacks.
        """
        if entry.flags & ENCRYPTED:
            raise RuntimeError("the member is encrypted")
        if entry.flags & (_PATCHED | _STRONG):
            raise NotImplementedError("patched data or strong encryption")
        if entry.method == zipfile.ZIP_STORED and entry.size != entry.packed:
            raise zipfile.BadZipFile(f"{entry.packed} bytes are stored as they are, and should be {entry.size}")
        head = os.pread(self._handle, _LOCAL.size, entry.offset)
        if len(head) < _LOCAL.size or not head.startswith(_LOCAL_MARK):
            raise zipfile.BadZipFile("there is no member where the directory says")
        _, _, flags, *_, named, more = _LOCAL.unpack(head)
        behind = os.pread(self._handle, named + more, entry.offset + _LOCAL.size)
        if entry.name not in _readings(behind[:named], behind[named:], flags):
            raise zipfile.BadZipFile(f"it is called {behind[:named]!r} in its own header")
        begin = _LOCAL.size + named + more
        if begin + entry.packed > self._directory.room(entry):
            raise zipfile.BadZipFile("its bytes run into those of the next member")
        info = zipfile.ZipInfo(entry.name)
        info.compress_type, info.flag_bits, info.CRC = entry.method, entry.flags, entry.crc
        info.file_size, info.compress_size = entry.size, entry.packed
        span = ByteSpan(self._handle, entry.offset + begin, entry.packed)
        return cast(IO[bytes], zipfile.ZipExtFile(span, "r", info, None, True))


def member_path(name: str) -> str:
    r"""Return a member's name as one path has it: slashes forward, no '.' parts, no doubled slashes; '' for none.

    >>> member_path("./a//b.jpg"), member_path("a\\b.jpg"), member_path("/a/."), member_path("..//x")
    ('a/b.jpg', 'a/b.jpg', '/a', '../x')
    """
    name = name.replace("\\", "/")
    if "//" not in name and "./" not in name and name[-1:] not in ("/", "."):
        return name
    return name[: name.startswith("/")] + "/".join(part for part in name.split("/") if part not in ("", "."))


def _located(file: IO[bytes]) -> tuple[int, int, int, bytes]:
    """Return (members stated, where the directory begins, bytes before the zip, the directory)."""
    size = file.seek(0, os.SEEK_END)
    tail_at = max(0, size - _END.size - _FULL16)
    file.seek(tail_at)
    tail = file.read()
    at = _end(tail)
    _, disk, first, _, stated, length, offset, _ = _END.unpack_from(tail, at)
    end = tail_at + at
    if (large := _zip64(file, end, (disk, first, stated, length, offset))) is not None:
        end, (disk, first, stated, length, offset) = large
    if disk or first:
        raise zipfile.BadZipFile("it is one part of several")
    start = end - length
    if start < offset:
        raise zipfile.BadZipFile("its directory is not where its end says")
    if length > MAX_DIRECTORY_BYTES:
        raise zipfile.BadZipFile(f"a directory of {length} bytes, at most {MAX_DIRECTORY_BYTES} are read")
    file.seek(start)
    return stated, start, start - offset, file.read(length)


def _end(tail: bytes) -> int:
    """Return where the end record begins: the last whose comment ends the file, else the last of all."""
    found = last = tail.rfind(_END_MARK, 0, len(tail) - _END.size + len(_END_MARK))
    while found >= 0:
        if found + _END.size + _END.unpack_from(tail, found)[-1] == len(tail):
            return found
        found = tail.rfind(_END_MARK, 0, found)
    if last < 0:
        raise zipfile.BadZipFile("no zip directory at its end")
    return last


_Stated = tuple[int, int, int, int, int]  # disk, first disk, members, bytes and offset of the directory


def _zip64(file: IO[bytes], end: int, small: _Stated) -> tuple[int, _Stated] | None:
    """Return where the zip64 end record begins and what it states; None for a zip without one."""
    if end < _LOCATOR.size:
        return None
    file.seek(end - _LOCATOR.size)
    mark, disk, offset, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if mark != _LOCATOR_MARK:
        return None
    for at in (end - _LOCATOR.size - _END64.size, offset):
        file.seek(max(0, min(at, end)))
        record = file.read(_END64.size)
        if len(record) == _END64.size and record.startswith(_END64_MARK):
            _, _, _, _, own, first, _, stated, length, start = _END64.unpack(record)
            large = (max(own, disk), first, stated, length, start)
            # The small record has the same figures, or is full where they do not fit: no archive has two directories.
            full = (_FULL16, _FULL16, _FULL16, _FULL32, _FULL32)
            if any(a not in (b, most) for a, b, most in zip(small, large, full, strict=True)):
                raise zipfile.BadZipFile("its two end records contradict each other")
            return at, large
    raise zipfile.BadZipFile("its zip64 end record is not where it should be")


def _entries(data: bytes, shift: int, end: int, most: int) -> Iterator[ZipEntry]:
    at, unpack, count = 0, _CENTRAL.unpack_from, 0
    while at < len(data):
        if data[at : at + 4] != _CENTRAL_MARK or at + _CENTRAL.size > len(data):
            raise zipfile.BadZipFile(f"its directory is damaged after {count} members")
        _, _, _, flags, method, _, _, crc, packed, size, named, more, said, _, _, _, offset = unpack(data, at)
        at += _CENTRAL.size
        raw = data[at : at + named]
        extra = data[at + named : at + named + more]
        at += named + more + said
        if at > len(data):
            raise zipfile.BadZipFile(f"its directory breaks off after {count} members")
        if _FULL32 in (size, packed, offset):
            size, packed, offset = _large(extra, size, packed, offset)
        count += 1
        if count > most:
            raise zipfile.BadZipFile(f"more than {most} members")
        if offset + shift + packed > end:
            raise zipfile.BadZipFile(f"{raw[:200]!r} would lie behind the file's end")
        name = raw.decode("ascii") if raw.isascii() else _readings(raw, extra, flags)[0]
        yield ZipEntry(name, size, packed, crc, offset + shift, method, flags)


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        code, length = struct.unpack_from("<HH", extra, at)
        yield code, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _large(extra: bytes, *small: int) -> tuple[int, int, int]:
    """Return size, packed size and offset, of which full ones are in the zip64 field, in this order."""
    field = next((data for code, data in _fields(extra) if code == 1), b"")
    full = sum(value == _FULL32 for value in small)
    if len(field) < 8 * full:
        raise zipfile.BadZipFile("a zip64 field is too short")
    values = iter(struct.unpack_from(f"<{full}Q", field))
    size, packed, offset = (next(values) if value == _FULL32 else value for value in small)
    return size, packed, offset


def _readings(raw: bytes, extra: bytes, flags: int) -> tuple[str, ...]:
    """Return what a name may be, the likeliest first: a Unicode path field, UTF-8 where so flagged, code page 437."""
    stated = raw.decode("utf-8", "surrogateescape")
    plain = raw.decode("cp437")
    for code, data in _fields(extra):
        if code == 0x7075 and data[:1] == b"\x01" and data[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
            return (data[5:].decode("utf-8", "surrogateescape"), stated, plain)
    return (stated, plain) if flags & _UTF8 else (plain, stated)
