"""Fetch's blobs: files of many encoded images, read by position; at an address many ranges at a time."""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from pipeline.storage.places import Place, RemotePath
from pipeline.storage.stores.store import Span

_OPEN_BLOBS = 128
_GAP = 1 << 18
"""Bytes between two stretches of a blob that are read with them: a request of their own would take longer."""
AT_ONCE = 64
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
        while together := list(islice(waiting, AT_ONCE)):
            yield from read_together(self._folder, together, ".bin")


def read_together(folder: RemotePath, stretches: Sequence[Stretch], suffix: str = "") -> Iterator[bytes]:
    """Yield the bytes of stretches of files in a folder at an address, in order, all of which are asked for at once.

    `suffix`: of the files' names, which are stretches' first part. Raises StoreError when one cannot be read.
    """
    wide = _wide(stretches)
    names = [(folder / f"{unit}{suffix}").key for unit, _, _ in wide]
    found = folder.store.spans([Span(name, at, at + size) for name, (_, at, size) in zip(names, wide, strict=True)])
    yield from _cut(stretches, wide, found)


def _wide(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return what is to be asked for: stretches of one blob that lie near to one another are one.

    >>> _wide([("u", 100, 50), ("v", 0, 9), ("u", 0, 80), ("u", 999_999, 1)])
    [('u', 0, 150), ('u', 999999, 1), ('v', 0, 9)]
    """
    wide: list[Stretch] = []
    for unit, at, size in sorted(stretches):
        if wide and wide[-1][0] == unit and at <= sum(wide[-1][1:]) + _GAP:
            begin = wide[-1][1]
            wide[-1] = (unit, begin, max(sum(wide[-1][1:]), at + size) - begin)
        else:
            wide.append((unit, at, size))
    return wide


def _cut(stretches: Sequence[Stretch], wide: Sequence[Stretch], found: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the bytes of each stretch out of those of the wider ones, in the order of the stretches."""
    for unit, at, size in stretches:
        # The last that begins at or before it; no two of one blob overlap.
        number = bisect_right(wide, (unit, at, sys.maxsize)) - 1
        start = at - wide[number][1]
        yield found[number][start : start + size]
