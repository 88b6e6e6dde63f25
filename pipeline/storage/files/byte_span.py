"""Files that are read from any position: a range of an open file as a stream, without a position that others move."""

from __future__ import annotations

import io
import os


class Positioned(io.RawIOBase):
    """A file of `size` bytes to read from any position; how bytes are read at `_at` is for its kinds to say."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._at = size, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, from the start, from here or from the end, and return it."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at


class ByteSpan(Positioned):
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
        super().__init__(length)
        self._handle, self._begin = handle, begin

    def read(self, size: int | None = -1) -> bytes:
        """Return at most `size` bytes, fewer only at the end of the span or of the file."""
        left = max(0, self._size - self._at)
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
