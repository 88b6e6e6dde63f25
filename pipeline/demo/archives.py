"""Archives that are the same bytes on every day, and the permutations that a shuffled corpus is made with."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_ZIP_EPOCH = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Order:
    """The order in which tables and archives are written: as drawn (0), or permuted by a number.

    >>> Order(0).of("t", [1, 2, 3]), sorted(Order(5).of("t", [1, 2, 3]))
    ([1, 2, 3], [1, 2, 3])
    """

    shuffle: int

    def of(self, table: str, items: Sequence[T]) -> list[T]:
        """Return the items in this order; `table` keeps the permutations of different tables apart."""
        arranged = list(items)
        if self.shuffle:
            random.Random(f"{self.shuffle}|{table}").shuffle(arranged)
        return arranged


def write_zip(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a zip whose bytes depend on names and contents alone (fixed dates, fixed modes)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zip_entry(name), data)


def zip_entry(name: str) -> zipfile.ZipInfo:
    """Return a deflated zip entry with a fixed date and mode.

    >>> zip_entry("a.txt").date_time
    (2026, 1, 1, 0, 0, 0)
    """
    entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def write_tgz(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a gzipped tar whose bytes depend on names and contents alone (no dates, no owners)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
