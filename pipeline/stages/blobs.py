"""Fetch's blobs: files of many encoded images, read by position."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

_OPEN_BLOBS = 128


class Blobs:
    """Reads from fetch's blobs by position, keeping a bounded number of them open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def __call__(self, unit: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` of a unit's blob."""
        handle = self._open.pop(unit, None)
        if handle is None:
            handle = os.open(self._folder / f"{unit}.bin", os.O_RDONLY)
        self._open[unit] = handle
        if len(self._open) > _OPEN_BLOBS:
            os.close(self._open.popitem(last=False)[1])
        return os.pread(handle, length, offset)
