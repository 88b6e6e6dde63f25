"""Shards as POSIX ustar archives that depend on nothing but their content, and a walk that trusts none of them.

The writer leaves out all that differs between two runs: times are 0, owners are root, modes are 0644, and members lie
in the order in which they are added. It reports where everything lies, so that no index needs a second pass.
Source: POSIX.1-2017, pax utility, "ustar Interchange Format".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import PipelineError, StorageError

BLOCK = 512
RECORD = 10_240
"""GNU tar pads archives to this size, 20 blocks."""

MAX_MEMBER = 8**11 - 1
"""Largest member in bytes that 11 octal digits can state (8 GiB)."""

_ZEROS = bytes(BLOCK)
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SUFFIX = re.compile(r"[A-Za-z0-9_]+(?:\.[a-z0-9_]+)*")
# The fields that are the same in every header: mode, owner and group; time; type, link, magic, and all that is empty.
_BEFORE_SIZE = b"0000644\0" + b"0000000\0" * 2
_TIME = b"00000000000\0"
_AFTER_CHECKSUM = b"0" + bytes(100) + b"ustar\x0000" + bytes(64 + 16 + 167)
_FIXED_SUM = sum(_BEFORE_SIZE + _TIME + b" " * 8 + _AFTER_CHECKSUM)  # blanks stand in for the checksum itself


@dataclass(frozen=True, slots=True)
class MemberLocation:
    """Where one member of a sample lies."""

    suffix: str
    """What follows the key and a dot: 'jpg', 'sci.txt'."""
    offset: int
    """First byte of the data, from the start of the shard."""
    size: int
    """Bytes of data."""


@dataclass(frozen=True, slots=True)
class SampleLocation:
    """Where one sample lies: `length` bytes from `offset` are its headers, data and padding, and nothing else."""

    key: str
    offset: int
    """First byte of the first member's header."""
    length: int
    members: tuple[MemberLocation, ...]


class Sink(Protocol):
    """What a shard is written to: a binary file, or anything that takes bytes and says how many it took."""

    def write(self, data: bytes, /) -> int:
        """Write the data; give the number of bytes written."""


class ShardWriter:
    """Write samples to a binary file, in order, as a ustar archive.

    >>> import io
    >>> file = io.BytesIO()
    >>> shard = ShardWriter(file)
    >>> shard.add("a1", [("jpg", b"..."), ("txt", b"a photo of Procyon lotor.")])
    SampleLocation(key='a1', offset=0, length=2048, members=(MemberLocation(suffix='jpg', offset=512, size=3), ...))
    >>> shard.close()
    >>> len(file.getvalue())
    10240
    """

    def __init__(self, file: Sink) -> None:
        self._file = file
        self._offset = 0
        self._keys: set[str] = set()
        self._closed = False

    @property
    def samples(self) -> int:
        """Number of samples written so far."""
        return len(self._keys)

    def add(self, key: str, members: Sequence[tuple[str, bytes]]) -> SampleLocation:
        """Write one sample and say where it lies.

        `members` are (suffix, data) in the order in which they are written. Keys are of A-Z, a-z, 0-9, '_' and '-',
        since loaders split names at the first dot; key, dot and suffix have at most 100 bytes.
        Raises PipelineError, before anything of the sample is written, for a key, suffix or size that cannot be
        written or comes twice; StorageError when the file cannot be written.
        """
        self._check(key, members)
        offset = self._offset
        pieces: list[bytes] = []
        places: list[MemberLocation] = []
        for suffix, data in members:
            size = len(data)
            padding = -size % BLOCK
            pieces += (header(f"{key}.{suffix}", size), data, _ZEROS[:padding])
            places.append(MemberLocation(suffix, offset + BLOCK, size))
            offset += BLOCK + size + padding
        place = SampleLocation(key, self._offset, offset - self._offset, tuple(places))
        self._write(b"".join(pieces))  # one call a sample: small writes would cost more than the bytes
        self._keys.add(key)
        return place

    def close(self) -> None:
        """Write the end of the archive: two zero blocks, and zeros up to a multiple of 10,240 bytes.

        The file itself stays open. A shard that was not closed is refused by `walk`, as it may be incomplete.
        """
        if not self._closed:
            self._write(bytes(2 * BLOCK))
            self._write(bytes(-self._offset % RECORD))
            self._closed = True

    def _check(self, key: str, members: Sequence[tuple[str, bytes]]) -> None:
        where = f"sample {key!r}"
        if self._closed:
            raise PipelineError("the shard is closed", where, remedy="add samples before close()")
        if not _KEY.fullmatch(key):
            raise PipelineError(f"{key!r} cannot be a sample's key", where, "letters A-Z and a-z, digits, '_' and '-'")
        if key in self._keys:
            raise PipelineError(f"the key {key!r} comes twice", where, "each key once in a shard")
        if not members:
            raise PipelineError("the sample has no members", where, "at least one (suffix, bytes)")
        suffixes = [suffix for suffix, _ in members]
        for suffix, data in members:
            name = f"{key}.{suffix}"
            if not _SUFFIX.fullmatch(suffix):
                raise PipelineError(f"{suffix!r} cannot be a suffix", where, "such as 'jpg' or 'sci.txt'")
            if suffixes.count(suffix) > 1:
                raise PipelineError(f"the suffix {suffix!r} comes twice", where, "each suffix once in a sample")
            if len(name) > 100:
                raise PipelineError(f"{name!r} has {len(name)} bytes", where, "at most 100 bytes", "shorten the key")
            if len(data) > MAX_MEMBER:
                raise PipelineError(f"{name!r} has {len(data)} bytes of data", where, f"at most {MAX_MEMBER}")

    def _write(self, data: bytes) -> None:
        try:
            written = self._file.write(data)
        except OSError as error:
            raise StorageError(
                f"the shard cannot be written: {error.strerror or error}", self._name(), remedy="free some space"
            ) from error
        if written != len(data):  # an unbuffered file may take less than it is given
            raise StorageError(
                f"{written} of {len(data)} bytes were written",
                self._name(),
                "a buffered file",
                "open it with buffering",
            )
        self._offset += len(data)

    def _name(self) -> str:
        return f"{getattr(self._file, 'name', 'shard')}, byte {self._offset}"


def header(name: str, size: int) -> bytes:
    """Give the 512-byte ustar header of a regular file with fixed time, owner and mode; the name has at most 100 bytes.

    >>> len(header("a.jpg", 3)), header("a.jpg", 3)[:5]
    (512, b'a.jpg')
    """
    text, digits = name.encode("ascii"), b"%011o\0" % size
    checksum = b"%06o\0 " % (_FIXED_SUM + sum(text) + sum(digits))
    return b"".join((text.ljust(100, b"\0"), _BEFORE_SIZE, digits, _TIME, checksum, _AFTER_CHECKSUM))
