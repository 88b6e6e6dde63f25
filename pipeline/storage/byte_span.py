"""A range of an open file as a stream of its own, without a position that others could move."""

from __future__ import annotations

import io
import os


class ByteSpan(io.RawIOBase):
    """Bytes `begin` to `begin + length` of a file descriptor, which stays open; several spans can be read at a time.

    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(b"0123456789")
    ...     file.flush()
    ...     span = ByteSpan(file.fileno(), 2, 5)
    ...     span.read(2), span.seek(-1, os.SEEK_END), span.read(9), span.read()
    (b'23', 4, b'6', b'')
    """

    def __init__(self, handle: int, begin: int, length: int) -> None:
        self._handle, self._begin, self._length, self._at = handle, begin, length, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the span."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in the span, and return it."""
        start = (0, self._at, self._length)[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return at most `size` bytes, fewer only at the end of the span or of the file."""
        left = max(0, self._length - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        parts = []
        while wanted and (block := os.pread(self._handle, wanted, self._begin + self._at)):
            parts.append(block)
            self._at += len(block)
            wanted -= len(block)
        return b"".join(parts)

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer as far as there are bytes; return how many there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
