"""Shards as POSIX ustar archives that depend on nothing but their content, and a walk that trusts none of them.

The writer leaves out all that differs between two runs: times are 0, owners are root, modes are 0644, and members lie
in the order in which they are added. It reports where everything lies, so that no index needs a second pass.
Source: POSIX.1-2017, pax utility, "ustar Interchange Format".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from pipeline.model.errors import PipelineError, StorageError

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


class MemberLocation(NamedTuple):
    """Where one member of a sample lies."""

    suffix: str
    """What follows the key and a dot: 'jpg', 'sci.txt'."""
    offset: int
    """First byte of the data, from the start of the shard."""
    size: int
    """Bytes of data."""


class SampleLocation(NamedTuple):
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
        start = offset = self._offset
        name = key.encode("ascii")
        keysum = sum(name) + _FIXED_SUM
        pieces: list[bytes] = []
        places: list[MemberLocation] = []
        for suffix, data in members:
            size = len(data)
            padding = -size % BLOCK
            pieces += (_header(name, keysum, suffix, size), data, _ZEROS[:padding])
            places.append(MemberLocation(suffix, offset + BLOCK, size))
            offset += BLOCK + size + padding
        self._write(b"".join(pieces))  # one call a sample: small writes would cost more than the bytes
        self._keys.add(key)
        return SampleLocation(key, start, offset - start, tuple(places))

    def close(self) -> None:
        """Write the end of the archive: two zero blocks, and zeros up to a multiple of 10,240 bytes.

        The file itself stays open. A shard that was not closed is refused by `walk`, as it may be incomplete.
        """
        if not self._closed:
            self._write(bytes(2 * BLOCK))
            self._write(bytes(-self._offset % RECORD))
            self._closed = True

    def _check(self, key: str, members: Sequence[tuple[str, bytes]]) -> None:
        where = "sample " + key
        if self._closed:
            raise PipelineError("the shard is closed", where, remedy="add samples before close()")
        if not _KEY.fullmatch(key):
            raise PipelineError(f"{key!r} cannot be a sample's key", where, "letters A-Z and a-z, digits, '_' and '-'")
        if key in self._keys:
            raise PipelineError(f"the key {key!r} comes twice", where, "each key once in a shard")
        if not members:
            raise PipelineError("the sample has no members", where, "at least one (suffix, bytes)")
        longest = _check_suffixes(tuple(suffix for suffix, _ in members), where)
        if len(key) + 1 + longest > 100:
            name = f"{key}.{max((suffix for suffix, _ in members), key=len)}"
            raise PipelineError(f"{name!r} has {len(name)} bytes", where, "at most 100 bytes", "shorten the key")
        for suffix, data in members:
            if len(data) > MAX_MEMBER:
                raise PipelineError(f"'{key}.{suffix}' has {len(data)} bytes of data", where, f"at most {MAX_MEMBER}")

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


def _check_suffixes(suffixes: tuple[str, ...], where: str) -> int:
    """Return the length of the longest suffix; raise PipelineError for one that cannot be or comes twice."""
    odd = _odd_suffix(suffixes)
    if odd is None:
        return max(map(len, suffixes))
    if _SUFFIX.fullmatch(odd):
        raise PipelineError(f"the suffix {odd!r} comes twice", where, "each suffix once in a sample")
    raise PipelineError(f"{odd!r} cannot be a suffix", where, "such as 'jpg' or 'sci.txt'")


@lru_cache(maxsize=64)
def _odd_suffix(suffixes: tuple[str, ...]) -> str | None:
    """Return the first suffix that cannot be written; samples of a dataset have the same few tuples of them."""
    for place, suffix in enumerate(suffixes):
        if not _SUFFIX.fullmatch(suffix) or suffix in suffixes[:place]:
            return suffix
    return None


def _header(name: bytes, keysum: int, suffix: str, size: int) -> bytes:
    """Return the 512-byte ustar header of a regular file with fixed time, owner and mode.

    `keysum` is the sum of the name's bytes and of all fields that are the same in every header.
    """
    tail, tailsum = _tail(suffix)
    digits = b"%011o\0" % size
    checksum = b"%06o\0 " % (keysum + tailsum + sum(digits))
    return b"".join(((name + tail).ljust(100, b"\0"), _BEFORE_SIZE, digits, _TIME, checksum, _AFTER_CHECKSUM))


@lru_cache(maxsize=256)
def _tail(suffix: str) -> tuple[bytes, int]:
    """Return what follows the key in a member's name, and the sum of its bytes."""
    tail = f".{suffix}".encode("ascii")
    return tail, sum(tail)


def header(name: str, size: int) -> bytes:
    """Return the 512-byte ustar header of a regular file with fixed time, owner and mode; the name has at most 100
    bytes.

    >>> len(header("a.jpg", 3)), header("a.jpg", 3)[:5]
    (512, b'a.jpg')
    """
    key, _, suffix = name.partition(".")
    return _header(key.encode("ascii"), sum(key.encode("ascii")) + _FIXED_SUM, suffix, size)
