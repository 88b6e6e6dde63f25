"""A file of a store, opened to be read from any position."""

from __future__ import annotations

import io
from typing import Any

from pipeline.storage.files.byte_span import Positioned
from pipeline.storage.stores.store import Span, Store
from pipeline.storage.stores.store_error import store_error

BLOCK = 1 << 18
"""Bytes that are asked for at least, so that many small reads in a row are one request."""


class RangedFile(Positioned):
    """Reads what is asked for by ranges; what fails is a StoreError.

    >>> from pipeline.storage.stores import open_store
    >>> store = open_store("memory://doctest-ranged")
    >>> store.write("a", b"0123456789")
    >>> with opened(store, "a") as file:
    ...     file.seek(-3, 2), file.read(2), file.tell()
    (7, b'78', 9)
    """

    def __init__(self, store: Store, name: str, size: int) -> None:
        super().__init__(size)
        self._store, self._name = store, name

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the bytes that follow; return how many there were."""
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        (data,) = self._store.spans([Span(self._name, self._at, end)])
        view[: len(data)] = data
        self._at = end
        return len(data)


def opened(store: Store, name: str) -> io.BufferedReader:
    """Return a file of a store to read from any position; raises StoreError when it is not there."""
    entry = store.entry(name)
    if entry is None:
        raise store_error(FileNotFoundError(2, "No such file or directory"), f"{store.where}/{name}")
    size = entry.size if entry.size is not None else len(store.read(name))
    return io.BufferedReader(RangedFile(store, name, size), BLOCK)
