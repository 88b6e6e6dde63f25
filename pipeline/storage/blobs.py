"""Fetch's blobs: files of many encoded images, read by position; at an address many ranges at a time."""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from pipeline.storage.files.cache import cache_limit
from pipeline.storage.places import Place, RemotePath
from pipeline.storage.places.machine_copies import copied
from pipeline.storage.stores.store import Entry, Span
from pipeline.storage.stores.store_error import short_error, store_error

_OPEN_BLOBS = 128
_GAP = 1 << 18
"""Bytes between two stretches of a blob that are read with them: a request of their own would take longer."""
_FEW, _FILES, _COPIED = 8, 2000, 2 << 30
"""Of more stretches than this, files fewer than this and bytes in all no more than this are copied to be read."""
AT_ONCE = 64
"""Ranges that are asked for together: what a store's answers take is waited for once for all of them."""

Stretch = tuple[str, int, int]
"""(unit, offset, length) of an image in the blob of its unit."""


class Blobs:
    """Reads from fetch's blobs by position, keeping a bounded number of them open.

    At an address they are asked for by ranges; of a small fetch, each whole and once, into the copies of this machine.
    """

    def __init__(self, folder: Place) -> None:
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()
        self._entries: dict[str, Entry] | None = None

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
        self._keep(unit, handle)
        data = os.pread(handle, length, offset)
        if len(data) != length:
            raise short_error(len(data), length, f"{self._folder}/{unit}.bin, byte {offset}")
        return data

    def each(self, stretches: Iterable[Stretch]) -> Iterator[bytes]:
        """Yield the bytes of every stretch, in order; memory: those of some dozen."""
        if isinstance(self._folder, Path):
            yield from (self(*stretch) for stretch in stretches)
            return
        waiting = iter(stretches)
        while together := list(islice(waiting, AT_ONCE)):
            if len(together) > _FEW and (small := self._copies(self._folder)):
                yield from (self._pread(small, *stretch) for stretch in together)
            else:
                yield from read_together(self._folder, together, ".bin")

    def _copies(self, folder: RemotePath) -> dict[str, Entry]:
        """Return the blobs by name, where all of them are few enough to be copied; else none."""
        if self._entries is None:
            found = folder.few(_FILES) or {}
            size = sum(_COPIED + 1 if entry.size is None else entry.size for entry in found.values())
            self._entries = found if size <= min(_COPIED, cache_limit() // 4) else {}
        return self._entries

    def _pread(self, entries: dict[str, Entry], unit: str, offset: int, length: int) -> bytes:
        handle = self._open.pop(unit, None)
        if handle is None:
            assert isinstance(self._folder, RemotePath)
            path = self._folder / f"{unit}.bin"
            if path.name not in entries:
                raise store_error(FileNotFoundError(2, "No such file or directory"), str(path))
            handle = os.open(copied(path, entries[path.name]), os.O_RDONLY)
        self._keep(unit, handle)
        data = os.pread(handle, length, offset)
        if len(data) != length:
            raise short_error(len(data), length, f"{self._folder}/{unit}.bin, byte {offset}")
        return data

    def _keep(self, unit: str, handle: int) -> None:
        self._open[unit] = handle
        if len(self._open) > _OPEN_BLOBS:
            os.close(self._open.popitem(last=False)[1])


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
