"""Fetch's blobs: files of many encoded images, read by position; at an address many ranges at a time."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from pipeline.storage.places import Place
from pipeline.storage.stores.store import Span

_OPEN_BLOBS = 128
_AT_ONCE = 64
"""Ranges that are asked for together: what a store's answers take is waited for once for all of them."""

Stretch = tuple[str, int, int]
"""(unit, offset, length) of an image in the blob of its unit."""


class Blobs:
    """Reads from fetch's blobs by position, keeping a bounded number of them open."""

    def __init__(self, folder: Place) -> None:
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def __call__(self, unit: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` of a unit's blob."""
        if not isinstance(self._folder, Path):
            return next(self.each([(unit, offset, length)]))
        handle = self._open.pop(unit, None)
        if handle is None:
            handle = os.open(self._folder / f"{unit}.bin", os.O_RDONLY)
        self._open[unit] = handle
        if len(self._open) > _OPEN_BLOBS:
            os.close(self._open.popitem(last=False)[1])
        return os.pread(handle, length, offset)

    def each(self, stretches: Iterable[Stretch]) -> Iterator[bytes]:
        """Yield the bytes of every stretch, in order; memory: those of some dozen."""
        if isinstance(self._folder, Path):
            yield from (self(*stretch) for stretch in stretches)
            return
        waiting = iter(stretches)
        store, below = self._folder.store, self._folder.key
        while together := list(islice(waiting, _AT_ONCE)):
            names = [f"{below}/{unit}.bin" if below else f"{unit}.bin" for unit, _, _ in together]
            yield from store.spans(
                [Span(name, at, at + size) for name, (_, at, size) in zip(names, together, strict=True)]
            )
